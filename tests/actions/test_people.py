"""People and their roles, as administrators change them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from segsync.actions import organizations, people
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.people import NewPerson
from segsync.models import AuditEvent, Organization, Person
from segsync.rules.terms import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def northwind(session) -> Organization:
    """An organization whose only Primary Administrator is Ada."""
    ada = NewPerson("ada@northwind.example", "Ada", PASSWORD)
    organization = organizations.create(session, "Northwind", 10, ada, "root")
    session.commit()
    return organization


@pytest.fixture
def ada(session, northwind) -> Person:
    return session.scalars(select(Person).where(Person.organization_id == northwind.id)).one()


@pytest.fixture
def as_ada(ada) -> Actor:
    return Actor.person(ada)


def add(session, actor, name, role=Role.MARKETING_USER) -> Person:
    return people.create(session, actor, NewPerson(f"{name.lower()}@northwind.example", name, PASSWORD), role)


def events(session) -> list[str]:
    return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))


def test_the_operator_makes_an_organization_with_its_administrator(session, northwind, ada):
    """An organization starts with a limit and one Primary Administrator, and the audit trail says who made it (S9, S14)."""
    assert (northwind.contracted_limit, ada.role) == (10, Role.PRIMARY_ADMIN)
    assert events(session) == ["organization.create", "person.create"]
    assert set(session.scalars(select(AuditEvent.actor_kind))) == {"command line"}


def test_the_limit_is_changed_by_the_operator(session, northwind):
    """The contracted limit is a number that the operator sets; before and after are kept (S9, S14)."""
    organizations.set_limit(session, northwind, 3, "root")
    session.flush()
    line = session.scalars(select(AuditEvent).where(AuditEvent.event == "organization.limit")).one()
    assert (line.before, line.after) == ({"contracted_limit": 10}, {"contracted_limit": 3})
    with pytest.raises(Refused, match="number from 0"):
        organizations.set_limit(session, northwind, -1, "root")


def test_an_organization_is_found_by_name_number_or_being_the_only_one(session, northwind):
    """The operator need not say which organization is meant while there is only one."""
    assert organizations.find(session) is northwind
    assert organizations.find(session, "northWIND") is northwind
    assert organizations.find(session, str(northwind.id)) is northwind
    with pytest.raises(Refused, match="no organization 9"):
        organizations.find(session, "9" * 30)


def test_a_primary_administrator_adds_people(session, as_ada):
    """A Primary Administrator adds a colleague with a role (S1)."""
    max_ = add(session, as_ada, "Max", Role.VIEW_ONLY)
    assert (max_.role, max_.password_hash[:8]) == (Role.VIEW_ONLY, "$argon2i")


@pytest.mark.parametrize("role", [Role.ABM_ADMIN, Role.MARKETING_USER, Role.VIEW_ONLY])
def test_nobody_else_changes_people(session, as_ada, role):
    """Only a Primary Administrator changes people and roles; others are told so (S1)."""
    max_ = add(session, as_ada, "Max", role)
    with pytest.raises(NotAllowed, match="Primary Administrator"):
        people.change_role(session, Actor.person(max_), max_.id, Role.PRIMARY_ADMIN)


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewPerson("no address", "Max", PASSWORD), "email"),
        (NewPerson("ADA@northwind.example", "Ada again", PASSWORD), "email"),
        (NewPerson("max@northwind.example", "  ", PASSWORD), "name"),
        (NewPerson("max@northwind.example", "Max", "too short"), "password"),
        (NewPerson("max@northwind.example", "Max", "x" * 5000), "password"),
    ],
)
def test_bad_input_is_named_by_its_field(session, as_ada, new, field):
    """What is wrong is said beside the field that it is about, and nothing is stored."""
    with pytest.raises(Refused) as told:
        people.create(session, as_ada, new, Role.VIEW_ONLY)
    assert told.value.field == field
    assert len(people.everybody(session, as_ada)) == 1


def test_a_person_of_another_organization_is_not_there(session, as_ada):
    """No query crosses the organization: an administrator finds only their own people."""
    other = organizations.create(session, "Contoso", 1, NewPerson("g@contoso.example", "Grace", PASSWORD), "root")
    grace = session.scalars(select(Person).where(Person.organization_id == other.id)).one()
    with pytest.raises(Refused, match="no such person"):
        people.deactivate(session, as_ada, grace.id, grace.created_at)


def test_one_primary_administrator_always_stays(session, as_ada, ada, clock):
    """The last Primary Administrator can neither step down nor be deactivated (S1)."""
    with pytest.raises(Refused, match="only Primary Administrator"):
        people.change_role(session, as_ada, ada.id, Role.VIEW_ONLY)
    with pytest.raises(Refused, match="only Primary Administrator"):
        people.deactivate(session, as_ada, ada.id, clock())
    add(session, as_ada, "Max", Role.PRIMARY_ADMIN)
    assert people.change_role(session, as_ada, ada.id, Role.VIEW_ONLY).role == Role.VIEW_ONLY


def test_two_administrators_who_demote_each_other_at_once_do_not_both_succeed(runtime, session, as_ada, ada):
    """At the same moment, from two browsers: one of the two stays Primary Administrator (S1)."""
    max_ = add(session, as_ada, "Max", Role.PRIMARY_ADMIN)
    session.commit()

    def demote(pair) -> bool:
        actor, target = pair
        with runtime.sessions() as own:
            try:
                people.change_role(own, actor, target, Role.VIEW_ONLY)
                own.commit()
            except Refused:
                return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, [(as_ada, max_.id), (Actor.person(max_), ada.id)]))
    assert sorted(done) == [False, True]


def test_whoever_left_can_come_back(session, as_ada, clock):
    """A colleague who left can come back later with the same role (S1)."""
    max_ = add(session, as_ada, "Max")
    people.deactivate(session, as_ada, max_.id, clock())
    session.flush()
    assert max_.deactivated_at == clock()
    people.reactivate(session, as_ada, max_.id)
    assert max_.deactivated_at is None
    session.flush()
    assert events(session)[-2:] == ["person.deactivate", "person.reactivate"]


def test_a_password_is_changed(session, as_ada, clock):
    """What is kept of a password changes with it; the sessions that it ends are in `test_browser_sessions`."""
    max_ = add(session, as_ada, "Max")
    before = max_.password_hash
    people.set_password(session, Actor.person(max_), max_.id, "another long one", clock())
    assert max_.password_hash != before


def test_people_are_listed_by_name_as_people_read_it(session, as_ada, clock):
    """Upper and lower case do not matter for the order, and who left comes last."""
    for name in ("zoe", "Max", "Bea"):
        add(session, as_ada, name)
    people.deactivate(session, as_ada, people.everybody(session, as_ada)[1].id, clock())
    session.flush()
    assert [person.name for person in people.everybody(session, as_ada)] == ["Ada", "Max", "zoe", "Bea"]
