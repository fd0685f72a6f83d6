"""Contacts as people look them up and edit them. Everything stays inside one workspace. Callers commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, literal_column, select, union
from sqlalchemy.orm import Session

from segsync.actions import erased, opt_outs
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.actions.company_links import link_contact
from segsync.actions.import_merge import lock
from segsync.actions.records import cleaned, prefix, put
from segsync.models import Company, Contact, Workspace
from segsync.rules.cleaning import CONTACT, Door, clean
from segsync.rules.cleaning_text import tidy
from segsync.rules.identity import CONTACT_IDENTITY, identity_of
from segsync.rules.rights import Right
from segsync.rules.terms import Consent, Subscription
from segsync.vault import Vault

FOUND_AT_MOST: Final = 50
FEWEST_DIGITS: Final = 3
_DOMAIN: Final[ColumnElement[str]] = literal_column("split_part(contact.email, '@', 2)")


@dataclass(frozen=True)
class Said:
    """What a contact said, and where they said it."""

    subscription: str
    ad_user_data: str
    ad_personalization: str
    source: str = ""


@dataclass(frozen=True)
class Gate:
    """By what erased people are recognised, and whether whoever types them confirms that they asked to be here again."""

    vault: Vault
    let_in: bool = False


def in_workspace(workspace: Workspace) -> Select[Contact]:
    """All contacts of a workspace, newest first."""
    return select(Contact).where(Contact.workspace_id == workspace.id).order_by(Contact.id.desc())


def count(session: Session, workspace: Workspace) -> int:
    """How many contacts a workspace has."""
    return session.scalar(select(func.count()).where(Contact.workspace_id == workspace.id)) or 0


def search(session: Session, actor: Actor, workspace: Workspace, text: str) -> Sequence[Contact]:
    """Contacts whose e-mail, name, phone or external id begins so; `@example.com` finds an e-mail domain. At most 50."""
    actor.need(Right.SEE_VALUES)
    text = tidy(text)
    if not text:
        return []
    mine = select(Contact.id).where(Contact.workspace_id == workspace.id)
    # Each way has an index of its own and ends as soon as it found enough.
    ways = [mine.where(way).limit(FOUND_AT_MOST).subquery() for way in _ways(text, workspace)]
    ids = union(*(select(way.c.id) for way in ways)).subquery()
    return session.scalars(
        select(Contact).where(Contact.id.in_(select(ids.c.id))).order_by(Contact.id).limit(FOUND_AT_MOST)
    ).all()


def _ways(text: str, workspace: Workspace) -> list[ColumnElement[bool]]:
    low = text.lower()
    if low.startswith("@"):
        return [_DOMAIN.like(prefix(low[1:])) & Contact.email.is_not(None)]
    if "@" in low:
        return [Contact.email.like(prefix(low))]
    ways = [
        Contact.email.like(prefix(low)),
        Contact.external_id.like(prefix(text)),
        *_by_name(low.replace(",", " ").split()),
    ]
    digits = "".join(c for c in text if c.isdigit())
    if len(digits) >= FEWEST_DIGITS and not any(c.isalpha() for c in text):
        ways += _by_phone(text, digits, workspace)
    return ways


def _by_name(words: list[str]) -> list[ColumnElement[bool]]:
    first, last = func.lower(Contact.first_name), func.lower(Contact.last_name)
    if len(words) == 1:
        return [first.like(prefix(words[0])), last.like(prefix(words[0]))]
    one, other = prefix(words[0]), prefix(" ".join(words[1:]))
    before, end = prefix(" ".join(words[:-1])), prefix(words[-1])
    return [last.like(other) & first.like(one), last.like(one) & first.like(other), last.like(end) & first.like(before)]


def _by_phone(text: str, digits: str, workspace: Workspace) -> list[ColumnElement[bool]]:
    whole = clean(CONTACT["phone"], text, Door(workspace.country)).value
    starts = [f"+{digits.lstrip('0')}"] + ([whole] if whole else [])
    return [Contact.phone.like(prefix(start)) for start in starts]


LET_IN: Final = {"erased_people_let_in": True}
"""In the audit trail, as of an import: who typed them confirmed that they asked to be here again."""


class Erased(Refused):
    """Somebody who was erased: they are let in only by a person who confirms that they asked for it."""

    def __init__(self, at: datetime) -> None:
        super().__init__(
            f"This person was erased on {at:%Y-%m-%d}. Whoever knows that they want to be here again confirms it below; it is kept with the name."
        )


def find(session: Session, workspace: Workspace, contact_id: int) -> Contact:
    """A contact of this workspace. Raises Refused."""
    contact = session.get(Contact, contact_id)
    if contact is None or contact.workspace_id != workspace.id:
        raise NotThere("There is no such contact in this workspace.")
    return contact


def create(session: Session, actor: Actor, workspace: Workspace, raw: Mapping[str, str], *, gate: Gate) -> Contact:
    """A new contact from what was typed. Raises Refused, also for somebody who is there already, and Erased."""
    actor.need(Right.EDIT_DATA)
    values = _cleaned(session, workspace, raw)
    opt_outs.lock(session, workspace.organization_id, alone=False)
    lock(session, workspace.id)
    let_in = _check_erased(session, workspace, values, gate)
    there = _same(session, workspace, values)
    if there:
        raise Refused(
            "This person is here already.",
            field=_shared(there, values),
            link=("Open that contact", f"/w/{workspace.id}/contacts/{there.id}"),
        )
    contact = Contact(workspace_id=workspace.id, custom={}, tags=[])
    session.add(contact)
    put(contact, values)
    _hold_if_out(session, workspace, contact)
    session.flush()
    link_contact(session, workspace.id, contact.id)
    record(session, actor, "contact.create", subject(contact), change=({}, LET_IN if let_in else {}))
    session.refresh(contact)
    return contact


def change(
    session: Session, actor: Actor, workspace: Workspace, contact_id: int, raw: Mapping[str, str], *, gate: Gate
) -> list[str]:
    """Sets the fields that were typed; an empty one is emptied. The names of those that changed. Raises Refused and Erased."""
    actor.need(Right.EDIT_DATA)
    contact = find(session, workspace, contact_id)
    values = _cleaned(session, workspace, raw, contact)
    opt_outs.lock(session, workspace.organization_id, alone=False)
    lock(session, workspace.id)
    new = {name: value for name, value in values.items() if value != getattr(contact, name, None)}
    let_in = _check_erased(session, workspace, new, gate)
    _check_external_id(session, workspace, values, contact.id)
    changed = put(contact, values)
    if changed:
        if not new.keys().isdisjoint(CONTACT_IDENTITY):
            _hold_if_out(session, workspace, contact)
        session.flush()
        link_contact(session, workspace.id, contact.id)
        told = {"fields": sorted(changed), **(LET_IN if let_in else {})}
        record(session, actor, "contact.change", subject(contact), change=({}, told))
        session.refresh(contact)
    return changed


def say(session: Session, actor: Actor, workspace: Workspace, contact_id: int, said: Said) -> bool:
    """Keeps subscription and both advertising consents with source and time, where they differ. Raises Refused.

    Who opts out does so for every contact of theirs in the organization; whatever else is said is said of this one.
    """
    actor.need(Right.EDIT_DATA)
    opt_outs.lock(session, workspace.organization_id, alone=True)
    contact = find(session, workspace, contact_id)
    if said.subscription not in set(Subscription):
        raise Refused("Choose yes, no or unknown.", field="subscription")
    if {said.ad_user_data, said.ad_personalization} - set(Consent):
        raise Refused("Choose granted, denied or unknown.", field="ad_user_data")
    source = tidy(said.source) or f"Entered by {actor.name}"
    before, after = _statements(contact), (said.subscription, said.ad_user_data, said.ad_personalization)
    if before == after:
        return False
    if before[0] != after[0]:
        contact.subscription, contact.subscription_source = said.subscription, source
        contact.subscription_at = func.now()
    if before[1:] != after[1:]:
        contact.ad_user_data, contact.ad_personalization = said.ad_user_data, said.ad_personalization
        contact.consent_source, contact.consent_at = source, func.now()
    contact.updated_at = func.now()
    names = ("subscription", "ad_user_data", "ad_personalization")
    told = dict(zip(names, before, strict=True)), dict(zip(names, after, strict=True))
    record(session, actor, "contact.consent", subject(contact), change=told)
    if before[0] != after[0] == Subscription.NO:
        _for_the_person(session, actor, workspace, contact, source)
    session.flush()
    session.refresh(contact)
    return True


def _for_the_person(session: Session, actor: Actor, workspace: Workspace, contact: Contact, source: str) -> None:
    for other in opt_outs.same_person(session, workspace.organization_id, contact):
        was = other.subscription
        if opt_outs.hold(other, source):
            told = {"subscription": was}, {"subscription": Subscription.NO.value}
            record(session, actor, "contact.consent", subject(other), change=told)


def company_of(session: Session, contact: Contact) -> Company | None:
    """Where the contact works."""
    return session.get(Company, contact.company_id) if contact.company_id else None


def subject(contact: Contact) -> Subject:
    """A contact as the audit trail names it: by number, since the trail holds no personal data."""
    return Subject("contact", contact.id, f"Contact {contact.id}")


def _statements(contact: Contact) -> tuple[str, str, str]:
    return contact.subscription, contact.ad_user_data, contact.ad_personalization


def _cleaned(
    session: Session, workspace: Workspace, raw: Mapping[str, str], contact: Contact | None = None
) -> dict[str, Any]:
    values = cleaned(session, workspace, "contact", raw)
    known = {name: values.get(name, getattr(contact, name, None)) for name in CONTACT_IDENTITY}
    if not any(known.values()):
        raise Refused("Give an e-mail, a phone or an external id: something to know this person by.", field="email")
    return values


def _same(session: Session, workspace: Workspace, values: Mapping[str, Any]) -> Contact | None:
    identity = identity_of(values, CONTACT_IDENTITY)
    mine = Contact.workspace_id == workspace.id
    for place, name in enumerate(CONTACT_IDENTITY):
        if identity[place] is None:
            continue
        stronger = [
            getattr(Contact, other).is_(None)
            for other, value in zip(CONTACT_IDENTITY[:place], identity, strict=False)
            if value is not None
        ]
        found = session.scalars(
            select(Contact).where(mine, getattr(Contact, name) == identity[place], *stronger).limit(1)
        ).first()
        if found:
            return found
    return None


def _shared(contact: Contact, values: Mapping[str, Any]) -> str:
    return next(name for name in CONTACT_IDENTITY if values.get(name) and getattr(contact, name) == values[name])


def _check_erased(session: Session, workspace: Workspace, values: Mapping[str, Any], gate: Gate) -> bool:
    """Whether somebody who was erased comes back by these values, as whoever typed them confirms. Raises Erased otherwise."""
    row = {name: values.get(name) for name in CONTACT_IDENTITY}
    found = erased.recognised(session, gate.vault, workspace, [row])
    if not found:
        return False
    if not gate.let_in:
        raise Erased(found[0])
    erased.let_in(session, gate.vault, workspace, [row])
    return True


def _hold_if_out(session: Session, workspace: Workspace, contact: Contact) -> None:
    known = {name: getattr(contact, name) for name in CONTACT_IDENTITY}
    if opt_outs.is_out(session, workspace.organization_id, known, but=contact.id or 0):
        opt_outs.hold(contact, opt_outs.BEFORE)


def _check_external_id(session: Session, workspace: Workspace, values: Mapping[str, Any], but: int) -> None:
    wanted = values.get("external_id")
    if not wanted:
        return
    other = session.scalar(
        select(Contact.id).where(Contact.workspace_id == workspace.id, Contact.external_id == wanted, Contact.id != but)
    )
    if other:
        raise Refused(
            "Another contact has this external id.",
            field="external_id",
            link=("Open that contact", f"/w/{workspace.id}/contacts/{other}"),
        )
