"""Where processes are ended between two effects: what is seen of a life, how it ends, and who goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import select, text

from segsync import jobs
from segsync.actions import runs, schedule
from segsync.config import Settings
from segsync.effects import Effect, Effects, Sort
from segsync.models import Contact, Run, SegmentMember, Sync
from segsync.queue import Name
from segsync.rules.terms import Why
from segsync.runtime import LEDGERS, Runtime, make_runtime, make_vault
from tests.conftest import Clock, Servers
from tests.fakes import Killed
from tests.faults.places import InMemory, Simulated

ROUND_SECONDS = 20
IDENTIFIED_BY = ("email", "phone")
LIFE = "life"


@dataclass
class Watch(Effects):
    """Sees the effects of one process, and ends it before or after the nth. A dead process leaves nothing more.

    It is the stopwatch of slices as well: an effect takes a second.
    """

    at: int | None = None
    after_it: bool = False
    seen: list[Effect] = field(default_factory=list)
    dead: bool = False

    def before(self, effect: Effect) -> None:
        if self.dead:
            raise Killed
        if self.at == len(self.seen) and not self.after_it:
            self.end()
        self.seen.append(effect)

    def after(self, effect: Effect) -> None:
        if self.dead:
            raise Killed
        if self.at == len(self.seen) - 1 and self.after_it:
            self.end()

    def end(self) -> None:
        self.dead = True
        raise Killed

    def stopwatch(self) -> float:
        return float(len(self.seen))


@dataclass
class Passing(Effects):
    """Hands every effect to the watch of the process that runs."""

    watch: Watch = field(default_factory=Watch)

    def before(self, effect: Effect) -> None:
        self.watch.before(effect)

    def after(self, effect: Effect) -> None:
        self.watch.after(effect)


@dataclass(frozen=True)
class World:
    """What outlives a process: the database, Redis, the folder of ledgers, the channel, and the time."""

    settings: Settings
    servers: Servers
    clock: Clock
    sync_id: int
    place: InMemory | Simulated
    opened: dict[str, tuple[Runtime, Passing]] = field(default_factory=dict)
    """By database: what is the same in every process, and dear to make anew."""

    @property
    def database(self) -> str:
        return self.settings.database_url.get_secret_value()

    @contextmanager
    def process(self, watch: Watch | None = None) -> Iterator[Process]:
        """A new worker and scheduler with nothing in memory and no connection."""
        effects = watch or Watch()
        runtime, passing = self._opened()
        passing.watch = effects
        vault = make_vault(self.settings, runtime.sessions)
        one = replace(
            runtime, settings=self.settings, ledgers=self.settings.data / LEDGERS, vault=vault, clock=self.clock
        )
        fresh = replace(one, stopwatch=effects.stopwatch, _connectors={})
        self.place.enter(fresh, passing)
        jobs.bind(fresh)
        try:
            yield Process(self, fresh, effects)
        finally:
            runtime.engine.dispose()

    def _opened(self) -> tuple[Runtime, Passing]:
        if self.database not in self.opened:
            passing = Passing()
            redis_url = self.settings.redis_url.get_secret_value()
            self.opened[self.database] = make_runtime(self.settings, self.database, redis_url, effects=passing), passing
        return self.opened[self.database]

    def copied(self) -> World:
        """The same world once more, for another life to begin in."""
        origin, data = self.database.partition("@/")[2].partition("?")[0], self.settings.data / LIFE
        self.servers.administer(f"create database {LIFE} template {origin} strategy wal_log")
        (self.settings.data / LEDGERS).mkdir(exist_ok=True)
        shutil.copytree(self.settings.data / LEDGERS, data / LEDGERS)
        url = type(self.settings.database_url)(self.servers.postgres.url_of(LIFE))
        settings = self.settings.model_copy(update={"data": data, "database_url": url})
        return World(settings, self.servers, Clock(self.clock.now), self.sync_id, self.place.copied(), self.opened)

    def forget(self) -> None:
        """Clears a copy away."""
        self.servers.administer(f"drop database {LIFE} with (force)")
        shutil.rmtree(self.settings.data)

    def close(self) -> None:
        """No process is left."""
        for runtime, _ in self.opened.values():
            runtime.close()


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
            self.runtime.clock.forward(seconds=ROUND_SECONDS)
            self.world.place.let_time_pass()
            schedule.tick(self.runtime)
            self.take_jobs()
            with self.runtime.sessions() as session:
                run = session.get_one(Run, run_id)
            if run.finished_at:
                return run
        raise AssertionError(f"the run did not end: {run.state} {run.phase} {run.problem_code}")

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

    def leases_run_out(self) -> None:
        """The time of a lease passes: nobody hears of the dead any more."""
        with self.runtime.sessions.begin() as session:
            for table in ("run", "batch_taken"):
                session.execute(text(f"update {table} set lease_until = '2000-01-01' where lease_until is not null"))
        client = self.runtime.queue.client
        for mark in client.scan_iter("segsync:woken:*"):
            client.delete(mark)


def ended(world: World, at: int, *, after_it: bool) -> Watch:
    """A process works on whatever is due, and ends at its nth effect. Not dead: the run was over before."""
    watch = Watch(at, after_it)
    with world.process(watch) as process, suppress(Killed):
        process.work(run_id=newest(process))
    return watch


def newest(process: Process) -> int:
    with process.runtime.sessions() as session:
        return session.execute(text("select max(id) from run")).scalar_one()


def points(effects: Iterable[Effect]) -> str:
    """What a life went through, for the summary."""
    sorts = [effect.sort.value for effect in effects]
    return ", ".join(f"{sorts.count(sort.value)} {sort.value}" for sort in Sort)
