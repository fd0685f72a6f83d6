"""Where people are signed in: a row for each sign-in, found by a secret that only the browser keeps. Callers commit."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.orm import Session, contains_eager

from segsync.actions.actor import Actor, NotThere, acting_person
from segsync.actions.audit import Subject, record
from segsync.models import BrowserSession, Person
from segsync.runtime import Runtime

IDLE_FOR: Final = timedelta(days=7)
"""A session ends when nothing was asked for so long."""
SEEN_EVERY: Final = timedelta(minutes=5)
"""The last use is written down no more often: most requests write nothing."""
KEPT: Final = timedelta(days=7)
"""How long a session is remembered after its end."""
LISTED: Final = 50
_LIVING: Final = (
    select(BrowserSession)
    .join(BrowserSession.person)
    .where(BrowserSession.token_digest == bindparam("digest"), BrowserSession.ends_at > bindparam("at"))
    .where(Person.deactivated_at.is_(None))
    .options(contains_eager(BrowserSession.person))
)


def begin(session: Session, person: Person, browser: str, at: datetime) -> str:
    """A new session. Returns the secret for the browser, which nobody can read again."""
    token = secrets.token_urlsafe(32)
    session.add(
        BrowserSession(
            token_digest=_digest(token),
            person_id=person.id,
            browser=browser,
            began_at=at,
            last_used_at=at,
            ends_at=at + IDLE_FOR,
        )
    )
    session.flush()
    return token


def find(session: Session, token: str, at: datetime) -> BrowserSession | None:
    """The living session of this secret with its person, in one query; None where it ended or its person was deactivated.

    Notes from time to time that it is in use, and then commits by itself.
    """
    found = session.scalar(_LIVING, {"digest": _digest(token), "at": at})
    if found is not None and found.last_used_at <= at - SEEN_EVERY:
        # one that was ended a moment ago stays ended
        used = update(BrowserSession).where(BrowserSession.id == found.id, BrowserSession.ends_at > at)
        session.execute(used.values(last_used_at=at, ends_at=at + IDLE_FOR))
        session.commit()
    return found


def end(session: Session, token: str, at: datetime) -> None:
    """Signs this browser out; one that is out already is no error."""
    _end(session, at, BrowserSession.token_digest == _digest(token))


def end_all(session: Session, person_id: int, at: datetime) -> None:
    """Signs a person out everywhere."""
    _end(session, at, BrowserSession.person_id == person_id)


def mine(session: Session, actor: Actor, at: datetime) -> Sequence[BrowserSession]:
    """Where the actor is signed in, the last used first."""
    return session.scalars(
        select(BrowserSession)
        .where(BrowserSession.person_id == actor.person_id, BrowserSession.ends_at > at)
        .order_by(BrowserSession.last_used_at.desc(), BrowserSession.id.desc())
        .limit(LISTED)
    ).all()


def end_one(session: Session, actor: Actor, session_id: int, at: datetime) -> None:
    """Signs the actor out of one browser; one that is out already is no error. Raises NotThere."""
    if session.scalar(select(BrowserSession.person_id).where(BrowserSession.id == session_id)) != actor.person_id:
        raise NotThere("You are not signed in there any more.")
    if _end(session, at, BrowserSession.id == session_id):
        _record(session, actor, 1)


def end_others(session: Session, actor: Actor, token: str, at: datetime) -> int:
    """Signs the actor out everywhere but here. Returns of how many browsers."""
    others = (BrowserSession.person_id == actor.person_id, BrowserSession.token_digest != _digest(token))
    if ended := _end(session, at, *others):
        _record(session, actor, ended)
    return ended


def clear(runtime: Runtime, person_id: int) -> None:
    """Forgets sessions of a person that ended a while ago."""
    with runtime.sessions.begin() as session:
        session.execute(
            delete(BrowserSession).where(BrowserSession.person_id == person_id, forgettable(runtime.clock()))
        )


def forgettable(now: datetime) -> ColumnElement[bool]:
    """Sessions that ended so long ago that nobody needs them."""
    return BrowserSession.ends_at < now - KEPT


def _end(session: Session, at: datetime, *which: ColumnElement[bool]) -> int:
    ended = update(BrowserSession).where(*which, BrowserSession.ends_at > at).values(ends_at=at)
    return len(session.scalars(ended.returning(BrowserSession.id)).all())


def _record(session: Session, actor: Actor, browsers: int) -> None:
    person = acting_person(session, actor)
    subject = Subject("person", person.id, person.name)
    record(session, actor, "person.sign_out_elsewhere", subject, change=({}, {"browsers": browsers}))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
