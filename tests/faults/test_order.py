"""The order of effects of one run, as the document draws it, is the order in which they happen."""

from __future__ import annotations

import re
from pathlib import Path

from segsync.actions import slices
from segsync.models import Sync
from tests.actions.pushing import put
from tests.faults.conftest import BARE
from tests.faults.lives import first, leave
from tests.faults.stage import Watch, World, newest

PAGE = Path(__file__).parents[2] / "docs" / "data-path.md"
LINE = re.compile(r"^ {4}(commit|file|request|wake) +(.+?)(?: {2,}.*)?$", re.MULTILINE)


def documented() -> list[str]:
    """The first two columns of the list in the document."""
    _, _, after = PAGE.read_text(encoding="utf-8").partition("## Every effect of one run")
    return [f"{sort} {what}" for sort, what in LINE.findall(after.partition("\n## ")[0])]


def one_for_one(world: World) -> None:
    """Somebody left, and somebody joined."""
    first(world)
    with world.process() as process:
        process.work(newest(process))
        leave(process, "remains")
        with process.runtime.sessions() as session:
            put(session, session.get_one(Sync, world.sync_id), email="joins@example.org", phone=None, **BARE)
        process.start()


def test_the_document_draws_what_happens(born):
    """Whoever checks the promises by eye reads the order in which a run really leaves its traces (B1)."""
    world = born("at once", one_for_one)
    world.clock.forward(seconds=20)
    watch = Watch()
    with world.process(watch, window_rows=100, slice_seconds=60.0) as process:
        slices.work_slice(process.runtime, newest(process))
    assert documented() == [f"{effect.sort.value} {effect.what}" for effect in watch.seen]
