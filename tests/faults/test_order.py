"""The order of effects of one run, as the document draws it, is the order in which they happen."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import delete, select

from segsync.actions import slices
from segsync.models import Contact, SegmentMember, Sync
from tests.actions.pushing import put
from tests.faults.conftest import BARE
from tests.faults.stage import Watch, World, newest

PAGE = Path(__file__).parents[2] / "docs" / "data-path.md"
LINE = re.compile(r"^ {4}(commit|file|request|wake) +(.+?)(?: {2,}.*)?$", re.MULTILINE)


def documented() -> list[str]:
    """The first two columns of the list in the document."""
    _, _, after = PAGE.read_text(encoding="utf-8").partition("## Every effect of one run")
    return [f"{sort} {what}" for sort, what in LINE.findall(after.partition("\n## ")[0])]


def one_for_one(world: World) -> None:
    """Somebody left, and somebody joined."""
    with world.process() as process:
        process.work(process.start())
        with process.runtime.sessions() as session:
            sync = session.get_one(Sync, world.sync_id)
            leaver = session.scalars(select(Contact.id).where(Contact.email == "remains@example.org")).one()
            session.execute(delete(SegmentMember).where(SegmentMember.member_id == leaver))
            put(session, sync, email="joins@example.org", phone=None, **BARE)
            session.commit()
        process.start()


def test_the_document_draws_what_happens(born):
    """Whoever checks the promises by eye reads the order in which a run really leaves its traces (B1)."""
    world = born("at once", window_rows=100, slice_seconds=60.0)
    one_for_one(world)
    world.clock.forward(seconds=20)
    watch = Watch()
    with world.process(watch) as process:
        slices.work_slice(process.runtime, newest(process))
    assert documented() == [f"{effect.sort.value} {effect.what}" for effect in watch.seen]
