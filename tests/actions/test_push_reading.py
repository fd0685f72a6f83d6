"""Reading a segment while people go in and out of it."""

from __future__ import annotations

from connectors.meta.identifiers import CAPABILITIES
from segsync.audience.sources import open_source
from segsync.models import Segment, Sync
from tests.actions.pushing import join, leave, members


def test_who_joins_while_a_window_is_read_pushes_nobody_out(runtime, channel, session, sync):
    """Somebody joins between the two looks at a window: whoever was in it the first time is read all the same (promise 2)."""
    first, *others = members(session, sync)
    leave(session, sync, first)
    with runtime.sessions() as reading:
        segment = reading.get_one(Segment, session.get_one(Sync, sync.id).segment_id)
        source = open_source(
            runtime.database_uri, reading, segment, CAPABILITIES, now=runtime.clock(), names=lambda number: segment
        )
        window = source.window(-1, 2)
        join(session, sync, first)
        high = window.column("id")[-1].as_py()
        read = source.values(-1, high, None).column("id").to_pylist()
    assert set(window.column("id").to_pylist()) <= set(read)
