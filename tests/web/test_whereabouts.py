"""The page that says where one person is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from segsync.models import Ask, AuditEvent, SegmentMember, Sync
from tests.builders import NOW, make_contact, make_integration, make_segment, make_sync


def test_one_who_fits_is_shown_at_once(client, session, sign_in, ada, workspace):
    """Typed in whole, an e-mail leads to where the person is; the address names no e-mail (B4)."""
    contact = make_contact(session, workspace, email="eve@example.org", first_name="Eve")
    segment = make_segment(session, workspace, "Prospects")
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    make_sync(session, segment, make_integration(session, ada), ledger_id=None)
    session.commit()
    sign_in(ada)
    answer = client.post(f"/w/{workspace.id}/where", data={"who": "EVE@example.org"})
    assert answer.location == f"/w/{workspace.id}/where/{contact.id}"
    page = client.get(answer.location).text
    assert "Where is Eve" in page
    assert "Prospects" in page
    assert "the next run adds them" in page


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"status": "failed", "detail": "held"}, "waits for an administrator"),
        ({"status": "failed", "detail": "needs a person"}, "once the sync works again"),
        ({"status": "inactive"}, "the sync is switched off"),
        ({"segment": "deleted"}, "the segment was deleted"),
    ],
)
def test_no_run_is_promised_where_none_comes_by_itself(client, session, sign_in, ada, workspace, state, told):
    """Held, failed, switched off, or of a deleted segment: the page says what it waits for, and promises no next run (B4)."""
    contact = make_contact(session, workspace, email="eve@example.org")
    segment = make_segment(session, workspace, "Prospects", deleted_at=NOW if state.pop("segment", "") else None)
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    make_sync(session, segment, make_integration(session, ada), ledger_id=None, **state)
    session.commit()
    page = sign_in(ada).get(f"/w/{workspace.id}/where/{contact.id}").text
    assert (told in page, "the next run" in page) == (True, False)


@pytest.fixture
def customer(session, ada, workspace):
    """Eve, and an audience that a warehouse fills, which had a run."""
    contact = make_contact(session, workspace, email="eve@example.org", first_name="Eve")
    segment = make_segment(session, workspace, "Customers", kind="warehouse")
    make_sync(session, segment, make_integration(session, ada), ledger_id=7)
    session.commit()
    return contact


def answer(session, **found):
    """What a worker found out."""
    asked, sync = session.scalars(select(Ask)).one(), session.scalars(select(Sync)).one()
    asked.state, asked.finished_at = "done", NOW
    asked.answer = {"places": {str(sync.id): found}}
    session.commit()


HELD = {"state": 0, "reason": "", "keys": ["email"], "first_sent": 1_760_000_000, "last_sent": 1_770_000_000}


def test_a_worker_finds_out_about_a_warehouse_and_the_page_waits_for_it(client, session, sign_in, ada, customer):
    """What takes a worker is asked for once, waited for without a further look, and then said with since when (B4, B6)."""
    address = f"/w/{customer.workspace_id}/where/{customer.id}"
    assert "A worker is finding out" in sign_in(ada).get(address).text
    waiting = client.get(f"{address}/audiences")
    assert (waiting.status_code, waiting.headers["X-Live"]) == (304, "busy")
    answer(session, rows=[HELD], planned="", barred="")
    told = client.get(f"{address}/audiences")
    assert told.headers["X-Live"] == "idle"
    assert "In the audience, accepted" in told.text
    assert "e-mail" in told.text
    assert len(session.scalars(select(AuditEvent).where(AuditEvent.event == "contact.where")).all()) == 1


def test_an_answer_of_long_ago_is_told_to_nobody_who_does_not_look_again(
    client, session, sign_in, ada, clock, customer
):
    """Where somebody is is told to whoever looks, and each look is kept (B4)."""
    address = f"/w/{customer.workspace_id}/where/{customer.id}"
    sign_in(ada).get(address)
    answer(session, rows=[HELD], planned="", barred="")
    clock.now += timedelta(minutes=5)  # in another tab meanwhile
    assert client.get(f"{address}/audiences").status_code == 200
    clock.now += timedelta(minutes=6)
    assert client.get(f"{address}/audiences").status_code == 304


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"rows": []}, "nobody whom the warehouse named at the last run has their e-mail or phone"),
        ({"rows": [HELD], "barred": "excluded"}, "Removal due, taken out by the next run: on an exclusion list"),
        ({"nameless": True}, "this contact has none that"),
    ],
)
def test_what_a_worker_found_out_is_said_in_a_sentence(client, session, sign_in, ada, customer, found, words):
    """In it or not, and why not, also of people whom a warehouse names (B4, B6)."""
    address = f"/w/{customer.workspace_id}/where/{customer.id}"
    sign_in(ada).get(address)
    answer(session, **found)
    assert words in client.get(address).text


def test_a_sync_that_never_ran_asked_no_warehouse(client, session, sign_in, ada, customer):
    """Before the first run has ended nothing is said of a last run (B4, B6)."""
    session.scalars(select(Sync)).one().ledger_id = None
    session.commit()
    address = f"/w/{customer.workspace_id}/where/{customer.id}"
    sign_in(ada).get(address)
    answer(session, rows=[])
    page = client.get(address).text
    assert ("no run of this sync has ended so far" in page, "at the last run" in page) == (True, False)


def test_several_who_fit_are_offered(client, session, sign_in, ada, workspace):
    """Two contacts may share a phone: one chooses (B4)."""
    for name in ("Eve", "Bob"):
        make_contact(session, workspace, phone="+4930901820", first_name=name)
    session.commit()
    sign_in(ada)
    page = client.post(f"/w/{workspace.id}/where", data={"who": "+49 30 901820"}).text
    assert "2 contacts fit" in page


def test_nobody_is_said(client, session, sign_in, ada, workspace):
    """Where nobody fits it is said, with what may be left of an earlier value; that somebody looked is kept, not for what (B4)."""
    sign_in(ada)
    page = client.post(f"/w/{workspace.id}/where", data={"who": "no@example.org"}).text
    assert "Nobody here" in page
    assert "what was sent then stays in the audiences until the next good run" in page
    looked = session.scalars(select(AuditEvent).where(AuditEvent.event.like("contact.%"))).one()
    assert (looked.event, looked.subject_id, looked.after) == ("contact.find", ada.id, {"found": 0})
