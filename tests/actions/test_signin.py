"""Signing in, and what somebody who guesses passwords meets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from segsync.actions import organizations, people, signin
from segsync.actions.actor import Actor, Refused
from segsync.actions.people import NewPerson
from segsync.actions.signin import SignIn
from segsync.models import Person, SigninAttempt
from segsync.rules.terms import Role

PASSWORD = "correct horse battery"
WRONG = "wrong horse battery"


@pytest.fixture
def ada(session) -> Person:
    new = NewPerson("Ada@northwind.example", "Ada", PASSWORD)
    organizations.create(session, "Northwind", 10, new, "root")
    session.commit()
    return session.scalars(select(Person)).one()


def sign_in(runtime, password=PASSWORD, email="ada@northwind.example", address="192.0.2.1") -> Person:
    person, _ = signin.check(runtime, SignIn(email, password, address, "Firefox on Linux"))
    return person


def test_the_right_password_lets_in(runtime, ada, clock):
    """Ada signs in; capitals in the address do not matter."""
    found = sign_in(runtime, email=" ADA@Northwind.example ")
    assert (found.id, found.last_signin_at) == (ada.id, clock())


def test_a_wrong_password_and_an_unknown_address_look_the_same(runtime, ada):
    """Nobody learns whether an address is known."""
    told = []
    for email in ("ada@northwind.example", "nobody@northwind.example"):
        with pytest.raises(Refused) as refused:
            sign_in(runtime, WRONG, email)
        told.append(refused.value.message)
    assert told[0] == told[1]


def test_after_five_failures_one_waits(runtime, ada, clock):
    """Guessing stops after five tries, also with the right password, and goes on after 15 minutes."""
    for _ in range(5):
        with pytest.raises(Refused, match="is wrong"):
            sign_in(runtime, WRONG)
    clock.forward(minutes=5)
    with pytest.raises(Refused, match="Try again in 10 minutes"):
        sign_in(runtime)
    clock.forward(minutes=10)
    assert sign_in(runtime).id == ada.id


def test_trying_while_one_waits_does_not_make_it_longer(runtime, ada, clock):
    """A stranger who goes on guessing does not keep Ada out for ever."""
    for _ in range(5):
        with pytest.raises(Refused):
            sign_in(runtime, WRONG)
    for _ in range(3):
        clock.forward(minutes=5)
        if clock.now.minute < 15:
            with pytest.raises(Refused, match="Too many"):
                sign_in(runtime, WRONG)
    assert sign_in(runtime).id == ada.id


def test_a_success_forgives_earlier_failures(runtime, ada):
    """Who mistypes now and then is not locked out."""
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(Refused, match="is wrong"):
                sign_in(runtime, WRONG)
        sign_in(runtime)


def test_guesses_made_at_the_same_moment_are_counted_too(runtime, ada):
    """Forty guesses at once are five guesses and 35 refusals."""

    def guess(_) -> str:
        try:
            sign_in(runtime, WRONG)
        except Refused as refused:
            return refused.message[:8]
        return "in"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(40)))
    assert (answers.count("The e-ma"), answers.count("Too many")) == (5, 35)


def test_one_address_that_tries_many_people_is_stopped(runtime, session, ada, clock):
    """Trying one password on everybody ends after 50 failures from one address."""
    address = runtime.vault.keyed_digest("signin address", "192.0.2.1")
    for number in range(49):
        session.add(SigninAttempt(email_digest=str(number), address_digest=address, succeeded=False, at=clock()))
    session.commit()
    with pytest.raises(Refused, match="is wrong"):
        sign_in(runtime, WRONG, "somebody@northwind.example")
    with pytest.raises(Refused, match="Too many"):
        sign_in(runtime)
    assert sign_in(runtime, address="192.0.2.2").id == ada.id


def test_whoever_is_deactivated_does_not_come_in(runtime, session, ada, clock):
    """A colleague who left is told so, but only with the right password."""
    as_ada = Actor.person(ada)
    max_ = people.create(session, as_ada, NewPerson("max@northwind.example", "Max", PASSWORD), Role.VIEW_ONLY)
    people.deactivate(session, as_ada, max_.id, clock())
    session.commit()
    with pytest.raises(Refused, match="deactivated"):
        sign_in(runtime, email="max@northwind.example")
    with pytest.raises(Refused, match="is wrong"):
        sign_in(runtime, WRONG, "max@northwind.example")


def test_attempts_hold_no_address_in_clear(runtime, session, ada):
    """What is kept about attempts cannot be read back."""
    sign_in(runtime)
    kept = session.scalars(select(SigninAttempt)).one()
    assert kept.succeeded
    assert {len(kept.email_digest), len(kept.address_digest)} == {64}
