"""Workspaces and who belongs to them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from segsync.actions import organizations, people, workspaces
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.people import NewPerson
from segsync.actions.workspaces import WorkspaceForm
from segsync.models import AuditEvent, Person
from segsync.rules.terms import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def as_ada(session) -> Actor:
    """The Primary Administrator of Northwind."""
    ada = NewPerson("ada@northwind.example", "Ada", PASSWORD)
    organizations.create(session, "Northwind", 10, ada, "root")
    return Actor.person(session.scalars(select(Person)).one())


@pytest.fixture
def max_(session, as_ada) -> Person:
    """A Marketing User who belongs to no workspace yet."""
    new = NewPerson("max@northwind.example", "Max", PASSWORD)
    return people.create(session, as_ada, new, Role.MARKETING_USER)


def names(session, actor) -> list[str]:
    return [workspace.name for workspace in workspaces.visible(session, actor)]


def test_administrators_see_all_workspaces_others_their_own(session, as_ada, max_):
    """A Marketing User sees a workspace once somebody let them in, and no longer when taken out."""
    shop = workspaces.create(session, as_ada, WorkspaceForm("Shop", "de", "Europe/Berlin"))
    workspaces.create(session, as_ada, WorkspaceForm("outlet"))
    assert names(session, as_ada) == ["outlet", "Shop"]
    assert names(session, Actor.person(max_)) == []
    workspaces.add_person(session, as_ada, shop.id, max_.id)
    assert names(session, Actor.person(max_)) == ["Shop"]
    assert [person.name for person in workspaces.members(session, as_ada, shop.id)] == ["Max"]
    workspaces.remove_person(session, as_ada, shop.id, max_.id)
    assert names(session, Actor.person(max_)) == []


def test_letting_somebody_in_twice_is_one_event(session, as_ada, max_):
    """The audit trail tells changes, not clicks (S14)."""
    shop = workspaces.create(session, as_ada, WorkspaceForm("Shop"))
    for _ in range(2):
        workspaces.add_person(session, as_ada, shop.id, max_.id)
    session.flush()
    found = session.scalars(select(AuditEvent).where(AuditEvent.event == "workspace.add_person")).all()
    assert [line.after for line in found] == [{"person_id": max_.id, "person": "Max"}]


def test_a_workspace_is_renamed(session, as_ada):
    """Name, country and time zone can be changed later."""
    shop = workspaces.create(session, as_ada, WorkspaceForm("Shop"))
    workspaces.change(session, as_ada, shop.id, WorkspaceForm("Store", "fr", "Europe/Paris"))
    assert (shop.name, shop.country, shop.time_zone) == ("Store", "FR", "Europe/Paris")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (WorkspaceForm("Shop"), "name"),
        (WorkspaceForm("Store", "Germany"), "country"),
        (WorkspaceForm("Store", "DE", "Berlin"), "time_zone"),
    ],
)
def test_bad_input_is_named_by_its_field(session, as_ada, form, field):
    """A name that is taken, a country or a time zone that does not exist is said beside its field."""
    workspaces.create(session, as_ada, WorkspaceForm("Shop"))
    with pytest.raises(Refused) as told:
        workspaces.create(session, as_ada, form)
    assert told.value.field == field
    assert names(session, as_ada) == ["Shop"]


def test_workspaces_of_others_are_not_there(session, as_ada, max_):
    """Neither another organization's workspace nor one that a person does not belong to can be found."""
    shop = workspaces.create(session, as_ada, WorkspaceForm("Shop"))
    other = organizations.create(session, "Contoso", 1, NewPerson("g@contoso.example", "Grace", PASSWORD), "root")
    as_grace = Actor.person(session.scalars(select(Person).where(Person.organization_id == other.id)).one())
    for actor in (as_grace, Actor.person(max_)):
        with pytest.raises(Refused, match="no such workspace"):
            workspaces.find(session, actor, shop.id)


def test_only_a_primary_administrator_changes_workspaces(session, as_ada, max_):
    """Others are told who can (S1)."""
    with pytest.raises(NotAllowed, match="Primary Administrator"):
        workspaces.create(session, Actor.person(max_), WorkspaceForm("Shop"))
