"""Where is this person: asked of our own books, over a real run."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from connectors.problems import Code
from segsync.actions import whereabouts
from segsync.actions.actor import Actor, NotAllowed
from segsync.models import AuditEvent, Contact, DataFile, Exclusion, Integration, Person, Segment, Sync, Workspace
from segsync.rules.standing import Stands
from segsync.rules.terms import Role
from tests.actions.pushing import die, go, leave, members, put
from tests.builders import make_sync


@pytest.fixture
def ada(session, sync) -> Actor:
    return Actor.person(session.get_one(Person, sync.owner_id))


@pytest.fixture
def where(runtime, session, ada):
    """The one audience that there is, for a contact."""

    def looked(contact: Contact) -> whereabouts.Place:
        session.rollback()
        (place,) = whereabouts.look(runtime, session, ada, session.get_one(Contact, contact.id)).places
        session.commit()
        return place

    return looked


def test_member_is_in_the_audience_since_the_run(runtime, session, sync, where):
    """Whoever was sent is in the audience, with when, and by which identifiers without their values (B4)."""
    go(runtime, sync)
    place = where(members(session, sync)[0])
    assert place.standing.stands is Stands.IN
    assert place.first_sent == place.last_sent == runtime.clock()
    assert place.standing.keys == ("email",)


def test_who_left_is_due_to_be_taken_out_and_then_is_out(runtime, session, sync, where):
    """Between leaving a segment and the next run a removal is due; afterwards they are out, as no member (B4)."""
    go(runtime, sync)
    gone = members(session, sync)[0]
    leave(session, sync, gone)
    assert where(gone).standing.stands is Stands.REMOVAL_DUE
    go(runtime, sync)
    place = where(gone)
    assert (place.standing.stands, place.standing.why) == (Stands.OUT, "not_member")


def test_reasons_are_told_apart(runtime, session, sync, where):
    """Not subscribed, on an exclusion list, nothing to match by: each is told as what it is (B4)."""
    said_no = put(session, sync, subscription="no")
    listed = put(session, sync, email="listed@example.org")
    nameless = put(session, sync, email=None, external_id=None, first_name=None, last_name=None, city="Berlin")
    session.add(Exclusion(organization_id=sync.organization_id, kind="email", value="listed@example.org"))
    session.commit()
    go(runtime, sync)
    told = [where(contact).standing.why for contact in (said_no, listed, nameless)]
    assert told == ["not_subscribed", "excluded", "no_identifier"]


def test_refused_row_tells_the_channels_reason(runtime, channel, session, sync, where):
    """Somebody whom the channel refused is told so, with its reason (B4)."""
    channel.refuse = lambda batch: {0: Code.ROW_BAD_FORMAT.value} if batch.number == 1 else {}
    go(runtime, sync)
    standing = where(members(session, sync)[0]).standing
    assert (standing.stands, standing.code) == (Stands.REFUSED, Code.ROW_BAD_FORMAT.value)


def test_plan_under_way_is_seen(runtime, channel, session, sync, where):
    """While a run is sending, whoever is in its plan waits (B4)."""
    die(runtime, channel, sync, when="before_push")
    assert where(members(session, sync)[0]).standing.stands is Stands.WAITING


def test_members_of_a_warehouse_are_not_passed_over(session, sync, where):
    """An audience that a warehouse fills is named, with that nobody can be told there by their contact (B4, B6)."""
    session.get_one(Segment, sync.segment_id).kind = "warehouse"
    session.commit()
    place = where(members(session, sync)[0])
    assert (place.standing, place.from_warehouse) == (None, True)


def test_each_segment_is_asked_once_for_all_its_syncs(runtime, session, sync, ada):
    """Three syncs of a segment ask no more of the database than one (B4)."""
    counted = []
    for number in (2, 3):
        seen: list[str] = []
        note = lambda *given, seen=seen: seen.append(given[2])  # noqa: E731
        event.listen(runtime.engine, "before_cursor_execute", note)
        contact = session.get_one(Contact, members(session, sync)[0].id)
        assert whereabouts.look(runtime, session, ada, contact).places[0].standing.stands is Stands.NEXT_RUN
        session.rollback()
        event.remove(runtime.engine, "before_cursor_execute", note)
        counted.append(sum("EXISTS" in statement for statement in seen))
        signin = session.get_one(Integration, sync.integration_id)
        make_sync(session, sync.segment, signin, account_id=f"act-{number}")
        session.commit()
    assert counted[0] == counted[1] > 0


def test_books_that_cannot_be_read_are_said(runtime, session, sync, where):
    """Where a file of our books is missing nothing is claimed (B4)."""
    go(runtime, sync)
    for path in session.scalars(select(DataFile.path).where(DataFile.sort == "ledger")):
        (runtime.ledgers / path).unlink()
    assert where(members(session, sync)[0]).standing is None


def test_found_in_own_workspaces_only(session, sync, ada):
    """An e-mail finds the contacts of one's own workspaces, however it is written, and nobody elsewhere (B4)."""
    here = session.get_one(Workspace, sync.workspace_id)
    found = whereabouts.find(session, ada, [here], " P1@Example.ORG ")
    assert [contact.email for contact, _ in found] == ["p1@example.org"]
    assert whereabouts.find(session, ada, [], "p1@example.org") == []


def test_each_look_is_audited_without_values(session, sync, where):
    """Who looked is kept, with the contact's number and nothing of the person (B4)."""
    contact = members(session, sync)[0]
    where(contact)
    told = session.scalars(select(AuditEvent).where(AuditEvent.event == "contact.where")).one()
    assert (told.subject_id, told.subject_name, told.after) == (contact.id, f"Contact {contact.id}", {})


def test_view_only_may_not_look(runtime, session, sync):
    """View-only people see counts, not where somebody is (B4)."""
    organization = session.get_one(Sync, sync.id).workspace.organization_id
    vera = Actor(organization, "person", "Vera", None, Role.VIEW_ONLY)
    with pytest.raises(NotAllowed):
        whereabouts.look(runtime, session, vera, members(session, sync)[0])
