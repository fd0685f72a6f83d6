"""Where a life takes place: what outlives a process, and one process after another in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import select, text

from connectors.problems import Code
from segsync import jobs
from segsync.actions import runs, schedule
from segsync.config import Settings
from segsync.effects import Effect, Effects, Sort
from segsync.models import Alert, Contact, Run, SegmentMember, Sync
from segsync.queue import Name
from segsync.rules.terms import Why
from segsync.runtime import LEDGERS, Runtime, make_runtime, make_vault
from tests.conftest import Clock
from tests.faults.places import InMemory, Simulated
from tests.faults.states import State, files_in, put_files, put_rows, rows_of

ROUND_SECONDS = 20
IDENTIFIED_BY = ("email", "phone")


@dataclass
class Watch(Effects):
    """Sees the effects of one process. It is the stopwatch of slices as well: an effect takes a second."""

    seen: list[Effect] = field(default_factory=list)

    def before(self, effect: Effect) -> None:
        self.seen.append(effect)

    def stopwatch(self) -> float:
        return float(len(self.seen))


@dataclass
class Passing(Effects):
    """Hands every effect to the watch of the process that runs."""

    watch: Effects = field(default_factory=Effects)

    def before(self, effect: Effect) -> None:
        self.watch.before(effect)

    def after(self, effect: Effect) -> None:
        self.watch.after(effect)


@dataclass
class World:
    """What outlives a process: the database, Redis, the folder of ledgers, the channel, and the time."""

    settings: Settings
    clock: Clock
    place: InMemory | Simulated
    sync_id: int = 0
    begun: dict[str, State] = field(default_factory=dict)
    """How lives of each sort begin."""
    passing: Passing = field(init=False)
    runtime: Runtime = field(init=False)
    """What is the same in every process, and dear to make anew."""
    connection: psycopg.Connection = field(init=False)
    """Sees what is committed."""

    def __post_init__(self) -> None:
        redis_url = self.settings.redis_url.get_secret_value()
        self.passing = Passing()
        self.runtime = make_runtime(self.settings, self.database, redis_url, effects=self.passing)
        self.reopen()

    def reopen(self) -> None:
        """The database was started again."""
        if hasattr(self, "connection"):
            self.connection.close()
        self.connection = psycopg.connect(self.database, autocommit=True)

    @property
    def database(self) -> str:
        return self.settings.database_url.get_secret_value()

    @property
    def ledgers(self) -> Path:
        return self.settings.data / LEDGERS

    @contextmanager
    def process(self, watch: Watch | None = None, **settings: float) -> Iterator[Process]:
        """A new worker and scheduler with nothing in memory."""
        self.passing.watch = effects = watch or Watch()
        known = replace(
            self.runtime,
            settings=self.settings.model_copy(update=settings),
            vault=make_vault(self.settings, self.runtime.sessions),
            clock=self.clock,
            stopwatch=effects.stopwatch,
            _connectors={},
        )
        self.place.enter(known, self.passing)
        jobs.bind(known)
        try:
            yield Process(self, known, effects)
        finally:
            self.passing.watch = Effects()

    def state(self) -> State:
        """What is left where every process ends now."""
        members, channel = self.place.saved()
        return State(rows_of(self.connection), files_in(self.ledgers), members, self.clock.now, channel)

    def enter(self, state: State) -> None:
        """The world as it was, for another life to begin in. Redis has lost everything."""
        put_rows(self.connection, state.rows)
        put_files(self.ledgers, state.files)
        self.place.restore(state.channel)
        self.clock.now = state.now
        self.runtime.queue.client.flushdb()

    def close(self) -> None:
        """No process is left."""
        self.connection.close()
        self.runtime.close()


@dataclass
class Process:
    """One worker with its scheduler."""

    world: World
    runtime: Runtime
    watch: Watch

    def start(self) -> int:
        """Somebody presses "Sync now"."""
        with self.runtime.sessions.begin() as session:
            sync = session.get_one(Sync, self.world.sync_id, with_for_update=True)
            return runs.start(session, sync, Why.NOW, by=None, now=self.runtime.clock()).id

    def switch_off(self) -> None:
        """Somebody switches the sync off; a run that is under way ends."""
        with self.runtime.sessions.begin() as session:
            runs.stop(session, session.get_one(Sync, self.world.sync_id), now=self.runtime.clock())

    def work(self, run_id: int, rounds: int = 60) -> Run:
        """Lets time pass, tick by tick and job by job, until the run is over."""
        for _ in range(rounds):
            self.round()
            with self.runtime.sessions() as session:
                run = session.get_one(Run, run_id)
            if run.finished_at:
                return run
        raise AssertionError(f"the run did not end: {run.state} {run.phase} {run.problem_code}")

    def round(self) -> None:
        """Some seconds: a tick of the scheduler, and all jobs that it woke."""
        self.world.place.let_time_pass()
        self.look_around()

    def look_around(self) -> None:
        """The same, and at the channel no time passes."""
        self.runtime.clock.forward(seconds=ROUND_SECONDS)
        schedule.tick(self.runtime)
        self.take_jobs()

    def take_jobs(self) -> None:
        """What lies in the queues, in order, as a worker of RQ would."""
        for name in (Name.RUNS, Name.HELP, Name.CHORES):
            queue = self.runtime.queue._queues[name]
            while job_id := queue.connection.lpop(queue.key):
                job = Job.fetch(job_id.decode(), connection=queue.connection, serializer=JSONSerializer)
                getattr(jobs, job.func_name.rpartition(".")[2])(*job.args)

    def is_right(self) -> bool:
        """Whether the channel's own list is exactly the segment, by keys and by persons."""
        with self.runtime.sessions() as session:
            sync = session.get_one(Sync, self.world.sync_id)
            self.world.place.audience = sync.audience_id or ""
            listed = select(SegmentMember.member_id).where(SegmentMember.segment_id == sync.segment_id)
            contacts = session.scalars(
                select(Contact).where(Contact.id.in_(listed), Contact.subscription != "no")
            ).all()
            people = [{name: value for name in IDENTIFIED_BY if (value := getattr(one, name))} for one in contacts]
        return self.world.place.held() == self.world.place.wanted(people)

    def alerts(self) -> list[tuple[str, bool]]:
        """Every alert there ever was and whether it is open, but for what a channel says of an audience of seven people."""
        with self.runtime.sessions() as session:
            ever = session.scalars(select(Alert).where(Alert.code != Code.AUDIENCE_TOO_SMALL).order_by(Alert.id))
            return [(one.code, one.closed_at is None) for one in ever]

    def time_passes(self) -> None:
        """Nobody hears of the dead any more, and whoever waited has waited."""
        with self.runtime.sessions.begin() as session:
            session.execute(text("update run set not_before = '2000-01-01', woken_at = null where finished_at is null"))
            for table in ("run", "batch_taken"):
                session.execute(text(f"update {table} set lease_until = '2000-01-01' where lease_until is not null"))
        client = self.runtime.queue.client
        for mark in client.scan_iter("segsync:woken:*"):
            client.delete(mark)


def newest(process: Process) -> int:
    with process.runtime.sessions() as session:
        return session.execute(text("select max(id) from run")).scalar_one()


def points(effects: Iterable[Effect]) -> str:
    """What a life went through, for the summary."""
    sorts = [effect.sort.value for effect in effects]
    return ", ".join(f"{sorts.count(sort.value)} {sort.value}" for sort in Sort)
