"""Reading a segment while people go in and out of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from connectors.contract import Kind
from connectors.meta.identifiers import CAPABILITIES
from segsync.actions import runs
from segsync.audience.ahead import Ahead
from segsync.audience.sources import source_of
from segsync.models import Segment, Sync
from tests.actions.pushing import go, join, leave, members, start, work


def test_who_joins_while_a_window_is_read_pushes_nobody_out(runtime, channel, session, sync):
    """Somebody joins between the two looks at a window: whoever was in it the first time is read all the same (promise 2)."""
    first = members(session, sync)[0]
    leave(session, sync, first)
    with runtime.sessions() as reading, closing(Ahead(runtime.database_uri)) as ahead:
        segment = reading.get_one(Segment, session.get_one(Sync, sync.id).segment_id)
        now = runtime.clock()
        source = source_of(ahead, reading, segment, CAPABILITIES, now=now, names=lambda number: segment)
        window = source.window(-1, 2)
        join(session, sync, first)
        high = window.column("id")[-1].as_py()
        read = source.values(-1, high, None).column("id").to_pylist()
    assert set(window.column("id").to_pylist()) <= set(read)


def test_plan_of_older_rules_is_folded_as_such(runtime, channel, sync):
    """A run was stopped half-way, then the channel's rules were renewed: everybody is compared in full by the new rules (B1, B16)."""
    run = start(runtime, sync)

    def stop(_batch) -> None:
        with runtime.sessions.begin() as other:
            runs.stop(other, other.get_one(Sync, sync.id, with_for_update=True), now=runtime.clock())

    channel.after_push = stop
    work(runtime, run)
    channel.after_push = lambda _batch: None
    people = replace(channel.capabilities.shapes[Kind.PEOPLE], expression="new rules")
    channel.capabilities = replace(channel.capabilities, shapes={Kind.PEOPLE: people})
    assert go(runtime, sync).rows_added == 3
