"""What decides whom a sync sends, beside the people themselves: any change of it is another figure."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from segsync.actions import exclusions
from segsync.actions.actor import Actor
from segsync.actions.decided_by import decided_by
from segsync.actions.exclusions import Terms, Written
from segsync.models import Exclusion, Organization, Segment
from segsync.rules.terms import Role
from tests.builders import NOW, make_person, make_segment

WHY = Terms(reason="rivals")


@pytest.fixture
def grace(session, sync) -> Actor:
    return Actor.person(
        make_person(session, session.get_one(Organization, sync.organization_id), "Grace", Role.ABM_ADMIN)
    )


def asking_for(segment: Segment) -> dict:
    return {"items": [{"field": "segment", "operator": "in_segment", "values": [str(segment.id)], "negated": True}]}


def excluded(session, grace, *lines: str, terms: Terms = WHY) -> None:
    exclusions.add_lines(session, grace, Written(lines), terms, now=NOW)


def test_a_segment_that_is_asked_for_however_deep_decides_too(session, sync, grace):
    """A change of a segment that is asked for by one that is asked for, or of an excluded one, means other people (B2)."""
    inner, outer, barred, other = (make_segment(session, sync.workspace, name) for name in ("In", "Out", "Barred", "X"))
    sync.segment.rules, outer.rules = asking_for(outer), asking_for(inner)
    exclusions.add_segment(session, grace, barred.id, WHY, now=NOW)
    seen = {decided_by(session, sync)}
    for changed in (sync.segment, inner, outer, barred):
        changed.version += 1
        seen.add(decided_by(session, sync))
    assert len(seen) == 5
    other.version += 1
    assert decided_by(session, sync) in seen


def test_what_stands_on_the_exclusion_lists_decides_too(session, sync, grace):
    """Put on, kept longer, taken off: each means other people; an entry that ends by itself only lets people in again (B2, B14)."""
    seen = [decided_by(session, sync)]
    excluded(session, grace, "a@example.org", terms=Terms(reason="rivals", ends_at=NOW.replace(year=NOW.year + 1)))
    seen.append(decided_by(session, sync))
    excluded(session, grace, "a@example.org")
    seen.append(decided_by(session, sync))
    exclusions.end(session, grace, session.query(Exclusion.id).scalar())
    assert len(set(seen)) == 3
    assert decided_by(session, sync) == seen[0]


def test_lists_of_another_channel_decide_nothing(session, sync, grace):
    """What is left out of Google only changes nothing of a sync to another channel (B2, B14)."""
    before = decided_by(session, sync)
    excluded(session, grace, "a@example.org", terms=Terms("google", reason="rivals"))
    assert decided_by(session, sync) == before


def test_what_unknown_means_decides_too(session, sync):
    """An unknown subscription that counts no more takes people out without any change of a segment (B2)."""
    before = decided_by(session, sync)
    session.execute(update(Organization).values(unknown_subscription_counts=False))
    assert decided_by(session, sync) != before
