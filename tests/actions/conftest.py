"""What tests of runs begin with: a channel kept in memory, and Ada's sync to it."""

from __future__ import annotations

import pytest

from segsync.actions.actor import Actor
from segsync.models import Contact, Organization, Sync
from segsync.rules.terms import Role
from tests.actions.pushing import put
from tests.builders import (
    make_contact,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)
from tests.fakes import FakeChannel


@pytest.fixture
def channel(runtime) -> FakeChannel:
    fake = FakeChannel()
    runtime._connectors["meta"] = fake
    return fake


@pytest.fixture
def sync(runtime, session, channel) -> Sync:
    """Ada's sync of a list of three people."""
    organization = make_organization(session)
    workspace = make_workspace(session, organization)
    ada = make_person(session, organization, "Ada", workspaces=(workspace,))
    segment = make_segment(session, workspace, "Customers", ada)
    signin = make_integration(session, ada, access_sealed=runtime.vault.seal("token"))
    made = make_sync(session, segment, signin, account_id="act-1", was_synced=False, in_step_since=None)
    for number in range(3):
        put(session, made, email=f"p{number}@example.org")
    session.commit()
    return made


@pytest.fixture
def contact(session, sync) -> Contact:
    """One of the people of the sync's segment where a warehouse names them, as they are known here: by e-mail."""
    made = make_contact(session, sync.workspace, email="p1@example.org")
    session.commit()
    return made


@pytest.fixture
def grace(session, sync) -> Actor:
    """An administrator of the organization."""
    organization = session.get_one(Organization, sync.organization_id)
    person = make_person(session, organization, "Grace", Role.PRIMARY_ADMIN)
    session.commit()
    return Actor.person(person)


@pytest.fixture
def ada(session, workspace) -> Actor:
    """Works in the workspace of the test, as most people do."""
    person = make_person(session, workspace.organization, "Ada", Role.MARKETING_USER, (workspace,))
    session.commit()
    return Actor.person(person)
