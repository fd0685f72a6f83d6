"""What tests begin with: a channel kept in memory and Ada's sync to it, Grace who takes people out, somebody's file, and a shop's warehouse."""

from __future__ import annotations

import io

import pytest

from segsync.actions import imports, removals
from segsync.actions.actor import Actor
from segsync.actions.imports import Choices, Incoming
from segsync.actions.removals import Wish
from segsync.models import Contact, ImportJob, Organization, Sync
from segsync.rules.import_mapping import ColumnMap
from segsync.rules.removal_words import Sort
from segsync.rules.terms import Role
from tests.actions.pushing import put
from tests.actions.warehouse_at_hand import There, in_duckdb, name_schema
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
def take_out(runtime, session, sync, grace):
    """Grace asks for it; workers have not begun."""

    def asked(contact: Contact, sort: Sort = Sort.OPT_OUT) -> int:
        made = removals.ask(session, grace, sync.workspace, contact.id, Wish(sort, "asked"), now=runtime.clock())
        session.commit()
        return made.id

    return asked


@pytest.fixture
def workspace(session):
    """In Germany, whose phone numbers are known without their country."""
    made = make_workspace(session, make_organization(session), country="DE")
    session.commit()
    return made


@pytest.fixture
def ada(session, workspace) -> Actor:
    """Works in the workspace of the test, as most people do."""
    person = make_person(session, workspace.organization, "Ada", Role.MARKETING_USER, (workspace,))
    session.commit()
    return Actor.person(person)


@pytest.fixture
def bring(runtime, session, workspace, ada):
    """Uploads bytes or text and returns the import, not yet started."""

    def bring(content, subject="contact", name="people.csv"):
        raw = content if isinstance(content, bytes) else content.encode()
        incoming = Incoming(name, io.BytesIO(raw))
        job = imports.upload(session, runtime.settings, ada, workspace, subject, incoming)
        session.commit()
        return job

    return bring


@pytest.fixture
def run(runtime, session, workspace, ada, bring):
    """Uploads, maps as guessed unless told otherwise, starts, and works until it is done."""

    def run(content, subject="contact", targets=None, clear=(), date_order="", **options):
        job = content if isinstance(content, ImportJob) else bring(content, subject)
        mapping = ColumnMap(tuple(targets or job.mapping["targets"]), frozenset(clear), date_order)
        imports.choose(session, ada, workspace, job, Choices(mapping, **options))
        imports.start(session, ada, job)
        session.commit()
        while imports.work(runtime, job.id):
            pass
        session.refresh(job)
        session.expire_all()
        return job

    return run


@pytest.fixture
def shop(tmp_path, runtime, session, channel) -> There:
    """Three customers in DuckDB, compared where they are."""
    made = in_duckdb(tmp_path, session, runtime)
    name_schema(session, made.sync)
    return made
