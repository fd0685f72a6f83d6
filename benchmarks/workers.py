"""What only real worker processes and a scheduler can show: several of them on one run, many small runs, and how soon one begins."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import rq
from sqlalchemy import func, select, update

from benchmarks.channel import Channel, channel
from benchmarks.report import Figure
from benchmarks.stage import Stage, set_up
from segsync.models import Run, Sync
from segsync.supervisor import Part, stop_all

SMALL, SYNCS = 1_000, 1_000
SLOW = 0.3
PATIENCE = 3_600.0


def helping(stage: Stage, target: Channel) -> list[Figure]:
    """One run over two worker processes against one, at a channel that takes 300 ms for a request."""
    seconds = {}
    with channel(SLOW) as slow:
        set_up(slow)
        for workers in (1, 2):
            with _processes(stage, workers):
                seconds[workers] = _sent_in(stage, stage.sync(f"Slow {workers}"))
    set_up(target)
    ratio = seconds[1] / seconds[2]
    return [Figure("sending by 2 workers against 1, 300 ms a request", ratio, "×", "1.6", ratio >= 1.6, more=seconds)]


def small(stage: Stage, _: Channel) -> list[Figure]:
    """A thousand syncs of a thousand members, all due at once, two workers."""
    lows = [number * SMALL % max(stage.members - SMALL, 1) for number in range(SYNCS)]
    sync_ids = {stage.sync(f"Small {number}", low=low, high=low + SMALL) for number, low in enumerate(lows)}
    with _processes(stage, 2):
        with stage.runtime.sessions.begin() as session:
            session.execute(update(Sync).where(Sync.id.in_(sync_ids)).values(next_run_at=func.now()))
        seconds = _all_done(stage, sync_ids)
    with stage.runtime.sessions() as session:
        last = session.scalar(select(func.max(Run.started_at - Run.created_at))) or timedelta()
    more = {"longest_until_started": last.total_seconds()}
    return [Figure("1,000 syncs of 1,000 members, 2 workers", seconds, "s", "300", seconds < 300, more=more)]


def sync_now(stage: Stage, target: Channel) -> list[Figure]:
    """From "Sync now" to the channel: its first request of any kind, and the first with members."""
    told = []
    with _processes(stage, 2):
        for members, aim in ((SMALL, 0.5), (stage.members, 5.0)):
            sync_id = stage.sync(f"Now {members}", high=members)
            _whole(stage, sync_id)
            stage.change(1)
            told += _now(stage, target, sync_id, members, aim)
    return told


def _now(stage: Stage, target: Channel, sync_id: int, members: int, aim: float) -> list[Figure]:
    target.seen()
    pressed = time.time()
    run_id = stage.start(sync_id)
    stage.runtime.queue.wake_run(run_id)
    _until(lambda: stage.run(run_id).finished_at is not None)
    seen = target.seen()
    first, batch = seen["first"] - pressed, seen["first_batch"] - pressed
    name = f'from "Sync now" of {members:,} members to the first '
    return [
        Figure(f"{name}request", first, "s", "0.5", first < 0.5),
        Figure(f"{name}members", batch, "s", f"{aim:g}", batch < aim),
    ]


def _whole(stage: Stage, sync_id: int) -> float:
    began = time.perf_counter()
    run_id = stage.start(sync_id)
    stage.runtime.queue.wake_run(run_id)
    _until(lambda: stage.run(run_id).finished_at is not None)
    return time.perf_counter() - began


def _sent_in(stage: Stage, sync_id: int) -> float:
    """Seconds of the phases in which members are sent."""
    _whole(stage, sync_id)
    with stage.runtime.sessions() as session:
        run = session.scalars(select(Run).where(Run.sync_id == sync_id)).one()
    begun = {phase: datetime.fromisoformat(at) for phase, at in run.phases}
    return (begun["recording"] - begun["adding"]).total_seconds()


def _all_done(stage: Stage, sync_ids: set[int]) -> float:
    began = time.perf_counter()
    finished = select(Run.sync_id).where(Run.finished_at.is_not(None))

    def ended() -> bool:
        with stage.runtime.sessions() as session:
            return sync_ids <= set(session.scalars(finished))

    _until(ended)
    return time.perf_counter() - began


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("it did not end")
        time.sleep(0.05)


@contextmanager
def _processes(stage: Stage, workers: int) -> Iterator[None]:
    """`segsync worker` and `segsync scheduler` on this stage."""
    settings = stage.runtime.settings
    environment = dict(os.environ) | {"SEGSYNC_DATA": str(settings.data), "SEGSYNC_WORKERS": str(workers)}
    parts = [
        Part(name, [sys.executable, "-m", "segsync.cli", name], environment, settings.data / "logs" / f"{name}.log")
        for name in ("worker", "scheduler")
    ]
    try:
        for part in parts:
            part.mend()
        _until(lambda: _listening(stage, workers))
        yield
    finally:
        stop_all(parts, 60)


def _listening(stage: Stage, workers: int) -> bool:
    return len(rq.Worker.all(connection=stage.runtime.queue.client)) >= workers + 1
