"""What the scheduler wakes workers for, and what it leaves alone."""

from __future__ import annotations

from sqlalchemy import text

from segsync.actions import schedule, turns
from segsync.models import Run
from segsync.queue import Name
from tests.actions.pushing import start


def test_workers_that_are_behind_are_not_buried_in_wake_ups(runtime, channel, clock, sync):
    """With a long queue nobody is woken once more: after an outage the queue does not grow for hours (S15)."""
    run = start(runtime, sync)
    for number in range(turns.AHEAD):
        runtime.queue.wake_run(1_000 + number)
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.RUNS) == turns.AHEAD
    runtime.queue.client.flushall()
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.RUNS) == 1
    with runtime.sessions() as session:
        assert session.get_one(Run, run.id).woken_at == clock()


def test_looking_for_files_to_clear_up_reads_no_table_as_a_whole(session, sync):
    """The scheduler looks every second: it must not read the list of all files for that (promise 9)."""
    session.execute(text("set enable_seqscan = off"))
    query = schedule._due_collections(sync.next_run_at)
    explained = session.execute(text(f"explain {query.compile(compile_kwargs={'literal_binds': True})}")).scalars()
    assert "ix_data_file_unnamed_at" in "".join(explained)
