"""`segsync worker`: RQ workers as forked children, one of them reserved for questions that pages asked.

Connectors are loaded once, before the fork. A child that ends is replaced. SIGTERM and SIGINT let every child finish
its slice.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import rq
import structlog
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import DequeueStrategy
from sqlalchemy.exc import SQLAlchemyError

from segsync import jobs
from segsync.actions import health, watch
from segsync.audience.identified import learn
from segsync.jobs import YOUNG
from segsync.processes import die_with_parent, fork
from segsync.queue import Name
from segsync.runtime import Runtime, check_ledgers

log = structlog.get_logger(__name__)

WORKER_TTL: Final = 45
BEAT_SECONDS: Final = 10.0
LONGEST_PAUSE: Final = 30.0


class Horses(rq.Worker):
    """An RQ worker whose forked child dies with it and has connections of its own."""

    max_connection_wait_time = 5.0
    log_result_lifespan = False

    def __init__(self, *args: Any, runtime: Runtime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.runtime = runtime

    def main_work_horse(self, job: Job, queue: rq.Queue) -> None:
        """The first thing that the forked child does."""
        die_with_parent(signal.SIGKILL, self.pid or os.getppid())
        self.runtime.after_fork()
        super().main_work_horse(job, queue)


@dataclass
class Child:
    """One worker process, or the pause before it is started again."""

    name: str
    queues: list[Name]
    pid: int = 0
    started: float = 0.0
    pause: float = 0.0
    not_before: float = 0.0


def queues_of(workers: int) -> list[tuple[str, list[Name]]]:
    """Which queues each worker listens to. The first of several takes no chores, so that imports never hold up runs."""
    runs = [Name.RUNS, Name.HELP, Name.REMOVALS]
    plan = [("asks", [Name.ASKS]), ("runs-1", runs if workers > 1 else [*runs, Name.CHORES])]
    return plan + [(f"runs-{number}", [*runs, Name.CHORES]) for number in range(2, workers + 1)]


class Workers:
    """The parent of all worker processes of one `segsync worker`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.children = [Child(name, queues) for name, queues in queues_of(runtime.settings.workers)]
        self.host = socket.gethostname()
        self._stopping = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises WrongFolder when the ledgers are not this database's."""
        check_ledgers(self.runtime)
        self._load()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        next_beat = 0.0
        while not self._stopping:
            self._mend()
            if time.monotonic() >= next_beat:
                self._beat()
                next_beat = time.monotonic() + BEAT_SECONDS
            time.sleep(0.2)
        self._end()

    def _load(self) -> None:
        jobs.bind(self.runtime)
        for name, channel in self.runtime.settings.channels.items():
            if channel.client_id:
                learn(self.runtime.connector(name))

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _mend(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.pid and _ended(child.pid):
                lived = now - child.started
                child.pause = 0.0 if lived > LONGEST_PAUSE else min(LONGEST_PAUSE, max(0.5, child.pause * 2))
                child.pid, child.not_before = 0, now + child.pause
                log.warning("worker ended", worker=child.name, lived=round(lived, 1), again_in=child.pause)
            if not child.pid and now >= child.not_before:
                child.started = now
                child.pid = fork(self._work_of(child))

    def _work_of(self, child: Child) -> Callable[[], None]:
        def work() -> None:
            self.runtime.after_fork()
            client = self.runtime.queue.client
            queues = [rq.Queue(name, connection=client, serializer=JSONSerializer) for name in child.queues]
            worker = Horses(
                queues,
                name=f"{self.host}.{os.getpid()}.{child.name}",
                connection=client,
                serializer=JSONSerializer,
                worker_ttl=WORKER_TTL,
                log_job_description=False,
                runtime=self.runtime,
            )
            worker.work(
                logging_level=logging.getLevelName(logging.WARNING), dequeue_strategy=DequeueStrategy.ROUND_ROBIN
            )

        return work

    def _beat(self) -> None:
        running = sum(1 for child in self.children if child.pid)
        try:
            health.beat(self.runtime, f"worker {self.host}.{os.getpid()}", workers=running)
            watch.part(self.runtime, watch.SCHEDULER)
        except SQLAlchemyError as problem:
            log.warning("no sign of life written", problem=type(problem).__name__)

    def _end(self) -> None:
        settings = self.runtime.settings
        # whoever is busy may go on with another run for a part of a slice
        longest = settings.slice_seconds * (1 + YOUNG) + settings.request_seconds
        deadline = time.monotonic() + longest + 20
        running = [child.pid for child in self.children if child.pid]
        for pid in running:
            os.kill(pid, signal.SIGTERM)
        while running and time.monotonic() < deadline:
            running = [pid for pid in running if not _ended(pid)]
            time.sleep(0.05)
        for pid in running:
            log.warning("worker did not finish in time", pid=pid)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        try:
            health.gone(self.runtime, f"worker {self.host}.{os.getpid()}")
        except SQLAlchemyError:
            log.info("no farewell written")


def _ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG) != (0, 0)
