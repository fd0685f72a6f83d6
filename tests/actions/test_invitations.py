"""Invitations by link."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from segsync.actions import invitations, organizations, workspaces
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.invitations import Invited
from segsync.actions.people import NewPerson
from segsync.actions.workspaces import WorkspaceForm
from segsync.models import Invitation, Person
from segsync.rules.terms import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def as_ada(session) -> Actor:
    """The Primary Administrator of Northwind."""
    ada = NewPerson("ada@northwind.example", "Ada", PASSWORD)
    organizations.create(session, "Northwind", 10, ada, "root")
    session.commit()
    return Actor.person(session.scalars(select(Person)).one())


MAX = Invited("max@northwind.example", "Max", Role.MARKETING_USER)


def test_who_is_invited_joins_with_role_and_workspaces(session, as_ada, clock):
    """A colleague opens the link, chooses a password, and is in, in the workspaces that were ticked (S1)."""
    shop = workspaces.create(session, as_ada, WorkspaceForm("Shop"))
    invited = Invited(MAX.email, MAX.name, MAX.role, (shop.id,))
    _, token = invitations.invite(session, as_ada, invited, clock())
    person = invitations.accept(session, token, "Max Power", PASSWORD, clock())
    assert (person.name, person.email, person.role) == ("Max Power", MAX.email, Role.MARKETING_USER)
    assert [one.name for one in workspaces.visible(session, Actor.person(person))] == ["Shop"]


def test_the_link_works_once_even_when_opened_twice_at_once(runtime, session, as_ada, clock):
    """Two clicks at the same moment make one person."""
    _, token = invitations.invite(session, as_ada, MAX, clock())
    session.commit()

    def accept(_) -> str:
        with runtime.sessions() as own:
            try:
                person = invitations.accept(own, token, "Max", PASSWORD, clock())
                own.commit()
            except Refused as refused:
                return refused.message
        return person.name

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(accept, range(4)))
    assert answers == ["Max", *["This invitation was used already. Sign in instead."] * 3]


def test_the_link_ends_after_14_days(session, as_ada, clock):
    """An old link says that it is no longer valid and who can help."""
    _, token = invitations.invite(session, as_ada, MAX, clock())
    with pytest.raises(Refused, match="no longer valid"):
        invitations.find(session, token, clock.forward(days=14))


def test_a_second_invitation_replaces_the_first(session, as_ada, clock):
    """Only the newest link works."""
    _, first = invitations.invite(session, as_ada, MAX, clock())
    _, second = invitations.invite(session, as_ada, MAX, clock())
    with pytest.raises(Refused, match="no longer valid"):
        invitations.find(session, first, clock())
    assert invitations.find(session, second, clock()).name == "Max"
    assert len(invitations.pending(session, as_ada, clock())) == 1


def test_a_withdrawn_invitation_is_dead(session, as_ada, clock):
    """An administrator who invited the wrong person takes it back."""
    invitation, token = invitations.invite(session, as_ada, MAX, clock())
    invitations.withdraw(session, as_ada, invitation.id, clock())
    with pytest.raises(Refused, match="no longer valid"):
        invitations.accept(session, token, "Max", PASSWORD, clock())


def test_the_link_is_not_in_the_database(session, as_ada, clock):
    """Who reads the database cannot accept an invitation."""
    _, token = invitations.invite(session, as_ada, MAX, clock())
    assert token not in str(session.scalars(select(Invitation)).one().__dict__)
    with pytest.raises(Refused, match="not a valid invitation"):
        invitations.find(session, token + "x", clock())


def test_a_short_password_leaves_the_invitation_usable(session, as_ada, clock):
    """Whoever types a password that is too short can try again with the same link."""
    _, token = invitations.invite(session, as_ada, MAX, clock())
    session.commit()
    with pytest.raises(Refused, match="at least 10"):
        invitations.accept(session, token, "Max", "short", clock())
    session.rollback()
    assert invitations.accept(session, token, "Max", PASSWORD, clock()).name == "Max"


def test_nobody_is_invited_twice_or_into_a_foreign_workspace(session, as_ada, clock):
    """An address that is here already, or a workspace that is not, is refused beside its field."""
    with pytest.raises(Refused, match="here already"):
        invitations.invite(session, as_ada, Invited("ADA@northwind.example", "A", Role.VIEW_ONLY), clock())
    with pytest.raises(Refused, match="no workspace 77"):
        invitations.invite(session, as_ada, Invited(MAX.email, "Max", Role.VIEW_ONLY, (77,)), clock())


def test_only_a_primary_administrator_invites(session, as_ada, clock):
    """Others are told who can (S1)."""
    _, token = invitations.invite(session, as_ada, MAX, clock())
    as_max = Actor.person(invitations.accept(session, token, "Max", PASSWORD, clock()))
    with pytest.raises(NotAllowed, match="Primary Administrator"):
        invitations.invite(session, as_max, Invited("g@northwind.example", "Grace", Role.VIEW_ONLY), clock())
