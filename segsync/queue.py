"""Wake-ups for workers, carried by RQ. Redis holds nothing that may not be lost.

What is due stands in the database. A wake-up only says "look now": one that is lost costs a second, one too many costs
a look.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from enum import StrEnum
from typing import Final, cast

import redis
import rq
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.serializers import JSONSerializer
from rq.utils import as_text

from segsync.effects import NOTHING, Effects, Sort

log = structlog.get_logger(__name__)


class Name(StrEnum):
    """The queues: each is written here and nowhere else."""

    RUNS = "runs"
    HELP = "help"
    ASKS = "asks"
    CHORES = "chores"
    REMOVALS = "removals"
    """People who are taken out: a small queue of its own, behind no import."""


JOBS: Final = {
    Name.RUNS: "segsync.jobs.run_slice",
    Name.HELP: "segsync.jobs.help_run",
    Name.ASKS: "segsync.jobs.answer_ask",
    Name.CHORES: "segsync.jobs.do_chore",
    Name.REMOVALS: "segsync.jobs.take_out",
}
TIMEOUTS: Final = {
    # slices of some 15 s together; the check of a plan that takes out millions is one step. The claim says whether a worker is still alive
    Name.RUNS: timedelta(hours=1),
    Name.HELP: timedelta(minutes=10),
    Name.ASKS: timedelta(minutes=3),
    # a request for each audience, and a ledger written anew for each
    Name.REMOVALS: timedelta(minutes=30),
    # importing a file of 2 GB
    Name.CHORES: timedelta(hours=6),
}
PENDING_SECONDS: Final = 30
"""A wake-up that nobody took for so long is taken to be lost."""


def connect(url: str) -> redis.Redis:
    """A client that gives up quickly: the database remembers what Redis did not hear."""
    return redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5, retry=Retry(NoBackoff(), 1))


class Queue:
    """Wakes workers. Safe to call at any time, as often as wanted; never raises when Redis is away."""

    def __init__(self, client: redis.Redis, effects: Effects = NOTHING) -> None:
        self.client = client
        self.effects = effects
        self._queues = {name: rq.Queue(name, connection=client, serializer=JSONSerializer) for name in Name}
        logging.getLogger("rq").setLevel(logging.WARNING)

    def wake_run(self, run_id: int) -> None:
        """A worker looks at this run."""
        self._wake(Name.RUNS, run_id, run_id)

    def wake_help(self, run_id: int) -> None:
        """A worker that has nothing else to do helps to send this run."""
        self._wake(Name.HELP, run_id, run_id)

    def wake_ask(self, ask_id: int) -> None:
        """The worker reserved for asks answers this one."""
        self._wake(Name.ASKS, ask_id, ask_id)

    def wake_chore(self, name: str, subject_id: int) -> None:
        """A worker does a chore, known by its name, on what has this id."""
        self._wake(Name.CHORES, f"{name}:{subject_id}", name, subject_id)

    def wake_removal(self, removal_id: int) -> None:
        """A worker goes on taking this person out."""
        self._wake(Name.REMOVALS, removal_id, removal_id)

    def waiting(self, queue: Name) -> int:
        """How many wake-ups nobody has taken yet; 0 when Redis is away."""
        try:
            return int(self._queues[queue].count)
        except redis.RedisError as problem:
            log.warning("length of queue not known", queue=queue.value, problem=type(problem).__name__)
            return 0

    def take_run(self) -> int | None:
        """The run whose wake-up waits longest, for a worker that goes on; None where none does, or Redis is away."""
        queue = self._queues[Name.RUNS]
        try:
            while woken := self.client.lpop(queue.key):
                job = queue.fetch_job(as_text(cast("bytes", woken)))
                if job is None:
                    continue
                if job.func_name != JOBS[Name.RUNS]:  # another version's: for whoever takes it as it is
                    queue.push_job_id(job.id, at_front=True)
                    return None
                (run_id,) = job.args
                self._clear(job)
                return int(run_id)
        except redis.RedisError as problem:
            log.warning("no wake-up taken", problem=type(problem).__name__)
        return None

    def _clear(self, job: rq.job.Job) -> None:
        try:
            job.delete(remove_from_queue=False)
        except redis.RedisError as problem:  # it is let go of with its time
            log.warning("wake-up not cleared up", problem=type(problem).__name__)

    def answers(self) -> bool:
        """Whether Redis is there."""
        try:
            self.client.ping()
        except redis.RedisError:
            return False
        return True

    def begun(self, queue: Name, mark: int | str) -> None:
        """A worker has taken the wake-up: from now on another is worth sending."""
        try:
            self.client.delete(_pending(queue, mark))
        except redis.RedisError as problem:
            log.warning("wake-up not marked as taken", queue=queue.value, problem=type(problem).__name__)

    def _wake(self, queue: Name, mark: int | str, *args: int | str) -> None:
        try:
            if not self.client.set(_pending(queue, mark), 1, nx=True, ex=PENDING_SECONDS):
                return
            with self.effects.around(Sort.WAKE, queue.value):
                self._queues[queue].enqueue_call(
                    JOBS[queue],
                    args=list(args),
                    timeout=int(TIMEOUTS[queue].total_seconds()),
                    result_ttl=0,
                    failure_ttl=60,
                    description=f"{queue.value} {mark}",
                )
        except redis.RedisError as problem:
            log.warning("wake-up dropped", queue=queue.value, mark=mark, problem=type(problem).__name__)


def _pending(queue: Name, mark: int | str) -> str:
    return f"segsync:woken:{queue.value}:{mark}"
