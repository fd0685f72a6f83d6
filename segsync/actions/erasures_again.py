"""Erasures after a backup was restored: whoever was erased since is recognised by the exported proofs, and erased again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from segsync.actions import erased, removals
from segsync.actions.actor import Actor, Refused
from segsync.actions.erased import Kept
from segsync.actions.removals import Wish
from segsync.models import Contact, Organization, Workspace
from segsync.rules.identity import CONTACT_IDENTITY
from segsync.rules.removal_words import Sort
from segsync.runtime import Runtime

AT_A_TIME: Final = 10_000
REASON: Final = "Erased before, and back with a restored backup"


@dataclass(frozen=True)
class Proof:
    """A line of the export."""

    organization_id: int
    digest: str
    erased_at: datetime
    held_out_by: dict[str, str] = field(default_factory=dict)


def read(lines: Iterable[str]) -> Iterator[Proof]:
    """The proofs of an export. Raises Refused, naming the line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            at = datetime.fromisoformat(told["erased_at"])
            digest, hashed = str(told["digest"]), told.get("hash_sealed")
            yield Proof(int(told["organization"]), digest, at, {digest: str(hashed)} if hashed else {})
        except (ValueError, KeyError, TypeError):
            raise Refused(f"Line {number:,} is no proof as `segsync erasures export` writes it.") from None


def apply(runtime: Runtime, proofs: Iterable[Proof], name: str) -> int:
    """Keeps the proofs, and begins the erasure of every contact that they recognise. Returns how many. Workers do the rest.

    Somebody who was let in again after their erasure stays: the contact is younger than the proof.
    """
    by_organization: dict[int, list[Proof]] = {}
    for proof in proofs:
        by_organization.setdefault(proof.organization_id, []).append(proof)
    with runtime.sessions.begin() as session:
        for organization_id, of_it in by_organization.items():
            if session.get(Organization, organization_id) is None:
                raise Refused(
                    f"There is no organization {organization_id} here: these are proofs of another installation."
                )
            for proof in of_it:
                erased.keep(session, organization_id, [proof.digest], Kept(proof.erased_at, None, proof.held_out_by))
    begun = 0
    with runtime.sessions() as session:
        workspaces = session.scalars(select(Workspace).where(Workspace.organization_id.in_(by_organization))).all()
    for workspace in workspaces:
        begun += sum(_window(runtime, workspace, ids, name) for ids in _windows(runtime, workspace))
    return begun


def _windows(runtime: Runtime, workspace: Workspace) -> Iterator[list[Contact]]:
    low = 0
    while True:
        with runtime.sessions() as session:
            query = select(Contact).where(Contact.workspace_id == workspace.id, Contact.id > low)
            found = list(session.scalars(query.order_by(Contact.id).limit(AT_A_TIME)))
        if not found:
            return
        low = found[-1].id
        yield found


def _window(runtime: Runtime, workspace: Workspace, contacts: list[Contact], name: str) -> int:
    values = [{field: getattr(contact, field) for field in CONTACT_IDENTITY} for contact in contacts]
    with runtime.sessions.begin() as session:
        known = erased.recognised(session, runtime.vault, workspace, values)
        again = [contacts[place] for place, at in known.items() if contacts[place].created_at <= at]
        for contact in again:
            _ask(runtime, session, workspace, contact, name)
    return len(again)


def _ask(runtime: Runtime, session: Session, workspace: Workspace, contact: Contact, name: str) -> None:
    actor = Actor.command_line(session.get_one(Organization, workspace.organization_id), name)
    removals.ask(session, actor, workspace, contact.id, Wish(Sort.ERASURE, REASON), now=runtime.clock())
