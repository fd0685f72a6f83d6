"""What workers run: thin functions that take ids only, and the one place where an unknown failure ends."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import structlog

from segsync.processes import places
from segsync.queue import Name
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)
_bound: list[Runtime] = []


def bind(runtime: Runtime) -> None:
    """Says what jobs of this process act through. Called once, before the first job."""
    _bound[:] = [runtime]


def run_slice(run_id: int) -> None:
    """A slice of a run."""
    _guarded(Name.RUNS, run_id, lambda runtime: import_module("segsync.actions.slices").work_slice(runtime, run_id))


def answer_ask(ask_id: int) -> None:
    """The answer to what a page asked a channel."""
    _guarded(Name.ASKS, ask_id, lambda runtime: import_module("segsync.actions.asks").answer(runtime, ask_id))


def do_chore(name: str, subject_id: int) -> None:
    """Anything else that takes long: imports, exports, refreshes."""
    _guarded(
        Name.CHORES,
        f"{name}:{subject_id}",
        lambda runtime: import_module("segsync.actions.chores").do(runtime, name, subject_id),
    )


def _guarded(queue: Name, mark: int | str, work: Callable[[Runtime], object]) -> None:
    runtime = _bound[0]
    runtime.queue.begun(queue, mark)
    try:
        work(runtime)
    except Exception as problem:  # noqa: BLE001 - the outermost place: the claim runs out and the work is tried again
        log.error("job failed", queue=queue.value, mark=mark, problem=type(problem).__name__, places=places(problem))  # noqa: TRY400 - a traceback's message may hold people's values
