"""Everything else that takes long, by name: each is bounded, takes an id, and may be done twice without harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from segsync.actions import books, browser_sessions, health_of_signins, imports, segment_counts, syncs
from segsync.actions.push import follow
from segsync.models import Sync
from segsync.runtime import Runtime

KEPT = timedelta(days=7)
"""How long files stay after nothing names them."""


def _import(runtime: Runtime, import_id: int) -> None:
    if imports.work(runtime, import_id):
        runtime.queue.wake_chore("import", import_id)


def _collect(runtime: Runtime, sync_id: int) -> None:
    with runtime.sessions() as session:
        folder = books.folder(runtime, session.get_one(Sync, sync_id))
        books.collect(session, folder, sync_id, before=runtime.clock() - KEPT)


CHORES: Mapping[str, Callable[[Runtime, int], object]] = {
    "settle": follow.settle,
    "state": follow.look,
    "signin": health_of_signins.look,
    "import": _import,
    "segment": segment_counts.refresh_later,
    "retire": syncs.retire,
    "collect": _collect,
    "browsers": browser_sessions.clear,
}


def do(runtime: Runtime, name: str, subject_id: int) -> None:
    """Does a chore. Raises KeyError for a name that is not in the table."""
    CHORES[name](runtime, subject_id)
