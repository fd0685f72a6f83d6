"""A process is ended before and after every effect of a run, and another goes on: nothing is lost, nothing too much.

Nobody picks these points: a run is recorded, and every effect of it is taken.
"""

from __future__ import annotations

from tests.faults.lives import first, second
from tests.faults.stage import Process, Watch, World, ended, newest, points


def resumed(process: Process) -> int:
    """The run that was under way."""
    return newest(process)


def another(process: Process) -> int:
    """A new one: somebody switched the sync off and on again."""
    process.switch_off()
    return process.start()


NEXT = {"resumed": resumed, "another": another}


def recorded(world: World) -> Watch:
    """What a run that nobody disturbs goes through."""
    life, watch = world.copied(), Watch()
    with life.process(watch) as process:
        assert process.work(newest(process)).state == "done"
        assert process.is_right()
    life.forget()
    return watch


def survives(world: World, at: int, *, after_it: bool, goes_on) -> bool:
    """Whether the audience is right after a process ended there and the next one went on."""
    life = world.copied()
    assert ended(life, at, after_it=after_it).dead
    with life.process() as process:
        process.leases_run_out()
        run = process.work(goes_on(process))
        right = run.state == "done" and process.is_right()
    life.forget()
    return right


def passes(record_property, world: World, title: str) -> None:
    """Every end of what a run goes through is survived."""
    seen = recorded(world).seen
    chosen = list(in_turn(len(seen)))
    record_property("points", f"{title}: {len(chosen)} ends around {len(seen)} effects ({points(seen)})")
    for at, after, then in chosen:
        told = f"ended {'after' if after else 'before'} effect {at}, {seen[at].sort} {seen[at].what}; {then} run"
        assert survives(world, at, after_it=after, goes_on=NEXT[then]), told


def in_turn(effects: int):
    """Before every effect, and after the last: after one is before the next. The next worker and another run take turns."""
    for at in range(effects):
        yield at, False, "resumed" if at % 2 else "another"
    yield effects - 1, True, "resumed"


def test_a_process_may_end_anywhere_in_a_first_run(born, record_property):
    """Whatever ends a worker, and wherever: nobody is missing from a new audience, and nobody is sent without a trace (B1)."""
    world = born("at once")
    first(world)
    passes(record_property, world, "a first run")


def test_a_process_may_end_anywhere(born, record_property):
    """Whatever ends a worker, and wherever: after the next run the audience is exactly the segment (B1)."""
    world = born("at once")
    second(world)
    passes(record_property, world, "a run with changes")
