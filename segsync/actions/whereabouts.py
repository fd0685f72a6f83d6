"""Where is this person? For one contact: which segments, syncs and audiences they are in, and where not, why not. Callers commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import Select, func, literal, or_, select
from sqlalchemy.orm import Session, joinedload

from connectors.contract import Capabilities, Kind
from connectors.registry import CHANNELS
from segsync.actions import books, memberships
from segsync.actions.actor import Actor, Refused, acting_person
from segsync.actions.audit import Subject, record
from segsync.actions.contacts import subject
from segsync.audience import one_person
from segsync.audience.conditions import Gone
from segsync.audience.files import FileUnreadable, Part
from segsync.audience.plan import ADDITIONS, REMOVALS
from segsync.audience.sources import BARRED, bar, kind_for
from segsync.models import Contact, DataFile, Run, Segment, Sync, Workspace
from segsync.rules.cleaning import CONTACT, Door, clean
from segsync.rules.rights import Right
from segsync.rules.standing import Meant, Row, Standing, standing
from segsync.rules.terms import SegmentKind
from segsync.runtime import Runtime

FOUND_AT_MOST = 50
MOST_SYNCS = 100
"""Syncs looked at; each is a question or two to the database."""


@dataclass(frozen=True)
class Place:
    """One audience. `standing` is None where our books cannot be read on this machine, or where it has to be found out."""

    sync: Sync
    standing: Standing | None
    from_warehouse: bool = False
    """Its members are rows of a warehouse: in our books somebody is found by e-mail and phone alone, by a worker."""
    nameless: bool = False
    """The contact has neither of them that this channel takes."""

    @property
    def first_sent(self) -> datetime | None:
        """When the channel first took them."""
        return _moment(self.standing.first_sent if self.standing else None)

    @property
    def last_sent(self) -> datetime | None:
        """When the channel last took them."""
        return _moment(self.standing.last_sent if self.standing else None)


@dataclass(frozen=True)
class Whereabouts:
    """What is known of one contact."""

    segments: Sequence[Segment]
    places: Sequence[Place]
    more: int
    """Syncs that were not looked at, because there are too many."""


def find(session: Session, actor: Actor, workspaces: Sequence[Workspace], text: str) -> Sequence[Found[Contact, str]]:
    """The contacts of these workspaces with exactly this e-mail, phone or external id, with their workspace's name. Raises Refused."""
    actor.need(Right.SEE_VALUES)
    text = text.strip().replace("\x00", "")
    if not text:
        raise Refused("Give an e-mail, a phone number or an external id.", field="who")
    ways = [Contact.external_id == text]
    email = clean(CONTACT["email"], text, Door()).value
    if email:
        ways.append(Contact.email == email)
    for country in sorted({workspace.country for workspace in workspaces}):
        phone = clean(CONTACT["phone"], text, Door(country)).value
        if phone:
            ways.append(Contact.phone == phone)
    found = session.execute(
        select(Contact, Workspace.name)
        .join(Workspace, Workspace.id == Contact.workspace_id)
        .where(Contact.workspace_id.in_([workspace.id for workspace in workspaces]), or_(*ways))
        .order_by(Contact.id)
        .limit(FOUND_AT_MOST)
    ).all()
    if len(found) != 1:  # looking at the one who fits is recorded by itself
        me = acting_person(session, actor)
        record(session, actor, "contact.find", Subject("person", me.id, me.name), change=({}, {"found": len(found)}))
    return found


def look(runtime: Runtime, session: Session, actor: Actor, contact: Contact) -> Whereabouts:
    """Where a contact is. Every look is in the audit trail, by the contact's number only."""
    actor.need(Right.SEE_VALUES)
    record(session, actor, "contact.where", subject(contact))
    return seen(runtime, session, actor, contact)


def seen(runtime: Runtime, session: Session, actor: Actor, contact: Contact) -> Whereabouts:
    """The same for whoever looked a moment ago, and gets the rest of that."""
    actor.need(Right.SEE_VALUES)
    now = runtime.clock()
    syncs = syncs_of(session, contact)
    total = session.scalar(select(func.count()).select_from(_live(contact).subquery())) or 0
    ledgers, plans = _parts(session, syncs, contact.id)
    asked = _Asked(session, contact, now)
    places = []
    for sync in syncs:
        if not takes_people(sync):
            continue
        if sync.segment.kind == SegmentKind.WAREHOUSE:  # the numbers in its ledger mean other people
            places.append(Place(sync, None, from_warehouse=True))
            continue
        planned = _planned(runtime, sync, plans.get(sync.id, {}), contact.id)
        places.append(_place(runtime, asked, sync, ledgers.get(sync.id, []), planned))
    segments = memberships.of_contact(session, contact, now, asked.inside)
    return Whereabouts(segments, places, max(0, total - len(syncs)))


def answered(seen: Whereabouts, answer: Mapping[str, Any]) -> Whereabouts:
    """The same, with what a worker found in the books of audiences that a warehouse fills."""
    found = answer.get("places", {})
    nobody: Mapping[str, Any] = {"rows": []}  # a sync that is newer than the answer
    places = [
        _by_keys(place.sync, found.get(str(place.sync.id), nobody)) if place.from_warehouse else place
        for place in seen.places
    ]
    return replace(seen, places=places)


def _by_keys(sync: Sync, found: Mapping[str, Any] | None) -> Place:
    if found is None or found.get("nameless"):
        return Place(sync, None, from_warehouse=True, nameless=found is not None)
    rows = [Row(**{**row, "keys": tuple(row["keys"])}) for row in found["rows"]]
    planned, why = found.get("planned", ""), found.get("barred", "")
    gone = sync.segment.deleted_at is not None
    meant = Meant(member=not gone and bool(rows or planned or why), barred=why)
    return Place(sync, standing(meant, rows, planned), from_warehouse=True)


def _live(contact: Contact) -> Select[Sync]:
    return select(Sync).where(Sync.workspace_id == contact.workspace_id, Sync.deleted_at.is_(None))


def syncs_of(session: Session, contact: Contact) -> Sequence[Sync]:
    """The syncs of the contact's workspace that are looked at, with their segments."""
    ordered = _live(contact).order_by(Sync.channel, func.lower(Sync.account_name), Sync.id).limit(MOST_SYNCS)
    return session.scalars(ordered.options(joinedload(Sync.segment))).all()


def takes_people(sync: Sync) -> bool:
    """Whether its audience holds people rather than companies."""
    return sync.channel in CHANNELS and kind_for(CHANNELS[sync.channel].capabilities, sync.segment) is Kind.PEOPLE


def _place(runtime: Runtime, asked: _Asked, sync: Sync, parts: Sequence[Part], planned: str | None) -> Place:
    capabilities, contact = CHANNELS[sync.channel].capabilities, asked.contact
    try:
        folder = books.folder(runtime, sync)
        rows: list[Row] = one_person.ledger_rows(folder, parts, contact.id, capabilities.shapes[Kind.PEOPLE])
    except FileUnreadable:
        return Place(sync, None)
    if planned is None:
        return Place(sync, None)
    return Place(sync, standing(asked.meant(sync.segment, capabilities), rows, planned))


@dataclass(frozen=True)
class _Asked:
    """What is asked about one contact, by the same expressions that runs go by: each segment once, and each channel once."""

    session: Session
    contact: Contact
    now: datetime
    inside: dict[int, bool] = field(default_factory=dict)
    barred: dict[str, str] = field(default_factory=dict)

    def meant(self, segment: Segment, capabilities: Capabilities) -> Meant:
        """Whether the contact is meant, and may and can be sent."""
        if segment.deleted_at is not None:
            return Meant(member=False)
        member = memberships.holds(self.session, segment, self.contact, self.now, self.inside)
        if capabilities.name not in self.barred:
            self.barred[capabilities.name] = self._barred(segment, capabilities)
        keys = capabilities.shapes[Kind.PEOPLE].keys
        has_key = any(all(getattr(self.contact, name) is not None for name in key.made_of) for key in keys)
        return Meant(member, self.barred[capabilities.name], has_key)

    def _barred(self, segment: Segment, capabilities: Capabilities) -> str:
        """Why the contact may not be sent: the same for every segment of their workspace."""
        names = lambda number: self.session.get_one(Segment, number)  # noqa: E731
        try:
            against = bar(self.session, Contact, segment, capabilities, now=self.now, names=names)
            kept_out = against.excluded.joined(self.contact.id - 1, self.contact.id)
        except Gone:  # an excluded segment: the run fails with the same, and says so
            return ""
        query = select(against.why_not(kept_out)).select_from(Contact).where(Contact.id == self.contact.id)
        if kept_out is not None:
            query = query.outerjoin(kept_out, kept_out.c.id == Contact.id)
        why = self.session.scalar(query)
        return BARRED[why] if why else ""


def _parts(
    session: Session, syncs: Iterable[Sync], member: int
) -> tuple[dict[int, list[Part]], dict[int, dict[str, list[Part]]]]:
    """The files that can hold the person: of the current ledgers, and of plans that are not yet folded, by sync."""
    current = {sync.ledger_id: sync.id for sync in syncs if sync.ledger_id}
    spans = (DataFile.low < literal(member)) & (DataFile.high >= literal(member)) & DataFile.unnamed_at.is_(None)
    ledgers: dict[int, list[Part]] = {}
    for file in session.scalars(select(DataFile).where(DataFile.ledger_id.in_(current), spans)):
        ledgers.setdefault(file.sync_id, []).append(books.part_of(file))
    open_plans = select(Run.id).where(Run.sync_id.in_([sync.id for sync in syncs]), Run.plan_id.is_not(None))
    plans: dict[int, dict[str, list[Part]]] = {}
    for file in session.scalars(select(DataFile).where(DataFile.run_id.in_(open_plans), spans)):
        plans.setdefault(file.sync_id, {}).setdefault(file.sort, []).append(books.part_of(file))
    return ledgers, plans


def _planned(runtime: Runtime, sync: Sync, plan: dict[str, list[Part]], member: int) -> str | None:
    """What the plan under way does with the person; None where its files cannot be read."""
    folder = books.folder(runtime, sync)
    try:
        for sort, word in (*((one, "add") for one in ADDITIONS), (REMOVALS, "remove")):
            if any(one_person.rows_of(folder, plan.get(sort, []), member)):
                return word
    except FileUnreadable:
        return None
    return ""


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
