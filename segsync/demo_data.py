"""The organization that `segsync demo` shows, made the way people do it: files imported, sign-ins consented to, syncs created.

Chapters that are done are remembered, so that a start that was cut off goes on, and a second start changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from segsync import demo_people
from segsync.actions import fields, imports, organizations, people, workspaces
from segsync.actions.actor import Actor
from segsync.actions.imports import Incoming
from segsync.actions.people import NewPerson
from segsync.actions.workspaces import WorkspaceForm
from segsync.demo_segments import make_segments
from segsync.demo_simulators import Simulators
from segsync.demo_stage import Stage
from segsync.demo_story import break_some, connect_everybody, first_runs
from segsync.models import ImportJob, Organization, Person
from segsync.rules.terms import ImportState, Role
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)

ORGANIZATION: Final = "Northwind"
LIMIT: Final = 14
OPERATOR: Final = "demo"
MAIN: Final = "Northwind"
SECOND: Final = "Northwind Japan"


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
    """Plays every chapter that was not played yet."""
    stage = Stage(runtime, Simulators(simulators_url), MAIN)
    for name, chapter in CHAPTERS.items():
        if name not in stage.played():
            log.info("demo chapter begins", chapter=name)
            chapter(stage)
            stage.remember(name)
    log.info("demo is filled")


def found(stage: Stage) -> None:
    """The organization, its people in four roles, and two workspaces."""
    with stage.runtime.sessions.begin() as session:
        if session.scalar(select(Organization.id).where(Organization.name == ORGANIZATION)):
            return
        first, *others = SIGN_INS
        admin = NewPerson(first.email, first.name, first.password)
        organization = organizations.create(session, ORGANIZATION, LIMIT, admin, OPERATOR)
        actor = Actor.command_line(organization, OPERATOR)
        main = workspaces.create(session, actor, WorkspaceForm(MAIN, "US", "Europe/Berlin"))
        workspaces.create(session, actor, WorkspaceForm(SECOND, "JP", "Asia/Tokyo"))
        for one in others:
            people.create(session, actor, NewPerson(one.email, one.name, one.password), one.role)
        for person in session.scalars(select(Person).where(Person.organization_id == organization.id)).all():
            workspaces.add_person(session, actor, main.id, person.id)


def populate(stage: Stage) -> None:
    """Tells the channels whom they know: a part of our people, and nobody else."""
    today = datetime.now(UTC).date()
    known = (person for person in demo_people.people(today) if person["known"])
    kept = set(demo_people.CLEAN_FIELDS)
    stage.simulators.know({name: value for name, value in person.items() if name in kept} for person in known)


def import_companies(stage: Stage) -> None:
    """The companies' file."""
    _import(stage, "company", "companies.csv", demo_people.companies_csv())


def import_contacts(stage: Stage) -> None:
    """Three custom fields and the contacts' file, with all its dirt."""
    with stage.runtime.sessions.begin() as session:
        for label, type_ in (("Plan", "text"), ("Last order", "date"), ("Orders", "number")):
            fields.create(
                session,
                stage.actor(session, "Ada Byron"),
                stage.workspace(session),
                subject="contact",
                label=label,
                type_=type_,
            )
    _import(stage, "contact", "contacts.csv", demo_people.contacts_csv(datetime.now(UTC).date()))


def _import(stage: Stage, subject: str, name: str, content: bytes) -> None:
    with stage.runtime.sessions.begin() as session:
        actor = stage.actor(session, "Ada Byron")
        incoming = Incoming(name, BytesIO(content))
        job = imports.upload(session, stage.runtime.settings, actor, stage.workspace(session), subject, incoming)
        imports.start(session, actor, job)
    stage.runtime.queue.wake_chore("import", job.id)


def wait_for_imports(stage: Stage) -> None:
    """Until the workers have read every file."""
    stage.wait_for(_all_read)


def _all_read(session: Session) -> bool:
    under_way = select(ImportJob.id).where(ImportJob.state.in_([ImportState.QUEUED, ImportState.RUNNING]))
    return session.scalar(under_way.limit(1)) is None


CHAPTERS: Final[dict[str, Callable[[Stage], None]]] = {
    "found": found,
    "companies": import_companies,
    "companies are read": wait_for_imports,
    "contacts": import_contacts,
    "people known to the channels": populate,
    "contacts are read": wait_for_imports,
    "segments": make_segments,
    "sign-ins": connect_everybody,
    "syncs": first_runs,
    "troubles": break_some,
}
