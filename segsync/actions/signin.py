"""The check of a sign-in: e-mail, password, and whether it was tried too often. Commits by itself, so that every try counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from segsync.actions import browser_sessions
from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import record
from segsync.actions.people import HASHER, LONGEST_PASSWORD, subject
from segsync.models import Person, SigninAttempt
from segsync.runtime import Runtime

WINDOW: Final = timedelta(minutes=15)
TRIES_PER_PERSON: Final = 5
TRIES_PER_ADDRESS: Final = 50
KEPT_FOR: Final = timedelta(days=1)
NOBODY: Final = HASHER.hash("nobody has this password")
"""Compared with where there is no such person, so that the time taken tells nothing."""


class TooManyTries(Refused):
    """It was tried too often; the message says when to try again."""


@dataclass(frozen=True)
class SignIn:
    """What somebody typed, the network address they came from, and their browser in plain words."""

    email: str = field(repr=False)
    password: str = field(repr=False)
    address: str = field(repr=False)
    browser: str


def check(runtime: Runtime, tried: SignIn) -> tuple[Person, str]:
    """The person who may come in, and the secret of the session that began. Raises Refused, with a sentence that never tells whether the e-mail is known."""
    attempt_id = _count(runtime, tried)
    with runtime.sessions() as session:
        person = session.scalar(select(Person).where(func.lower(Person.email) == tried.email.strip().lower()))
    # no transaction is open while argon2 takes its time
    if not _matches(person, tried.password) or person is None:
        raise Refused("The e-mail address or the password is wrong.", field="password")
    if person.deactivated_at is not None:
        raise Refused("This sign-in was deactivated. Ask your administrator.", field="email")
    with runtime.sessions.begin() as session:
        return _let_in(session, person, attempt_id, tried, runtime.clock())


def _count(runtime: Runtime, tried: SignIn) -> int:
    """Writes the attempt down first, as a failure: tries made at the same moment see each other. Raises Refused."""
    now = runtime.clock()
    email = runtime.vault.keyed_digest("signin email", tried.email.strip().lower())
    address = runtime.vault.keyed_digest("signin address", tried.address)
    with runtime.sessions.begin() as session:
        _one_at_a_time(session, email, address)
        _refuse_too_many(session, SigninAttempt.email_digest == email, TRIES_PER_PERSON, now)
        _refuse_too_many(session, SigninAttempt.address_digest == address, TRIES_PER_ADDRESS, now)
        session.execute(delete(SigninAttempt).where(SigninAttempt.at < now - KEPT_FOR))
        attempt = SigninAttempt(email_digest=email, address_digest=address, succeeded=False, at=now)
        session.add(attempt)
        session.flush()
        return attempt.id


def _one_at_a_time(session: Session, *digests: str) -> None:
    for digest in digests:
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(digest, 0))))


def _refuse_too_many(session: Session, whose: ColumnElement[bool], most: int, now: datetime) -> None:
    """Counts failures since the last success. A refused try is not counted: nobody is locked out by others for ever."""
    last_success = session.scalar(select(func.max(SigninAttempt.id)).where(whose, SigninAttempt.succeeded)) or 0
    failures = session.scalars(
        select(SigninAttempt.at)
        .where(whose, ~SigninAttempt.succeeded, SigninAttempt.at > now - WINDOW, SigninAttempt.id > last_success)
        .order_by(SigninAttempt.at.desc())
        .limit(most)
    ).all()
    if len(failures) == most:
        minutes = ceil((failures[-1] + WINDOW - now) / timedelta(minutes=1))
        told = "1 minute" if minutes == 1 else f"{minutes} minutes"
        raise TooManyTries(f"Too many attempts. Try again in {told}.", field="password")


def _matches(person: Person | None, password: str) -> bool:
    try:
        HASHER.verify(person.password_hash if person else NOBODY, password[: LONGEST_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False
    return True


def _let_in(session: Session, checked: Person, attempt_id: int, tried: SignIn, at: datetime) -> tuple[Person, str]:
    # whoever ends the person's sessions at this moment waits, and ends this one too
    person = session.get_one(Person, checked.id, with_for_update={"key_share": True})
    if person.password_hash != checked.password_hash:
        raise Refused("Your password was changed a moment ago. Sign in with the new one.", field="password")
    person.last_signin_at = at
    if HASHER.check_needs_rehash(person.password_hash):
        person.password_hash = HASHER.hash(tried.password)
    attempt = session.get(SigninAttempt, attempt_id)
    if attempt is not None:
        attempt.succeeded = True
    record(session, Actor.person(person), "person.sign_in", subject(person))
    return person, browser_sessions.begin(session, person, tried.browser, at)
