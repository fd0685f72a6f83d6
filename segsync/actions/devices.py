"""Linked devices of contacts: known for matching between workspaces, never sent to a channel. Callers commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from segsync.actions import contacts
from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import record
from segsync.actions.device_links import MOST_DEVICES
from segsync.models import Contact, LinkedDevice, Workspace
from segsync.rules.cleaning import CONTACT, Door, clean
from segsync.rules.rights import Right

KINDS: Final = {"idfv": "Apple device (IDFV)", "android_id": "Android device (Android ID)"}


def of(session: Session, contact: Contact) -> Sequence[LinkedDevice]:
    """The devices of a contact, oldest first."""
    mine = select(LinkedDevice).where(LinkedDevice.contact_id == contact.id)
    return session.scalars(mine.order_by(LinkedDevice.id)).all()


def add(session: Session, actor: Actor, workspace: Workspace, contact_id: int, *, kind: str, value: str) -> None:
    """Links a device; again is no error. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    contact = contacts.find(session, workspace, contact_id)
    if kind not in KINDS:
        raise Refused("Choose the kind of device.", field="kind")
    cell = clean(CONTACT[kind], value, Door())
    if len(cell.value or ()) != 1:
        raise Refused(cell.reason.sentence if cell.reason else "Give one id of one device.", field="value")
    if len(of(session, contact)) >= MOST_DEVICES:
        raise Refused(f"A contact may have {MOST_DEVICES} devices.", field="value")
    device = {"workspace_id": workspace.id, "contact_id": contact.id, "kind": kind, "value": cell.value[0]}
    added = insert(LinkedDevice).values(device).on_conflict_do_nothing().returning(LinkedDevice.id)
    if session.scalar(added):
        record(session, actor, "contact.add_device", contacts.subject(contact), change=({}, {"kind": kind}))


def remove(session: Session, actor: Actor, workspace: Workspace, contact_id: int, device_id: int) -> None:
    """Unlinks a device; one that is gone already is no error. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    contact = contacts.find(session, workspace, contact_id)
    device = session.get(LinkedDevice, device_id)
    if device is not None and device.contact_id == contact.id:
        session.delete(device)
        record(session, actor, "contact.remove_device", contacts.subject(contact), change=({"kind": device.kind}, {}))
