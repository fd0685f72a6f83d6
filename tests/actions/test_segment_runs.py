"""Segments with rules on their way to a channel: a run sends exactly whom the segment's page counts."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from segsync.actions import segment_counts
from segsync.models import Contact, Segment, SegmentMember, SegmentSize
from tests.actions.pushing import go, keys, let_go
from tests.builders import make_company


def with_rules(session, sync, members: str, field: str, value: str) -> Segment:
    """The sync's segment, with a rule in place of its list."""
    segment = session.get_one(Segment, sync.segment_id)
    session.execute(delete(SegmentMember))
    segment.kind, segment.members = "rule", members
    segment.rules = {"items": [{"field": field, "operator": "equals", "values": [value]}]}
    session.commit()
    return segment


def test_a_run_sends_whom_the_rules_mean(runtime, channel, session, sync, clock):
    """Count and run agree; who no longer fits leaves with the next run (S5, B1)."""
    segment = with_rules(session, sync, "people", "city", "Berlin")
    first = session.scalars(select(Contact.id)).first()
    session.execute(update(Contact).where(Contact.id != first).values(city="Berlin"))
    session.commit()
    run = go(runtime, sync)
    assert run.members == len(keys(channel)) == segment_counts.count(session, segment, clock()) == 2
    session.execute(update(Contact).values(city="Paris"))
    session.commit()
    let_go(runtime, sync.id)
    go(runtime, sync)
    assert keys(channel) == set()


def test_companies_are_counted_as_companies(runtime, channel, session, sync):
    """Three people of one company are sent; the segment's size stays one company (S14)."""
    segment = with_rules(session, sync, "companies", "industry", "tech")
    company = make_company(session, sync.workspace, industry="Tech")
    session.execute(update(Contact).values(company_id=company.id))
    session.commit()
    assert go(runtime, sync).members == 3
    assert session.scalars(select(SegmentSize.size).where(SegmentSize.segment_id == segment.id)).all() == []
