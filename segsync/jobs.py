"""What workers run: thin functions that take ids only, and the one place where an unknown failure ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from segsync.actions import asks, chores, removal_work, slices, turns
from segsync.actions.push.tools import Tools, tools_of
from segsync.processes import places
from segsync.queue import Name
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)
_bound: list[Runtime] = []
YOUNG: Final = 0.5
"""A part of a slice: whoever began so lately takes another run."""


def bind(runtime: Runtime) -> None:
    """Says what jobs of this process act through. Called once, before the first job."""
    _bound[:] = [runtime]


def run_slice(run_id: int) -> None:
    """A slice of a run, and then of those whose turn is next, as long as it was short.

    A process of its own takes as long as a small run, and knows nothing yet of what the one before had to find out.
    """
    runtime = _bound[0]
    late = runtime.stopwatch() + runtime.settings.slice_seconds * YOUNG
    turn: int | None = run_id
    with tools_of(runtime) as tools:
        while turn is not None and not _failed(turn, tools):
            turn = _next_turn(runtime, goes_on=runtime.stopwatch() < late)


def _failed(run_id: int, tools: Tools) -> bool:
    problem = _guarded(Name.RUNS, run_id, lambda runtime: slices.work_slice(runtime, run_id, tools))
    tools.forget()
    if problem:
        _record(lambda runtime: slices.gave_up(runtime, run_id, problem), run=run_id)
    return bool(problem)


def _next_turn(runtime: Runtime, *, goes_on: bool) -> int | None:
    """Whoever was woken first is next; a person who is to be taken out is before all runs."""
    try:
        turns.wake(runtime)
    except SQLAlchemyError as away:  # the scheduler looks too
        log.warning("next turn not known", problem=type(away).__name__)
        return None
    return runtime.queue.take_run() if goes_on and not runtime.queue.waiting(Name.REMOVALS) else None


def help_run(run_id: int) -> None:
    """A slice of helping to send a run. What fails here is done again by whoever holds the run."""
    _guarded(Name.HELP, run_id, lambda runtime: slices.help_slice(runtime, run_id))


def answer_ask(ask_id: int) -> None:
    """The answer to what a page asked a channel."""
    problem = _guarded(Name.ASKS, ask_id, lambda runtime: asks.answer(runtime, ask_id))
    if problem:
        _record(lambda runtime: asks.gave_up(runtime, ask_id, problem), ask=ask_id)


def take_out(removal_id: int) -> None:
    """What is due of taking one person out of every audience."""
    _guarded(Name.REMOVALS, removal_id, lambda runtime: removal_work.work(runtime, removal_id))


def do_chore(name: str, subject_id: int) -> None:
    """Anything else that takes long: imports, clearing up, what a channel says later."""
    _guarded(Name.CHORES, f"{name}:{subject_id}", lambda runtime: chores.do(runtime, name, subject_id))


def _record(write: Callable[[Runtime], object], **subject: int) -> None:
    """Writes down that something failed; without a database it is found once the claim runs out."""
    try:
        write(_bound[0])
    except SQLAlchemyError as away:
        log.warning("failure not recorded", problem=type(away).__name__, **subject)


def _guarded(queue: Name, mark: int | str, work: Callable[[Runtime], object]) -> str:
    """The name of what went wrong, or ''. Its message may hold people's values, so only its place is logged."""
    runtime = _bound[0]
    runtime.queue.begun(queue, mark)
    try:
        work(runtime)
    except Exception as problem:  # noqa: BLE001 - the outermost place: the claim runs out and the work is tried again
        name = type(problem).__name__
        log.error("job failed", queue=queue.value, mark=mark, problem=name, places=places(problem))  # noqa: TRY400 - see above
        return name
    return ""
