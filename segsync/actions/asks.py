"""Questions to a channel that a page asks: recorded here, answered by the worker reserved for them, polled by the page.

Pages never call a channel themselves. Parameters are ids only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from connectors.problems import ConnectorProblem
from segsync.actions.actor import Actor, NotThere, acting_person
from segsync.actions.ask_kinds import KINDS
from segsync.actions.trouble import Trouble
from segsync.models import Ask
from segsync.rules.terms import AskState
from segsync.runtime import Runtime

LEASE = timedelta(minutes=3)
AGAIN_AFTER = timedelta(seconds=5)
MOST_TRIES = 3
BROKEN = "bug.broken"
SAME_FOR = timedelta(seconds=30)
"""The same question asked again so soon gets the same answer."""


def ask(runtime: Runtime, session: Session, actor: Actor, kind: str, params: Mapping[str, Any]) -> Ask:
    """Records a question, or finds the same one asked a moment ago. After the commit: `queue.wake_ask(ask.id)`.

    Raises Refused for what the person may not ask about.
    """
    person = acting_person(session, actor)
    KINDS[kind].allowed(session, actor, params)
    now = runtime.clock()
    same = session.scalars(
        select(Ask)
        .where(Ask.person_id == person.id, Ask.kind == kind, Ask.params == dict(params))
        .where(Ask.created_at > now - SAME_FOR, Ask.state != AskState.FAILED.value)
        .order_by(Ask.id.desc())
    ).first()
    if same is not None:
        return same
    asked = Ask(
        organization_id=actor.organization_id,
        person_id=person.id,
        kind=kind,
        params=dict(params),
        state=AskState.QUEUED.value,
        created_at=now,
    )
    session.add(asked)
    session.flush()
    return asked


def own(session: Session, actor: Actor, ask_id: int) -> Ask:
    """A question that this person asked. Raises Refused for any other."""
    asked = session.get(Ask, ask_id)
    if asked is None or asked.person_id != actor.person_id:
        raise NotThere("You asked no such question.")
    return asked


def last(session: Session, actor: Actor, kind: str, params: Mapping[str, Any]) -> Ask | None:
    """The newest question of this kind that this person asked, answered or not."""
    return session.scalars(
        select(Ask)
        .where(Ask.person_id == actor.person_id, Ask.kind == kind, Ask.params == dict(params))
        .order_by(Ask.id.desc())
        .limit(1)
    ).first()


def failed_lately(runtime: Runtime, asked: Ask) -> bool:
    """Whether the channel could not be asked a moment ago: then it is left in peace for a little."""
    return asked.state == AskState.FAILED and lately(runtime, asked)


def lately(runtime: Runtime, asked: Ask, within: timedelta = SAME_FOR) -> bool:
    """Whether the answer, or that there is none, is from a moment ago."""
    return asked.finished_at is not None and asked.finished_at > runtime.clock() - within


@dataclass(frozen=True)
class Claimed:
    """A question that this worker answers."""

    id: int
    kind: str
    params: Mapping[str, Any]
    tries: int


def answer(runtime: Runtime, ask_id: int) -> None:
    """Answers a question, once: called by the asks worker, as often as it likes. The channel's problems become part of the answer."""
    claimed = _claim(runtime, ask_id)
    if claimed is None:
        return
    if claimed.tries > MOST_TRIES:  # workers died of it, without a word
        _finish(runtime, ask_id, trouble=Trouble(BROKEN))
        return
    try:
        found = KINDS[claimed.kind].answer(runtime, claimed.params)
    except ConnectorProblem as problem:
        facts = {key: str(value) for key, value in problem.facts.items()}
        _finish(runtime, ask_id, trouble=Trouble(problem.code.value, facts, problem.raw))
    else:
        _finish(runtime, ask_id, found=found)


def gave_up(runtime: Runtime, ask_id: int, problem: str) -> None:
    """An answer broke off for a reason unknown: asked again in a moment, and given up in the end, so that no page polls for ever."""
    with runtime.sessions.begin() as session:
        asked = session.get(Ask, ask_id, with_for_update=True)
        if asked is None or asked.state != AskState.WORKING.value:
            return
        if asked.tries < MOST_TRIES:
            asked.lease_until = func.clock_timestamp() + AGAIN_AFTER
            return
    _finish(runtime, ask_id, trouble=Trouble(BROKEN, raw=problem))


def _claim(runtime: Runtime, ask_id: int) -> Claimed | None:
    free = or_(Ask.lease_until.is_(None), Ask.lease_until < func.clock_timestamp())
    open_states = [AskState.QUEUED.value, AskState.WORKING.value]
    with runtime.sessions.begin() as session:
        row = session.execute(
            update(Ask)
            .where(Ask.id == ask_id, Ask.state.in_(open_states), free)
            .values(state=AskState.WORKING.value, lease_until=func.clock_timestamp() + LEASE, tries=Ask.tries + 1)
            .returning(Ask.id, Ask.kind, Ask.params, Ask.tries)
        ).one_or_none()
    return None if row is None else Claimed(row.id, row.kind, row.params, row.tries)


def _finish(
    runtime: Runtime, ask_id: int, *, found: Mapping[str, Any] | None = None, trouble: Trouble | None = None
) -> None:
    with runtime.sessions.begin() as session:
        asked = session.get(Ask, ask_id, with_for_update=True)
        if asked is None:  # it was about a person who was erased meanwhile
            return
        asked.finished_at, asked.lease_until = runtime.clock(), None
        asked.state = (AskState.FAILED if trouble else AskState.DONE).value
        asked.answer = dict(found or {})
        if trouble is not None:
            asked.problem_code, asked.problem_raw = trouble.code, trouble.raw
            asked.problem_facts = dict(trouble.facts)
