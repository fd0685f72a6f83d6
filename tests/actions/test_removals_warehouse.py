"""Opt-outs and erasures reach audiences that are filled from a warehouse, where a person is known by e-mail and phone alone."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from segsync.actions import erased, erasures_again, removal_work, removals
from segsync.actions.actor import Actor
from segsync.actions.removals import Wish
from segsync.models import Contact, Organization, Removal, RemovalTask, Sync, Workspace
from segsync.rules.removal_words import Sort
from segsync.rules.terms import Role
from tests.actions.pushing import again, go, keys
from tests.actions.warehouse_at_hand import Shop, sync_of
from tests.builders import make_contact, make_person, make_workspace


@pytest.fixture
def sync(runtime, session, channel, tmp_path) -> Sync:
    """Three customers of a warehouse are in the audience, each by e-mail and phone."""
    runtime.settings.warehouse_folders = str(tmp_path)
    shop = Shop(tmp_path / "shop.duckdb")
    shop.open()
    made = sync_of(session, runtime, f"duckdb://{shop.path}")
    go(runtime, made)
    return made


@pytest.fixture
def take_out(runtime, session, sync):
    """Grace asks for it, and workers carry it out."""
    organization = session.get_one(Organization, sync.organization_id)
    grace = Actor.person(make_person(session, organization, "Grace", Role.PRIMARY_ADMIN))

    def done(contact: Contact, sort: Sort = Sort.OPT_OUT) -> tuple[Removal, list[str]]:
        workspace = session.get_one(Workspace, contact.workspace_id)
        asked = removals.ask(session, grace, workspace, contact.id, Wish(sort, "asked"), now=runtime.clock()).id
        session.commit()
        for _ in range(4):
            removal_work.work(runtime, asked)
        session.expire_all()
        states = select(RemovalTask.state).where(RemovalTask.removal_id == asked)
        return session.get_one(Removal, asked), list(session.scalars(states))

    return done


def test_opt_out_reaches_a_warehouse_audience_that_is_switched_off(runtime, channel, session, sync, contact, take_out):
    """Nobody waits for a run that may never come: the customer is out, by all that they were sent by, with a task (B5, B6)."""
    session.get_one(Sync, sync.id).status = "inactive"
    session.commit()
    removal, states = take_out(contact)
    assert (removal.state, states, len(keys(channel))) == ("done", ["confirmed"], 4)


def test_next_run_of_the_warehouse_has_nothing_to_do(runtime, channel, sync, contact, take_out):
    """Our books know that they are out, and the next run holds them out (B5, B6)."""
    take_out(contact)
    sent = len(channel.pushed)
    run = go(runtime, sync)
    assert (run.state, run.skipped["not_subscribed"], len(channel.pushed)) == ("done", 1, sent)
    assert again(runtime, sync).members_held == 2


def test_erased_person_is_held_out_while_the_warehouse_has_them(runtime, channel, session, sync, contact, take_out):
    """The contact is gone and the warehouse still names them: no run adds them, until somebody confirms that they are back (B5, B30)."""
    removal, states = take_out(contact, Sort.ERASURE)
    assert (removal.state, states, session.scalar(select(Contact.id))) == ("done", ["confirmed"], None)
    assert (go(runtime, sync).rows_added, len(keys(channel))) == (0, 4)
    erased.let_in(session, runtime.vault, sync.workspace, [{"email": "p1@example.org"}])
    session.commit()
    assert (go(runtime, sync).rows_added, len(keys(channel))) == (1, 6)


def test_applied_proofs_hold_out_of_a_warehouse_too(runtime, channel, session, sync, contact, take_out):
    """After a backup was restored the proofs hold the person out of warehouse audiences as before (B5, B6)."""
    take_out(contact, Sort.ERASURE)
    lines = list(erased.export(session))
    erased.let_in(session, runtime.vault, sync.workspace, [{"email": "p1@example.org"}])
    session.commit()
    erasures_again.apply(runtime, erasures_again.read(lines), "olga")
    assert (go(runtime, sync).rows_added, len(keys(channel))) == (0, 4)


def test_who_is_not_in_the_warehouse_gets_no_task_there(session, sync, take_out):
    """Somebody with another e-mail and phone is in none of these audiences; an external id means nothing there (B5, B6)."""
    stranger = make_contact(session, sync.workspace, email="x@example.org", external_id="1")
    session.commit()
    assert take_out(stranger)[1] == []


def test_warehouses_of_other_workspaces_are_asked_too(channel, session, sync, take_out):
    """The person is one person in the whole organization, whichever workspace knows them (B5)."""
    elsewhere = make_workspace(session, session.get_one(Organization, sync.organization_id), "North")
    contact = make_contact(session, elsewhere, phone="+491510001001")
    session.commit()
    removal, states = take_out(contact)
    assert (removal.state, states, len(keys(channel))) == ("done", ["confirmed"], 4)
