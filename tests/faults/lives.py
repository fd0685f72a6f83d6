"""What lives of the fault suite begin with: a run that is due, the first one or one with changes of every kind."""

from __future__ import annotations

from sqlalchemy import delete, select

from segsync.models import Contact, SegmentMember, Sync
from tests.actions.pushing import put
from tests.faults.conftest import BARE
from tests.faults.stage import Process, World


def first(world: World) -> None:
    """Nobody is there yet."""
    with world.process() as process:
        process.start()


def second(world: World) -> None:
    """Removals, new members, changed ones, and one who shared a phone with a leaver."""
    with world.process() as process:
        process.work(process.start())
        assert process.is_right()
        keys, _ = world.place.held()
        if hasattr(world.place, "before"):
            world.place.before = sorted(keys)
        change(process)
        process.start()


def change(process: Process) -> None:
    with process.runtime.sessions() as session:
        sync = session.get_one(Sync, process.world.sync_id)
        people = {one.email.partition("@")[0]: one for one in session.scalars(select(Contact))}
        gone = [people["leaves"].id, people["goes"].id]
        session.execute(delete(SegmentMember).where(SegmentMember.member_id.in_(gone)))
        people["opts.out"].subscription = "no"
        people["changes"].phone = "+4930666"
        people["moves"].email = "moved@example.org"
        put(session, sync, email="joins@example.org", phone="+4930222", **BARE)
        put(session, sync, email="joins.too@example.org", phone="+4930777", **BARE)
        session.commit()
