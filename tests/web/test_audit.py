"""The audit trail as administrators read it, filter it and take it along."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date

import pytest

from segsync.actions import audit_lists
from segsync.actions.actor import Actor, NotAllowed
from segsync.actions.audit import Subject, record
from segsync.actions.audit_lists import Filters
from segsync.models import AuditEvent
from segsync.rules.events import changes, told

SYNC = Subject("sync", 7, "Fintech → Meta · Northwind EU", "SY-1111-2222")


@pytest.fixture
def trail(session, organization, grace, max_):
    """Max created a sync; Grace switched it off and said why; a worker acted; Grace changed a role."""
    by_grace, by_max = Actor.person(grace, "rq-grace"), Actor.person(max_, "rq-max")
    record(session, by_max, "sync.create", SYNC, change=({}, {"status": "syncing"}))
    off = ({"status": "synced"}, {"status": "inactive"})
    record(session, by_grace, "sync.off", SYNC, change=off, reason="=2+5, the campaign ended")
    record(session, Actor.worker(organization.id, 99), "sync.retired", SYNC)
    role = ({"role": "view_only"}, {"role": "marketing_user"})
    record(session, by_grace, "person.role", Subject("person", max_.id, "Max"), change=role)
    session.commit()


def rows_of(text: str) -> list[str]:
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>") if row.strip()]


def test_who_did_what_is_read_as_sentences(client, sign_in, trail, alan):
    """Alan reads who switched the sync off, why, and what it was before (S14)."""
    rows = rows_of(sign_in(alan).get("/audit").text)
    assert rows[0].startswith("Grace changed the role of Max role: View-only → Marketing User")
    assert "Grace switched off the sync Fintech → Meta · Northwind EU" in rows[2]
    assert "“=2+5, the campaign ended”" in rows[2]
    assert "status: synced → inactive" in rows[2]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor={max}", 1), ("actor=worker", 1), ("kind=sync", 3), ("event=sync.off", 1), ("q=campaign", 1),
        ("q=rq-max", 1), ("sync=sy-1111-2222", 3), ("since=2000-01-01&until=2001-01-01", 0), ("kind=person&actor={max}", 0),
        ("actor=999999999999999999999", 0), ("q=%25", 0), ("q=%00", 4), ("page=99999999999999", 4),
    ],
)  # fmt: skip
def test_filters_combine_and_live_in_the_address(client, sign_in, trail, alan, max_, query, found):
    """Whatever stands in the address, the page shows what fits and never breaks (S14)."""
    answer = sign_in(alan).get("/audit?" + query.format(max=max_.id))
    assert answer.status_code == 200
    assert len(rows_of(answer.text)) == found


def test_a_day_that_is_none_is_said_beside_its_field(client, sign_in, trail, alan):
    """A mistyped day is told, and nothing else is lost (bad input)."""
    text = sign_in(alan).get("/audit?since=31.12.2026&q=campaign").text
    assert "Give the day as year, month and day" in text
    assert 'value="campaign"' in text
    assert "The last day is before the first." in client.get("/audit?since=2026-02-01&until=2026-01-01").text


def test_the_export_holds_every_event_and_runs_no_formula(client, sign_in, trail, alan):
    """The CSV has a line per event; a reason that looks like a formula is plain text in a spreadsheet (S14)."""
    answer = sign_in(alan).post("/audit/export?kind=sync")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.mimetype == "text/csv"
    assert [row["event"] for row in rows] == ["sync.retired", "sync.off", "sync.create"]
    assert rows[1]["reason"] == "'=2+5, the campaign ended"
    assert rows[1]["what"] == "Grace switched off the sync Fintech → Meta · Northwind EU"


def test_the_export_is_an_event_itself(client, sign_in, trail, alan, session):
    """That Alan took the trail along, and which part, stands in the trail (S14)."""
    sign_in(alan).post("/audit/export?kind=sync").get_data()
    event = session.query(AuditEvent).filter_by(event="audit.export").one()
    assert (event.actor_name, event.after) == ("Alan", {"kind": "sync"})


def test_what_was_searched_for_is_not_kept(client, sign_in, trail, alan, session):
    """The trail cannot be changed, so of a typed search it keeps that there was one, not whom it named (S14)."""
    search = "q=ada@example.org&actor=ada@example.org&sync=ada@example.org&event=ada@example.org&kind=person"
    sign_in(alan).post(f"/audit/export?{search}").get_data()
    event = session.query(AuditEvent).filter_by(event="audit.export").one()
    used = dict.fromkeys(("text", "actor", "sync", "event"), "used")
    assert event.after == used | {"kind": "person"}


def test_a_sync_that_was_asked_for_is_kept(client, sign_in, trail, alan, session):
    """Whose trail was taken along stays known where the filter names no person by value (S14)."""
    sign_in(alan).post(f"/audit/export?sync=sy-1111-2222&actor={alan.id}").get_data()
    event = session.query(AuditEvent).filter_by(event="audit.export").one()
    assert event.after == {"sync": "sy-1111-2222", "actor": str(alan.id)}


def test_a_long_export_comes_in_pieces_and_is_whole(session, organization, alan):
    """Five thousand events leave in pieces, each once, newest first (S14)."""
    actor = Actor.person(alan)
    for number in range(5000):
        record(session, actor, "sync.now", Subject("sync", number, f"Sync {number}"))
    session.commit()
    pieces = list(audit_lists.export(session, audit_lists.wanted(actor, Filters(), UTC)))
    rows = list(csv.DictReader(io.StringIO("".join(pieces))))
    assert len(pieces) > 3
    assert [row["subject"] for row in rows] == [f"Sync {number}" for number in reversed(range(5000))]


def test_days_begin_where_the_reader_is(session, organization, alan):
    """'Until today' holds the whole day (S14)."""
    actor = Actor.person(alan)
    record(session, actor, "sync.now", SYNC)
    session.commit()
    today = session.query(AuditEvent).one().at.astimezone(UTC).date()
    assert len(session.scalars(audit_lists.wanted(actor, Filters(since=today, until=today), UTC)).all()) == 1
    assert not session.scalars(audit_lists.wanted(actor, Filters(until=date(2020, 1, 1)), UTC)).all()


def test_only_administrators_read_it(session, ada, vera):
    """A Marketing User and View-only people are told who can (S14)."""
    for person in (ada, vera):
        with pytest.raises(NotAllowed, match="Only an administrator"):
            audit_lists.wanted(Actor.person(person), Filters(), UTC)


def test_no_event_of_another_organization_is_seen(client, sign_in, trail, session, alan):
    """No query crosses the organization."""
    session.add(AuditEvent(organization_id=None, actor_kind="worker", actor_name="x", event="secret.event",
                           subject_kind="x", subject_name="Contoso"))  # fmt: skip
    session.commit()
    assert "Contoso" not in sign_in(alan).get("/audit").text


def test_an_event_that_this_release_does_not_know_is_told_all_the_same():
    """A trail that an earlier or later release wrote stays readable (S14)."""
    assert told("office.open_up", "Ada", "Berlin") == "Ada: office open up, Berlin"
    assert changes({"a": 1, "person_id": 3}, {"a": [True, None], "person_id": 4}) == [("a", "1", "yes, –")]
