"""One run sent by several workers at once: each takes batches, and a channel never sees them in a wrong order."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from connectors.contract import Action, Batch
from connectors.problems import Code, TryLater
from segsync.actions import runs, slices
from segsync.models import BatchTaken, Run, RunBatch, Sync
from segsync.queue import Name
from segsync.rules.terms import Status
from tests.actions.pushing import again, go, join, keys, leave, members, put, start, work
from tests.fakes import Killed


@dataclass
class Sender:
    """A worker in a thread of its own that stops before and after every request, until it is told to go on."""

    work: Callable[[], None]
    may_go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stands: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    dies: bool = False
    over: bool = False
    trouble: BaseException | None = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def go(self, *, dies: bool = False) -> None:
        """To the next stop, or to the end."""
        if not self.over:
            self.dies = dies
            self.may_go.release()
            self.stands.acquire()

    def stop_here(self) -> None:
        self.stands.release()
        self.may_go.acquire()
        if self.dies:
            raise Killed

    def _run(self) -> None:
        self.may_go.acquire()
        try:
            self.work()
        except Killed:
            pass
        except BaseException as problem:  # noqa: BLE001 - told by the test's own thread
            self.trouble = problem
        self.over = True
        self.stands.release()


@dataclass
class Stage:
    """The channel as several senders see it. `seen` is what it was asked, in order: 'begins' and 'ends' of removals and additions."""

    runtime: object
    sync: Sync
    senders: list[Sender] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def before(self, batch: Batch) -> None:
        self.seen.append(("begins", batch.action.value))
        self._mine().stop_here()

    def after(self, batch: Batch) -> None:
        self._mine().stop_here()
        self.seen.append(("ends", batch.action.value))

    def _mine(self) -> Sender:
        return next(one for one in self.senders if one.thread is threading.current_thread())

    def add(self, sort: str, run: Run) -> Sender:
        """One more: 'holds' the run, or 'helps'."""
        do = {"holds": slices.work_slice, "helps": slices.help_slice}[sort]
        self.senders.append(Sender(lambda: do(self.runtime, run.id)))
        return self.senders[-1]

    def finish(self) -> None:
        """Lets all of them come to their end."""
        for sender in self.senders:
            while not sender.over:
                sender.go()
            if sender.trouble:
                raise sender.trouble


@pytest.fixture
def stage(runtime, sync, channel) -> Stage:
    """Ada's sync of three people, sent one by one."""
    runtime.settings.batch_rows = 1
    runtime.settings.slice_seconds = 3_600  # a slice ends when its sender is told to, however slow the machine
    return Stage(runtime, sync)


def watched(stage: Stage, channel) -> None:
    channel.before_push, channel.after_push = stage.before, stage.after


def unwatched(channel) -> None:
    channel.before_push = channel.after_push = lambda _batch: None


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def wanted(session, sync: Sync) -> set[str]:
    session.expire_all()
    return {sha(one.email) for one in members(session, sync)}


def batches(runtime, run: Run) -> list[RunBatch]:
    with runtime.sessions() as session:
        return list(session.scalars(select(RunBatch).where(RunBatch.run_id == run.id).order_by(RunBatch.number)))


def leases_run_out(runtime) -> None:
    """What the time does to whoever died."""
    past = runtime.clock() - timedelta(days=1)
    with runtime.sessions.begin() as session:
        session.execute(update(Run).where(Run.lease_until.is_not(None)).values(lease_until=past))
        session.execute(update(BatchTaken).where(BatchTaken.lease_until.is_not(None)).values(lease_until=past))
    runtime.clock.forward(minutes=10)


def test_two_workers_send_different_batches_of_one_run(runtime, stage, channel):
    """While one request is under way, another worker sends the next batch; no batch is sent twice. (B1)."""
    run = start(runtime, stage.sync)
    watched(stage, channel)
    holder, helper = stage.add("holds", run), stage.add("helps", run)
    holder.go()
    helper.go()
    assert stage.seen == [("begins", "add")] * 2
    stage.finish()
    unwatched(channel)
    run = work(runtime, run)
    assert (run.state, run.rows_added, len(channel.pushed)) == ("done", 3, 3)


def test_no_addition_starts_before_the_last_removal_is_answered(runtime, session, stage, channel):
    """A worker that finds nothing but removals of others under way leaves the additions alone. (S10)."""
    go(runtime, stage.sync)
    leave(session, stage.sync, members(session, stage.sync)[0])
    put(session, stage.sync, email="new@example.org")
    run = start(runtime, stage.sync)
    watched(stage, channel)
    holder, helper = stage.add("holds", run), stage.add("helps", run)
    holder.go()
    helper.go()
    assert (stage.seen, helper.over) == ([("begins", "remove")], True)
    stage.finish()
    assert stage.seen.index(("ends", "remove")) < stage.seen.index(("begins", "add"))


def test_whoever_holds_a_run_waits_for_its_helpers_and_goes_on_when_they_are_through(runtime, stage, channel):
    """The ledger is written once the last batch is answered, whoever sent it. (B1)."""
    run = start(runtime, stage.sync)
    watched(stage, channel)
    holder, helper = stage.add("holds", run), stage.add("helps", run)
    holder.go()
    helper.go()
    while not holder.over:
        holder.go()
    with runtime.sessions() as session:
        waits = session.get_one(Run, run.id)
    assert (waits.state, waits.phase, waits.not_before > runtime.clock()) == ("queued", "adding", True)
    runtime.queue.client.flushall()
    stage.finish()
    assert runtime.queue.waiting(Name.RUNS) == 1
    unwatched(channel)
    assert work(runtime, run).state == "done"


def test_a_batch_whose_helper_died_is_sent_again_after_its_lease(runtime, session, stage, channel):
    """Until then nobody else sends it, and the run does not end without it. (B1)."""
    run = start(runtime, stage.sync)
    watched(stage, channel)
    holder, helper = stage.add("holds", run), stage.add("helps", run)
    holder.go()
    helper.go()
    helper.go(dies=True)
    stage.finish()
    unwatched(channel)
    slices.work_slice(runtime, run.id)
    assert len(batches(runtime, run)) == 2
    leases_run_out(runtime)
    assert work(runtime, run).state == "done"
    assert keys(channel) == wanted(session, stage.sync)


def test_a_new_run_waits_for_the_helpers_of_a_stopped_one(runtime, session, stage, channel):
    """A helper may still be in its last request: until its lease is over nobody else writes to the audience. (B1)."""
    run = start(runtime, stage.sync)
    watched(stage, channel)
    stage.add("holds", run).go()
    stage.add("helps", run).go()
    _switch(runtime, stage.sync, on=False)
    _switch(runtime, stage.sync, on=True)
    second = start(runtime, stage.sync)
    slices.work_slice(runtime, second.id)
    assert second.not_before > runtime.clock()
    assert len(stage.seen) == 2
    stage.finish()
    assert len(batches(runtime, run)) == 2


def test_what_a_helper_meets_is_left_to_whoever_holds_the_run(runtime, stage, channel):
    """The batch is given back; the run itself says what is wrong, and waits as it always does. (S18)."""
    run = start(runtime, stage.sync)
    watched(stage, channel)
    holder, helper = stage.add("holds", run), stage.add("helps", run)
    holder.go()

    def busy(_batch: Batch) -> None:
        raise TryLater(Code.RATE_LIMIT)

    channel.before_push = busy
    helper.go()
    assert helper.over
    while not holder.over:
        holder.go()
    with runtime.sessions() as session:
        assert (session.get_one(Run, run.id).state, session.scalars(select(BatchTaken)).all()) == ("waiting", [])
    slices.help_slice(runtime, run.id)
    assert len(batches(runtime, run)) == 1


def test_helpers_are_called_for_large_plans_only(runtime, session, stage, channel):
    """Three batches are sent before somebody else has come; a dozen are worth a call. (S8)."""
    go(runtime, stage.sync)
    assert runtime.queue.waiting(Name.HELP) == 1
    runtime.queue.client.flushall()
    put(session, stage.sync, email="one@example.org")
    go(runtime, stage.sync)
    assert runtime.queue.waiting(Name.HELP) == 0


def test_nobody_helps_while_another_run_waits_for_a_worker(runtime, stage, channel):
    """A large run never holds up a small one. (S8)."""
    run = start(runtime, stage.sync)
    watched(stage, channel)
    stage.add("holds", run).go()
    runtime.queue.wake_run(999_999)
    helper = stage.add("helps", run)
    helper.go()
    assert (helper.over, len(stage.seen)) == (True, 1)
    stage.finish()


def test_no_more_send_at_once_than_are_allowed(runtime, stage, channel):
    """SEGSYNC_SENDERS holds over all machines. (S8)."""
    runtime.settings.senders = 2
    run = start(runtime, stage.sync)
    watched(stage, channel)
    for sort in ("holds", "helps", "helps"):
        stage.add(sort, run).go()
    assert len(stage.seen) == 2
    stage.finish()


def _switch(runtime, sync: Sync, *, on: bool) -> None:
    with runtime.sessions.begin() as session:
        kept = session.get_one(Sync, sync.id, with_for_update=True)
        if not on:
            runs.stop(session, kept, now=runtime.clock())
        kept.status = Status.SYNCED.value if on else Status.INACTIVE.value


GENERATE = (Phase.explicit, Phase.generate)
"""Without shrinking: a life takes seconds."""
MOVES = st.lists(
    st.tuples(st.sampled_from(["go", "go", "go", "go", "dies", "holds", "helps", "off"]), st.integers(0, 3)),
    min_size=5,
    max_size=40,
)


@pytest.mark.property
def test_however_several_senders_interleave_the_audience_is_right_after_the_next_good_run(
    runtime, session, stage, channel
):
    """Workers that die, are late, or are switched off in the middle: removals first, and nobody is lost or left behind. (B1, S10)."""
    people = [put(session, stage.sync, email=f"q{number}@example.org") for number in range(8)]
    go(runtime, stage.sync)

    @settings(max_examples=5, deadline=None, database=None, phases=GENERATE, suppress_health_check=list(HealthCheck))
    @given(stay=st.sets(st.sampled_from(range(8))), fresh=st.integers(0, 3), moves=MOVES)
    def lives(stay, fresh, moves) -> None:
        _change(session, stage.sync, people, stay, fresh)
        stage.senders.clear()
        stage.seen.clear()
        _interleave(runtime, stage, channel, moves)
        _in_order(stage.seen)
        leases_run_out(runtime)
        if again(runtime, stage.sync).status == Status.INACTIVE:
            _switch(runtime, stage.sync, on=True)
        for _ in range(2):  # the one that was interrupted, and the next
            assert go(runtime, stage.sync).state == "done"
        assert keys(channel) == wanted(session, stage.sync)

    lives()


def _change(session, sync: Sync, people: list, stay: set[int], fresh: int) -> None:
    now_there = {one.id for one in members(session, sync)}
    if gone := [one for number, one in enumerate(people) if number not in stay]:
        leave(session, sync, *gone)
    join(session, sync, *[one for number, one in enumerate(people) if number in stay and one.id not in now_there])
    for number in range(fresh):
        put(session, sync, email=f"fresh{number}.{len(members(session, sync))}.{max(now_there, default=0)}@example.org")


def _interleave(runtime, stage: Stage, channel, moves: list[tuple[str, int]]) -> None:
    run = start(runtime, stage.sync)
    watched(stage, channel)
    stage.add("holds", run).go()
    for move, which in moves:
        if move in {"holds", "helps"}:
            stage.add(move, run).go()
        elif move == "off":
            _switch(runtime, stage.sync, on=False)
        else:
            stage.senders[which % len(stage.senders)].go(dies=move == "dies")
    stage.finish()
    unwatched(channel)


def _in_order(seen: list[tuple[str, str]]) -> None:
    """Within one plan, whatever begins as an addition begins after every removal that is answered ended."""
    first = next((place for place, what in enumerate(seen) if what == ("begins", Action.ADD.value)), len(seen))
    assert ("begins", Action.REMOVE.value) not in seen[first:]
    assert ("ends", Action.REMOVE.value) not in seen[first:]
