"""The organization that `segsync demo` shows. Filling it again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import select

from segsync.actions import organizations, people, workspaces
from segsync.actions.actor import Actor
from segsync.actions.people import NewPerson
from segsync.actions.workspaces import WorkspaceForm
from segsync.models import Organization, Person
from segsync.rules.terms import Role
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)

ORGANIZATION: Final = "Northwind"
LIMIT: Final = 25
OPERATOR: Final = "demo"


@dataclass(frozen=True)
class SignIn:
    """Somebody to sign in as."""

    name: str
    email: str
    password: str
    role: Role

    @property
    def what(self) -> str:
        """Who that is."""
        return f"{self.name}, {self.role.label}"


SIGN_INS: Final = (
    SignIn("Ada Byron", "ada@northwind.example", "ada-runs-the-show", Role.PRIMARY_ADMIN),
    SignIn("Grace Hopper", "grace@northwind.example", "grace-sees-it-all", Role.ABM_ADMIN),
    SignIn("Max Power", "max@northwind.example", "max-sends-segments", Role.MARKETING_USER),
    SignIn("Linus Pauling", "linus@northwind.example", "linus-only-looks", Role.VIEW_ONLY),
)


def fill(runtime: Runtime, simulators_url: str) -> None:
    """Makes the organization, its people and its workspace, where they are not there yet."""
    with runtime.sessions.begin() as session:
        if session.scalar(select(Organization.id).where(Organization.name == ORGANIZATION)):
            return
        first, *others = SIGN_INS
        admin = NewPerson(first.email, first.name, first.password)
        organization = organizations.create(session, ORGANIZATION, LIMIT, admin, OPERATOR)
        actor = Actor.command_line(organization, OPERATOR)
        workspace = workspaces.create(session, actor, WorkspaceForm("Main", "US", "UTC"))
        for one in others:
            people.create(session, actor, NewPerson(one.email, one.name, one.password), one.role)
        for person in session.scalars(select(Person).where(Person.organization_id == organization.id)).all():
            workspaces.add_person(session, actor, workspace.id, person.id)
    log.info("demo organization made", simulators=simulators_url)
