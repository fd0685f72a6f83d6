"""Makes the rows that tests begin with: each builder needs the session, fills in what the test does not care about, and flushes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from segsync.models import (
    Company,
    Contact,
    Integration,
    Organization,
    Person,
    Segment,
    Sync,
    Workspace,
    WorkspacePerson,
)
from segsync.rules.terms import Role, SegmentKind, SignInState, Status

NUMBERS = count(1)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASSWORD = "four unrelated words"
# as weak as it may be: tests sign in often
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def make_organization(session: Session, name: str = "Northwind", **values: Any) -> Organization:
    return _add(session, Organization(name=name, **{"contracted_limit": 40, **values}))


def make_workspace(session: Session, organization: Organization, name: str = "Main", **values: Any) -> Workspace:
    return _add(session, Workspace(organization_id=organization.id, name=name, **values))


def make_person(
    session: Session,
    organization: Organization,
    name: str,
    role: Role = Role.MARKETING_USER,
    workspaces: tuple[Workspace, ...] = (),
    **values: Any,
) -> Person:
    """Signs in with name@northwind.example and PASSWORD."""
    email = f"{name.lower().replace(' ', '.')}@northwind.example"
    row = {"email": email, "password_hash": PASSWORD_HASH, **values}
    person = _add(session, Person(organization_id=organization.id, name=name, role=role.value, **row))
    for workspace in workspaces:
        session.add(WorkspacePerson(workspace_id=workspace.id, person_id=person.id))
    session.flush()
    return person


def make_contact(session: Session, workspace: Workspace, **values: Any) -> Contact:
    number = next(NUMBERS)
    row = {"email": f"contact{number}@example.org", "first_name": "Given", "last_name": f"Family{number}", **values}
    return _add(session, Contact(workspace_id=workspace.id, **row))


def make_company(session: Session, workspace: Workspace, **values: Any) -> Company:
    number = next(NUMBERS)
    row = {"name": f"Company {number}", "company_domain": f"company{number}.example", **values}
    return _add(session, Company(workspace_id=workspace.id, **row))


def make_segment(
    session: Session, workspace: Workspace, name: str = "", person: Person | None = None, **values: Any
) -> Segment:
    row = {
        "name": name or f"Segment {next(NUMBERS)}",
        "kind": SegmentKind.LIST.value,
        "members": "people",
        "created_by": person.id if person else None,
        **values,
    }
    return _add(session, Segment(organization_id=workspace.organization_id, workspace_id=workspace.id, **row))


def make_integration(session: Session, person: Person, channel: str = "meta", **values: Any) -> Integration:
    row = {
        "remote_id": f"remote-{next(NUMBERS)}",
        "name": person.name,
        "state": SignInState.CONNECTED.value,
        **values,
    }
    return _add(
        session, Integration(organization_id=person.organization_id, person_id=person.id, channel=channel, **row)
    )


def make_sync(session: Session, segment: Segment, integration: Integration, **values: Any) -> Sync:
    number = next(NUMBERS)
    digits = hashlib.sha256(str(number).encode()).hexdigest().upper()
    row = {
        "public_id": f"SY-{digits[:4]}-{digits[4:8]}",
        "account_id": f"act-{number}",
        "account_name": f"Ad account {number}",
        "creator_id": integration.person_id,
        "owner_id": integration.person_id,
        "status": Status.SYNCED.value,
        "was_synced": True,
        "in_step_since": NOW - timedelta(hours=2),
        "next_run_at": NOW + timedelta(hours=4),
        "overdue_at": NOW + timedelta(hours=10),
        "every_seconds": 21_600,
        **values,
    }
    return _add(
        session,
        Sync(
            organization_id=segment.organization_id,
            workspace_id=segment.workspace_id,
            segment_id=segment.id,
            channel=integration.channel,
            integration_id=integration.id,
            **row,
        ),
    )


def _add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row
