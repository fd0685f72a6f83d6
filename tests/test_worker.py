"""Workers as real processes: what is woken is done, and what happens when one of them dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import rq
from rq.serializers import JSONSerializer
from sqlalchemy import select

from segsync.actions import health
from segsync.models import Installation
from segsync.processes import fork
from segsync.queue import Name
from segsync.runtime import WrongFolder
from segsync.servers import alive, wait_until
from segsync.worker import Workers, queues_of

SECONDS = 30


@dataclass
class Started:
    """A `segsync worker` that runs as a child of this test."""

    pid: int
    code: int | None = None

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        if self.code is None and (ended := os.waitpid(self.pid, os.WNOHANG)) != (0, 0):
            self.code = os.waitstatus_to_exitcode(ended[1])
        return self.code

    def wait(self, seconds: float) -> int | None:
        """Waits until it ended."""
        wait_until(lambda: self.poll() is not None, seconds)
        return self.code

    def signal(self, number: signal.Signals) -> None:
        """As `kill` or the terminal sends it."""
        if self.poll() is None:
            os.kill(self.pid, number)


@pytest.fixture
def start(runtime) -> Iterator:
    """Starts workers over this test's database and Redis, and waits until they say that they are alive.

    Forked rather than started anew: that `segsync worker` does the same is shown by the demo's own test.
    """
    started = []
    one = replace(runtime, settings=runtime.settings.model_copy(update={"workers": 1}))

    def work() -> None:
        one.after_fork()
        Workers(one).run()

    def run() -> Started:
        started.append(Started(fork(work)))
        assert wait_until(lambda: health._alive(runtime, "worker ", health.WORKERS_SILENT), SECONDS)
        return started[-1]

    yield run
    for process in started:
        process.signal(signal.SIGKILL)
        process.wait(SECONDS)


def wake(redis_client, function: str, *args, queue=Name.RUNS) -> None:
    """Work for a worker, made of what every Python has."""
    rq.Queue(queue, connection=redis_client, serializer=JSONSerializer).enqueue_call(function, args=list(args))


def children(pid: int) -> set[int]:
    """Processes that were started by this one, by theirs, and so on."""
    found = {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return found.union(*(children(child) for child in found if alive(child)))


def test_woken_work_is_done_at_once_on_every_queue(start, redis_client, tmp_path):
    """A worker takes runs, chores and questions within moments of being woken."""
    start()
    for queue in Name:
        wake(redis_client, "os.mkdir", str(tmp_path / queue.value), queue=queue)
    assert wait_until(lambda: all((tmp_path / queue.value).exists() for queue in Name), 60)


def test_a_worker_that_is_told_to_stop_finishes_its_slice(start, redis_client, tmp_path):
    """SIGTERM, and Ctrl-C as the terminal sends it: the slice ends as it should, then the worker."""
    process = start()
    wake(redis_client, "subprocess.call", ["sh", "-c", f"touch {tmp_path}/begun; sleep 1; touch {tmp_path}/done"])
    assert wait_until((tmp_path / "begun").exists, 60)
    process.signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert (tmp_path / "done").exists()


def test_a_killed_worker_takes_its_children_along(start, redis_client, tmp_path):
    """After kill -9 nothing of it goes on writing to an audience."""
    process = start()
    wake(redis_client, "subprocess.call", ["sh", "-c", f"touch {tmp_path}/begun; exec sleep 2"])
    assert wait_until((tmp_path / "begun").exists, 60)
    family = children(process.pid)
    process.signal(signal.SIGKILL)
    process.wait(SECONDS)
    assert wait_until(lambda: not any(alive(pid) for pid in family), 60)


def test_a_child_that_dies_is_replaced(start, redis_client, runtime, tmp_path):
    """One worker that is killed by the system does not leave its queue unattended."""
    process = start()
    before = children(process.pid)
    for child in before:
        os.kill(child, signal.SIGKILL)
    assert wait_until(lambda: len(children(process.pid) - before) == len(before), 60)
    wake(redis_client, "os.mkdir", str(tmp_path / "later"))
    assert wait_until((tmp_path / "later").exists, 60)
    assert process.poll() is None


def test_work_that_raises_does_not_end_the_worker(start, redis_client, runtime, tmp_path):
    """A job for something that is not there is logged; the next job is done."""
    start()
    runtime.queue.wake_chore("no such chore", 1)
    runtime.queue.wake_run(404)
    wake(redis_client, "os.mkdir", str(tmp_path / "next"))
    assert wait_until((tmp_path / "next").exists, 60)


def test_a_worker_that_sees_another_folder_refuses_to_start(runtime, session):
    """A worker whose ledgers are not those of the database sends nothing: it would fill audiences from nothing."""
    runtime.ledgers.mkdir(parents=True)
    (runtime.ledgers / "folder-id").write_text("another one")
    session.add(Installation(key="ledgers", value={"id": "the right one"}))
    session.commit()
    with pytest.raises(WrongFolder, match="is not the folder of ledgers"):
        Workers(runtime).run()


def test_a_sign_of_life_is_taken_back_in_the_end(start, session):
    """Who stopped a worker on purpose does not find it in `segsync check` any more."""
    process = start()
    process.signal(signal.SIGTERM)
    process.wait(60)
    assert session.scalars(select(Installation.key).where(Installation.key.startswith("worker"))).all() == []


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_asks_have_a_worker_of_their_own_and_chores_never_hold_up_runs(workers):
    """Pages get their answers while syncs run, and syncs run while a large file is imported."""
    plan = dict(queues_of(workers))
    assert [name for name, queues in plan.items() if queues == [Name.ASKS]] == ["asks"]
    assert len(plan) == workers + 1
    assert any(Name.CHORES in queues for queues in plan.values())
    assert workers == 1 or any(Name.RUNS in queues and Name.CHORES not in queues for queues in plan.values())
