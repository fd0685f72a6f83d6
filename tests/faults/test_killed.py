"""Real workers, killed by SIGKILL in the middle of a run: the process that does the work, or its parent with it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from segsync.actions import schedule
from segsync.clock import utc_now
from segsync.effects import Effect, Effects
from segsync.models import Run
from segsync.runtime import Runtime
from segsync.servers import wait_until
from tests.faults.lives import second
from tests.faults.stage import newest

SECONDS = 60


@dataclass
class Fatal(Effects):
    """Kills the process at its nth effect; with its parent, where that is asked for. -1: never."""

    at: int = -1
    parent: bool = False
    mark: Path | None = None
    """Where it says that it struck."""
    count: int = 0

    def before(self, effect: Effect) -> None:
        if self.count == self.at and self.mark:
            self.mark.touch()
            if self.parent:
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1


def finished(runtime: Runtime, run_id: int) -> bool:
    """Ticks as the scheduler does, and looks."""
    schedule.tick(runtime)
    with runtime.sessions() as session:
        return session.get_one(Run, run_id).finished_at is not None


@pytest.mark.slow
@pytest.mark.parametrize(("at", "parent"), [(4, False), (22, True), (37, False)])
def test_a_worker_that_is_killed_is_followed_by_another(born, worker, tmp_path, at, parent):
    """Kill -9 in the middle of a run, of the child alone or with its parent: another worker ends it, and all is right (B1)."""
    world = born("meta", second)
    struck = tmp_path / "struck"
    first = worker(world, Fatal(at, parent, struck))
    with world.process() as process:
        run_id, real = newest(process), replace(process.runtime, clock=utc_now)
        process.runtime.queue.wake_run(run_id)
        assert wait_until(struck.exists, SECONDS)
        first.signal(signal.SIGKILL)
        first.wait(SECONDS)
        process.time_passes()
        worker(world, Effects())
        assert wait_until(lambda: finished(real, run_id), SECONDS)
        assert (process.is_right(), process.alerts()) == (True, [])
