"""What lives of the fault suite begin with: something that is due, and nobody has begun it."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from connectors.contract import Retire
from segsync.actions import sync_rebuild
from segsync.actions.actor import Actor
from segsync.actions.syncs import delete as delete_sync
from segsync.models import Contact, DataFile, Person, SegmentMember, Sync
from tests.actions.pushing import put
from tests.faults.conftest import BARE
from tests.faults.stage import Process, World


def first(world: World) -> None:
    """Nobody is there yet."""
    with world.process() as process:
        process.start()


def second(world: World) -> None:
    """Removals, new members, changed ones, and one who shared a phone with a leaver."""
    filled(world)
    with world.process() as process:
        change(process)
        process.start()


def renewing(world: World) -> None:
    """Nothing changed for a month: everybody is to be sent once more, and one has left."""
    filled(world)
    world.clock.forward(days=25)
    with world.process() as process:
        leave(process, "remains")
        process.start()


def damaged(world: World) -> None:
    """Somebody left, the current ledger was cut short, and Ada pressed "Rebuild"."""
    filled(world)
    with world.process() as process:
        leave(process, "remains")
        process.work(process.start())
        leave(process, "goes")
        with process.runtime.sessions() as session:
            sync = session.get_one(Sync, world.sync_id)
            for path in session.scalars(select(DataFile.path).where(DataFile.ledger_id == sync.ledger_id)):
                (world.ledgers / path).write_bytes((world.ledgers / path).read_bytes()[:-3])
        assert process.work(process.start()).problem_code == "ledger.unreadable"
        with process.runtime.sessions.begin() as session:
            sync = session.get_one(Sync, world.sync_id)
            ada = Actor.person(session.get_one(Person, sync.owner_id))
            sync_rebuild.rebuild(process.runtime, session, ada, sync.public_id)


def emptying(world: World) -> None:
    """Ada deleted the sync, and chose that its audience be emptied."""
    filled(world)
    with world.process() as process, process.runtime.sessions.begin() as session:
        sync = session.get_one(Sync, world.sync_id)
        ada = Actor.person(session.get_one(Person, sync.creator_id))
        delete_sync(process.runtime, session, ada, sync.public_id, Retire.EMPTY)


def filled(world: World) -> None:
    """A first run has sent everybody, and the channel has done all of it."""
    with world.process() as process:
        process.work(process.start())
        world.clock.forward(hours=1)
        process.round()
        assert process.is_right()


def leave(process: Process, name: str) -> None:
    with process.runtime.sessions.begin() as session:
        leaver = select(Contact.id).where(func.split_part(Contact.email, "@", 1) == name).scalar_subquery()
        session.execute(delete(SegmentMember).where(SegmentMember.member_id == leaver))


def change(process: Process) -> None:
    """Somebody of every kind."""
    for name in ("leaves", "goes"):
        leave(process, name)
    with process.runtime.sessions() as session:
        sync = session.get_one(Sync, process.world.sync_id)
        people = {one.email.partition("@")[0]: one for one in session.scalars(select(Contact))}
        people["opts.out"].subscription = "no"
        people["changes"].phone = "+4930666"
        people["moves"].email = "moved@example.org"
        put(session, sync, email="joins@example.org", phone="+4930222", **BARE)
        put(session, sync, email="joins.too@example.org", phone="+4930777", **BARE)
        session.commit()
