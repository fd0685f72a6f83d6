"""Where rules ask for a segment that is gone, nobody is sent, counted or guessed: it is said."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from segsync.actions import segment_counts
from segsync.actions.actor import Refused
from segsync.models import Segment, SegmentMember
from tests.actions.pushing import again, go, keys, open_alerts
from tests.builders import make_segment


@pytest.fixture
def inner(session, sync):
    """A segment of nobody, such as opt-outs, that the sync's segment leaves out by its rules; it was deleted beneath it."""
    made = make_segment(session, sync.workspace, "Opt-outs")
    outer = session.get_one(Segment, sync.segment_id)
    session.execute(delete(SegmentMember))
    condition = {"field": "segment", "operator": "in_segment", "values": [str(made.id)], "negated": True}
    outer.kind, outer.rules = "rule", {"items": [condition]}
    session.commit()
    return made


def put_away(session, segment, at) -> None:
    session.execute(update(Segment).where(Segment.id == segment.id).values(deleted_at=at))
    session.commit()
    session.expire_all()


def test_a_run_sends_nobody_while_its_rules_ask_for_a_deleted_segment(runtime, channel, clock, session, sync, inner):
    """Not in “Opt-outs” never becomes everybody: the sync fails and the alert names Opt-outs; restored, it goes on (S13)."""
    put_away(session, inner, clock())
    assert go(runtime, sync).problem_code == "segment.asks_for_deleted"
    assert (keys(channel), again(runtime, sync).status) == (set(), "failed")
    assert [alert.facts["asked"] for alert in open_alerts(runtime)] == ["Opt-outs"]
    put_away(session, inner, None)
    assert go(runtime, sync).state == "done"
    assert (len(keys(channel)), open_alerts(runtime)) == (3, [])


def test_what_already_is_at_the_channel_stays_there(runtime, channel, clock, session, sync, inner):
    """A deleted segment in the rules empties no audience either (S13)."""
    go(runtime, sync)
    before = keys(channel)
    put_away(session, inner, clock())
    go(runtime, sync)
    assert keys(channel) == before != set()


def test_nobody_is_counted_by_rules_that_ask_for_a_deleted_segment(clock, session, sync, inner):
    """In place of a figure there is a sentence that names the segment and what helps (S5)."""
    put_away(session, inner, clock())
    with pytest.raises(Refused, match="“Opt-outs”, which was deleted"):
        segment_counts.look(session, session.get_one(Segment, sync.segment_id), clock())


def test_the_daily_count_forgets_a_size_that_may_be_wrong(runtime, clock, session, sync, inner):
    """The last size of such a segment is no longer shown as if it still held (S5)."""
    put_away(session, inner, clock())
    session.execute(update(Segment).where(Segment.id == sync.segment_id).values(size=3, refreshed_at=None))
    session.commit()
    segment_counts.refresh_later(runtime, sync.segment_id)
    session.expire_all()
    assert session.get_one(Segment, sync.segment_id).size is None
