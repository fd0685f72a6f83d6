"""Taking one person out of every audience: asking for it, looking at it, and saying that something was done by hand. Callers commit.

The work itself is done by workers (`removal_work`): it goes on while syncs are switched off, and nothing holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session, joinedload

from segsync.actions import alerts, contacts, opt_outs
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.models import Contact, Person, Removal, RemovalTask, Sync, Workspace
from segsync.rules.removal_words import RemovalState, Sort, TaskState
from segsync.rules.rights import Right
from segsync.rules.terms import Consent, Subscription

LONGEST_REASON: Final = 200
SIGNIN: Final = "signin."
"""What the codes begin with that a sign-in which works again proves gone."""
_EVENTS: Final = {
    Sort.OPT_OUT: "contact.opt_out",
    Sort.CONSENT: "contact.withdraw",
    Sort.ERASURE: "contact.erase",
}


@dataclass(frozen=True)
class Wish:
    """Why a person is to be taken out."""

    sort: Sort
    reason: str = ""


def ask(session: Session, actor: Actor, workspace: Workspace, contact_id: int, wish: Wish, *, now: datetime) -> Removal:
    """Begins to take a person out of every audience. From this moment no run sends them. Wake the removal after the commit.

    Other contacts of the same person go with them, in every workspace of the organization, each by a removal of its own. Asked
    again, the one that is under way is returned. Raises Refused.
    """
    actor.need(Right.TAKE_OUT)
    contact = contacts.find(session, workspace, contact_id)
    wish = Wish(wish.sort, wish.reason.strip())
    if len(wish.reason) > LONGEST_REASON:
        raise Refused(f"A reason may have {LONGEST_REASON} characters.", field="reason")
    opt_outs.lock(session, actor.organization_id, alone=True)
    others = opt_outs.same_person(session, actor.organization_id, contact)
    everyone = sorted([contact, *others], key=lambda each: each.id)
    asked = {each.id: _ask(session, actor, each, wish, now=now) for each in everyone}
    return asked[contact.id]


def _ask(session: Session, actor: Actor, contact: Contact, wish: Wish, *, now: datetime) -> Removal:
    session.refresh(contact, with_for_update=True)
    sort, reason = wish.sort, wish.reason
    open_one = session.scalar(
        select(Removal)
        .where(Removal.contact_id == contact.id, Removal.sort == sort.value, Removal.done_at.is_(None))
        .with_for_update()
    )
    if open_one is not None and _is_barred(contact, sort):
        return open_one
    _bar(contact, sort, actor)
    if open_one is not None:  # they came back while it waited, and may have been sent again
        open_one.state, open_one.next_at = RemovalState.BEGUN.value, now
        record(session, actor, _EVENTS[sort], contacts.subject(contact), reason=reason)
        session.flush()
        return open_one
    removal = Removal(
        organization_id=actor.organization_id,
        workspace_id=contact.workspace_id,
        contact_id=contact.id,
        sort=sort.value,
        state=RemovalState.BEGUN.value,
        person_id=actor.person_id,
        reason=reason,
        created_at=now,
        due_at=now + sort.due_in,
        next_at=now,
    )
    session.add(removal)
    record(session, actor, _EVENTS[sort], contacts.subject(contact), reason=reason)
    session.flush()
    return removal


def _is_barred(contact: Contact, sort: Sort) -> bool:
    denied = {contact.ad_user_data, contact.ad_personalization} == {Consent.DENIED}
    return contact.subscription == Subscription.NO and (denied or sort is not Sort.CONSENT)


def _bar(contact: Contact, sort: Sort, actor: Actor) -> None:
    """Not subscribed is the one word that every channel goes by; a withdrawn consent is kept as that too."""
    source = f"{sort.label}, recorded by {actor.name}"
    opt_outs.hold(contact, source)
    if sort is Sort.CONSENT:
        contact.ad_user_data = contact.ad_personalization = Consent.DENIED.value
        contact.consent_source, contact.consent_at = source, func.now()
    contact.updated_at = func.now()


def listed(actor: Actor, *, open_only: bool = False) -> Select[Any]:
    """The removals of the organization, newest first."""
    actor.need(Right.TAKE_OUT)
    wanted = select(Removal).where(Removal.organization_id == actor.organization_id)
    if open_only:
        wanted = wanted.where(Removal.done_at.is_(None))
    return wanted.order_by(Removal.id.desc())


def find(session: Session, actor: Actor, removal_id: int) -> Removal:
    """One of them. Raises Refused."""
    actor.need(Right.TAKE_OUT)
    removal = session.get(Removal, removal_id)
    if removal is None or removal.organization_id != actor.organization_id:
        raise NotThere("There is no such removal.")
    return removal


def tasks(session: Session, removal: Removal) -> Sequence[RemovalTask]:
    """One for each audience, in order."""
    ordered = select(RemovalTask).where(RemovalTask.removal_id == removal.id).order_by(RemovalTask.id)
    return session.scalars(ordered.options(joinedload(RemovalTask.sync).joinedload(Sync.segment))).all()


def of_contact(session: Session, contact: Contact) -> Sequence[Removal]:
    """What was asked for a contact, newest first."""
    return session.scalars(
        select(Removal).where(Removal.contact_id == contact.id).order_by(Removal.id.desc()).limit(10)
    ).all()


def counts(session: Session, removals: Sequence[Removal]) -> Mapping[int, tuple[int, int]]:
    """How many audiences each is about, and of how many it is confirmed, by its id."""
    confirmed = func.count().filter(RemovalTask.state == TaskState.CONFIRMED)
    rows = session.execute(
        select(RemovalTask.removal_id, func.count(), confirmed)
        .where(RemovalTask.removal_id.in_([removal.id for removal in removals]))
        .group_by(RemovalTask.removal_id)
    )
    return {removal_id: (total, done) for removal_id, total, done in rows}


def names(session: Session, removals: Sequence[Removal]) -> Mapping[int, str]:
    """The people who asked, by id."""
    ids = {removal.person_id for removal in removals if removal.person_id}
    return dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(ids))).all())


def done_by_hand(session: Session, actor: Actor, removal_id: int, task_id: int, *, now: datetime) -> RemovalTask:
    """Somebody took the person out on the channel's own page. Wake the removal after the commit. Raises Refused."""
    removal = find(session, actor, removal_id)
    task = session.get(RemovalTask, task_id, with_for_update=True)
    if task is None or task.removal_id != removal.id:
        raise NotThere("There is no such task.")
    if task.state != TaskState.BY_HAND:
        raise Refused("This is not waiting for anybody: it goes on by itself.")
    task.state, task.sent_at, task.final_at = TaskState.SENT.value, now, now
    task.by_hand_by, task.problem_code, task.next_at = actor.person_id, None, now
    removal.next_at = now
    alerts.close_cause(session, removal.organization_id, cause_key(task), now=now)
    subject = Subject("contact", removal.contact_id, f"Removal {removal.id}")
    sync = task.sync
    record(session, actor, "contact.out_by_hand", subject, change=({}, {"sync": sync.public_id}))
    return task


def wake_waiting(session: Session, integration_id: int, *, now: datetime) -> None:
    """A sign-in is good again: what could not be asked through it is done now, and not only at its daily look."""
    through_it = select(Sync.id).where(Sync.integration_id == integration_id)
    woken = session.scalars(
        update(RemovalTask)
        .where(RemovalTask.sync_id.in_(through_it), RemovalTask.state != TaskState.CONFIRMED.value)
        .where(RemovalTask.problem_code.startswith(SIGNIN), RemovalTask.next_at > now)
        .values(next_at=now)
        .returning(RemovalTask.removal_id)
    ).all()
    session.execute(update(Removal).where(Removal.id.in_(woken), Removal.done_at.is_(None)).values(next_at=now))


def cause_key(task: RemovalTask) -> str:
    """The incident of an audience that cannot be asked: one for each removal and audience."""
    return f"removal:{task.id}"
