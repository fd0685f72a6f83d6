"""Exclusion lists: who is on one is left out of every audience, whatever segment they are in."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from connectors.registry import CHANNELS
from segsync.actions import exclusions, segments
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.exclusions import Terms, Written
from segsync.audience.ahead import Ahead
from segsync.audience.reach import everywhere, reach
from segsync.audience.sources import source_of
from segsync.models import AuditEvent, Contact, Exclusion, Organization, Person, Segment, SegmentMember
from tests.actions.pushing import go, keys, members, put
from tests.builders import make_company, make_segment

WHY = Terms(reason="complained")


@pytest.fixture
def exclude(runtime, session, grace):
    """Grace puts lines on the lists."""

    def put_on(*lines: str, terms: Terms = WHY):
        done = exclusions.add_lines(session, grace, Written(lines), terms, now=runtime.clock())
        session.commit()
        return done

    return put_on


def test_who_is_put_on_a_list_is_taken_out(runtime, channel, session, sync, exclude):
    """An e-mail on a list leaves the audience at the next run, and is counted by itself (B14)."""
    go(runtime, sync)
    exclude("p1@example.org")
    run = go(runtime, sync)
    assert (run.rows_removed, run.skipped["excluded"], len(keys(channel))) == (1, 1, 2)


def test_end_date_lets_people_in_again(runtime, channel, clock, sync, exclude):
    """When the end date has passed the next run lets them in again, although nothing about them changed (B14)."""
    exclude("p1@example.org", terms=Terms(reason="pause", ends_at=runtime.clock() + timedelta(days=1)))
    go(runtime, sync)
    assert len(keys(channel)) == 2
    clock.forward(days=2)
    run = go(runtime, sync)
    assert (run.rows_added, len(keys(channel))) == (1, 3)


def test_list_ended_by_hand_lets_in_who_was_there_before(runtime, channel, session, sync, exclude, grace):
    """Somebody who was in the audience, was excluded and is taken off the list comes back (B14)."""
    go(runtime, sync)
    exclude("p1@example.org")
    go(runtime, sync)
    exclusions.end(session, grace, session.scalars(select(Exclusion)).one().id)
    session.commit()
    assert go(runtime, sync).rows_added == 1
    assert len(keys(channel)) == 3


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("+49 30 901820", {"phone": "+4930901820"}),
        ("@rival.example", {"email": "eve@rival.example"}),
        ("rival.example", {"company_domain": "rival.example"}),
    ],
)
def test_phone_and_domain_keep_out(runtime, channel, session, sync, exclude, line, fields):
    """A phone, the domain of an e-mail and the domain of a company on a list keep their people out (B14)."""
    put(session, sync, **fields)
    exclude(line)
    run = go(runtime, sync)
    assert (run.members, run.rows_added, run.skipped["excluded"]) == (4, 3, 1)


def test_company_keeps_out_who_works_there(runtime, session, sync, exclude):
    """A company's name, however it is written, keeps out whoever works there (B14)."""
    company = make_company(session, sync.workspace, name="Rival GmbH")
    put(session, sync, company_id=company.id)
    exclude("RIVAL gmbh")
    assert go(runtime, sync).skipped["excluded"] == 1


def test_company_in_turkish_capitals_keeps_out_who_works_there(runtime, session, sync, exclude):
    """A dotted capital I is the same letter on the list and in the company's name, and two spellings are one entry (B14)."""
    company = make_company(session, sync.workspace, name="İŞ BANKASI")
    put(session, sync, company_id=company.id)
    assert exclude("İŞ BANKASI", "İş Bankası", "iş bankasi").added == 2
    assert go(runtime, sync).skipped["excluded"] == 1


@pytest.mark.parametrize("written", ["j.doe@gmail.com", "JDoe+shop@gmail.com"])
def test_gmail_address_keeps_out_its_mailbox(runtime, session, sync, exclude, written):
    """Google takes dots and what follows a plus for nothing: however the address is written, its mailbox is held out (B14)."""
    put(session, sync, email="jd.oe+x@gmail.com")
    put(session, sync, email="j.doe@example.org")
    put(session, sync, email="jdoe@googlemail.com")
    exclude(written)
    run = go(runtime, sync)
    assert (run.rows_added, run.skipped["excluded"]) == (5, 1)


def test_members_of_an_excluded_segment_are_read_window_by_window(runtime, session, sync, grace):
    """Of a huge excluded segment each window looks at its own part, and not at all that follows (B14)."""
    for number in range(5):
        put(session, sync, email=f"more{number}@example.org")
    exclusions.add_segment(session, grace, sync.segment_id, WHY, now=runtime.clock())
    session.commit()
    meta = CHANNELS["meta"].capabilities
    ids = [contact.id for contact in members(session, sync)]
    with closing(Ahead("")) as reader:
        source = source_of(reader, session, sync.segment, meta, now=runtime.clock(), names=lambda _: sync.segment)
        kept_out = source.bar.excluded.joined(ids[1], ids[4])
        assert sorted(session.scalars(select(kept_out.c.id))) == ids[2:5]
    assert go(replace(runtime, settings=runtime.settings.model_copy(update={"window_rows": 3})), sync).skipped == {
        "excluded": 8
    }


def test_segment_keeps_out_its_members(runtime, session, sync, grace):
    """Whoever is in an excluded segment is left out, of a list as by rules (B14)."""
    listed = make_segment(session, sync.workspace, "Staff")
    rules = {"items": [{"field": "email", "operator": "equals", "values": ["p2@example.org"]}]}
    ruled = make_segment(session, sync.workspace, "Complained", kind="rule", rules=rules)
    session.add(SegmentMember(segment_id=listed.id, member_id=members(session, sync)[0].id))
    for segment in (listed, ruled):
        exclusions.add_segment(session, grace, segment.id, WHY, now=runtime.clock())
    session.commit()
    run = go(runtime, sync)
    assert (run.rows_added, run.skipped["excluded"]) == (1, 2)


def test_excluded_segment_cannot_be_deleted(runtime, session, sync, grace):
    """A segment that a list names stays, so that nobody slips back in unnoticed (B14)."""
    segment = make_segment(session, sync.workspace, "Staff")
    exclusions.add_segment(session, grace, segment.id, WHY, now=runtime.clock())
    with pytest.raises(Refused, match="exclusion list"):
        segments.delete(session, grace, sync.workspace, segment.id, confirmed=True, now=runtime.clock())


def test_other_channel_is_not_concerned(runtime, session, sync, exclude):
    """An entry for Google alone leaves nobody out at Meta (B14)."""
    exclude("p1@example.org", terms=Terms("google", "asked by Google"))
    assert "excluded" not in go(runtime, sync).skipped


def test_other_organization_is_not_concerned(runtime, session, sync, exclude):
    """Another organization's lists leave nobody out here (B14)."""
    other = Organization(name="Other", contracted_limit=1)
    session.add(other)
    session.flush()
    exclude("p1@example.org")
    session.scalars(select(Exclusion)).one().organization_id = other.id
    session.commit()
    assert "excluded" not in go(runtime, sync).skipped


def test_outlook_tells_how_many_are_on_a_list(runtime, session, sync, exclude):
    """Before anything is started, the number on a list stands by itself; who said no counts there and not twice (B14)."""
    exclude("p1@example.org", "p2@example.org")
    session.scalars(select(Contact).where(Contact.email == "p2@example.org")).one().subscription = "no"
    session.commit()
    segment = session.get_one(Segment, sync.segment_id)
    names = lambda number: session.get_one(Segment, number)  # noqa: E731
    seen = reach(session, segment, CHANNELS["meta"].capabilities, now=runtime.clock(), names=names)
    assert (seen.members, seen.usable, seen.excluded, seen.not_subscribed, seen.no_identifier) == (3, 1, 1, 1, 0)


def test_only_administrators_keep_lists(runtime, session, sync):
    """A Marketing User cannot put anybody on a list (B14)."""
    ada = Actor.person(session.get_one(Person, sync.owner_id))
    with pytest.raises(NotAllowed, match="administrator"):
        exclusions.add_lines(session, ada, Written(["x@example.org"]), WHY, now=runtime.clock())


def test_trail_tells_how_many_and_why_but_not_whom(session, exclude):
    """The audit trail has how many were put on, where and why, and no value (B14)."""
    exclude("p1@example.org", "rival.example")
    told = session.scalars(select(AuditEvent).where(AuditEvent.event == "exclusion.add")).one()
    assert (told.subject_name, told.reason) == ("1 × e-mail, 1 × domain", "complained")
    assert "example" not in str((told.subject_name, told.before, told.after))


def test_longer_term_wins(runtime, session, exclude):
    """Put on again without an end, an entry has none; a shorter one changes nothing (B14)."""
    soon = Terms(reason="pause", ends_at=runtime.clock() + timedelta(days=1))
    exclude("p1@example.org", terms=soon)
    assert exclude("p1@example.org").added == 1
    assert exclude("p1@example.org", terms=soon).already == 1
    assert session.scalars(select(Exclusion.ends_at)).one() is None


def test_thousands_are_put_on_in_a_few_statements(runtime, session, sync, exclude):
    """A pasted list of thousands is written set by set (B14)."""
    seen: list[str] = []
    event.listen(runtime.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    assert exclude(*(f"x{number}@example.org" for number in range(6_000))).added == 6_000
    assert sum("INSERT INTO exclusion" in statement for statement in seen) == 2


def test_lists_are_searched_once_for_each_channel_whatever_is_counted(runtime, session, sync, exclude):
    """Whom channels can take is said also with many entries: each member is looked up once a channel, not for every figure (B14)."""
    exclude("p1@example.org")
    channels = [each.capabilities for each in CHANNELS.values()]
    asked: list[tuple[str, object]] = []
    event.listen(
        session.get_bind(), "before_cursor_execute", lambda _c, _cur, sql, values, *_: asked.append((sql, values))
    )
    segment = session.get_one(Segment, sync.segment_id)
    everywhere(session, segment, channels, now=runtime.clock(), names=lambda number: session.get_one(Segment, number))
    counting = next(one for one in asked if "FILTER" in one[0])
    plan = "\n".join(row[0] for row in session.connection().exec_driver_sql(f"explain {counting[0]}", counting[1]))
    assert 0 < plan.count("on exclusion ") <= 2 * len(channels)
