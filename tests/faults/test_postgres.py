"""PostgreSQL is stopped in the middle of a run, or crashes, and comes back: the worker lives on, and nothing is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from segsync import migrate
from segsync.clock import utc_now
from segsync.db import make_engine
from segsync.effects import Effect, Effects, Sort
from segsync.postgres_server import EmbeddedPostgres
from segsync.runtime import Runtime
from segsync.servers import alive, wait_until
from tests.conftest import Servers
from tests.faults.conftest import Ground
from tests.faults.lives import second
from tests.faults.stage import World, newest
from tests.faults.test_killed import SECONDS, finished


@dataclass
class Struck(Effects):
    """The database server is hit right after the nth request to the channel: what was sent cannot be acknowledged."""

    pid: int
    number: signal.Signals
    mark: Path
    """Where it says that it struck, which it does once."""
    at: int = 3
    count: int = 0

    def after(self, effect: Effect) -> None:
        self.count += effect.sort is Sort.REQUEST
        if self.count == self.at and not self.mark.exists():
            os.kill(self.pid, self.number)
            wait_until(lambda: not alive(self.pid), SECONDS)
            self.mark.touch()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory, data_root) -> Iterator[EmbeddedPostgres]:
    """A server of these tests' own. A transaction is on the disk when it is committed, as everywhere else."""
    with EmbeddedPostgres(data_root / "own", {"fsync": "off", "shared_buffers": "16MB"}) as server:
        yield server


@pytest.fixture(scope="module")
def world(postgres, servers, simulators, data_root) -> Iterator[World]:
    """A run with changes of every kind is due, at Meta's simulator."""
    own = Servers(postgres, servers.redis)
    own.administer(f"create database {own.template}")
    engine = make_engine(postgres.url_of(own.template))
    migrate.upgrade(engine)
    engine.dispose()
    made = Ground(own, data_root / "own", simulators).world("meta")
    second(made)
    made.begun["second"] = made.state()
    yield made
    made.close()


def ended(runtime: Runtime, run_id: int) -> bool:
    """Ticks as a scheduler does that outlives an absent database."""
    with suppress(SQLAlchemyError):
        return finished(runtime, run_id)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_postgres_may_stop_or_crash_in_the_middle_of_a_run(world, postgres, worker, tmp_path, number):
    """Stopped, or killed, between a request and its acknowledgement: the same worker ends the run, and all is right (B1, S13)."""
    world.reopen()
    world.enter(world.begun["second"])
    struck = tmp_path / "struck"
    working = worker(world, Struck(postgres.pid(), number, struck))
    with world.process() as process:
        run_id, real = newest(process), replace(process.runtime, clock=utc_now)
        process.runtime.queue.wake_run(run_id)
        assert wait_until(struck.exists, SECONDS)
        postgres.ensure()
        process.time_passes()
        assert wait_until(lambda: ended(real, run_id), SECONDS)
        assert (process.is_right(), process.alerts(), working.poll()) == (True, [], None)
