"""How many members a segment has, over time and by channel: counted in the database by the statement that a run reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connectors.contract import Capabilities
from connectors.registry import CHANNELS
from segsync.actions.actor import Refused
from segsync.audience import filters, warehouse_figures
from segsync.audience.conditions import Gone, Names
from segsync.audience.reach import Everywhere, Reach, everywhere, reach
from segsync.models import Company, Contact, Segment, SegmentSize, WarehouseSource, Workspace
from segsync.rules.segment_rules import Group
from segsync.rules.terms import SegmentKind
from segsync.runtime import Runtime

SAMPLE: Final = 10
REFRESH_EVERY: Final = timedelta(hours=24)
PATIENCE: Final = timedelta(seconds=8)
"""How long somebody at a page waits for figures; what takes longer is counted by a worker."""
QUICK: Final = ("set local jit = off", "set local work_mem = '32MB'")
"""For one count, compiling the statement takes longer than running it."""


@dataclass(frozen=True)
class Preview:
    """Whom rules mean now. `members` is None, and the rest empty, where counting took too long to wait for."""

    members: int | None
    sample: Sequence[Contact | Company] = ()
    reach: Mapping[str, Reach] = field(default_factory=dict)
    """By channel; empty where that took too long."""


def names(session: Session) -> Names:
    """What gives the segments that rules ask for."""
    return lambda segment_id: session.get_one(Segment, segment_id)


def count(session: Session, segment: Segment, now: datetime) -> int:
    """Members now, before consent is looked at. Those of a warehouse as they were counted last."""
    if segment.kind == SegmentKind.WAREHOUSE:
        return segment.size or 0
    quicken(session)
    return _counted(session, filters.member_ids(segment, now, names(session)))


def refresh(session: Session, segment: Segment, now: datetime) -> int:
    """Works out the size and adds a point to its chart. Returns the size."""
    segment.size, segment.refreshed_at = count(session, segment, now), now
    session.add(SegmentSize(segment_id=segment.id, at=now, size=segment.size))
    session.flush()
    return segment.size


def refresh_soon(session: Session, segment: Segment, now: datetime) -> bool:
    """The same while somebody waits. False where it takes too long: then the size is not known, and a worker counts."""
    segment.refreshed_at = None
    session.flush()
    if segment.kind == SegmentKind.WAREHOUSE:
        return False  # a worker asks
    with patiently(session):
        refresh(session, segment, now)
    return segment.refreshed_at is not None


def refresh_later(runtime: Runtime, segment_id: int) -> None:
    """The chore: brings the size of a segment up to date, unless that was done a moment ago or it was deleted."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        segment = session.scalar(due(now).with_only_columns(Segment).where(Segment.id == segment_id))
        if segment is None:
            return
        in_warehouse = segment.kind == SegmentKind.WAREHOUSE
        try:
            if not in_warehouse:
                refresh(session, segment, now)
        except Gone:
            segment.size, segment.refreshed_at = None, now  # its page says why
    if in_warehouse:
        import_module("segsync.actions.warehouse_reading").look(runtime, segment_id)


def due(now: datetime) -> Select[int]:
    """Segments whose size nobody has worked out for a day, or since they changed."""
    old = or_(Segment.refreshed_at.is_(None), Segment.refreshed_at <= now - REFRESH_EVERY)
    return select(Segment.id).where(Segment.deleted_at.is_(None), old)


def preview(session: Session, workspace: Workspace, members: str, rules: Group, now: datetime) -> Preview:
    """Whom these rules mean, before they are kept: count, sample and who can be reached, by the statement that a run reads."""
    segment = Segment(
        organization_id=workspace.organization_id,
        workspace_id=workspace.id,
        kind="rule",
        members=members,
        rules=rules.as_json(),
    )
    return look(session, segment, now)


def look(session: Session, segment: Segment, now: datetime) -> Preview:
    """The same for a segment as it is."""
    if segment.kind == SegmentKind.WAREHOUSE:
        return _looked(session, segment)
    found: list[Preview] = []
    with patiently(session):
        found.append(Preview(count(session, segment, now), sample(session, segment, now)))
    if not found:
        return Preview(None)
    reached = everywhere_now(session, segment, now)
    return replace(found[0], reach=reached.by_channel) if reached else found[0]


def everywhere_now(session: Session, segment: Segment, now: datetime) -> Everywhere | None:
    """Whom each channel, and whom none of them, can be sent of a segment; None where that takes too long to wait for.

    Of a warehouse what was counted at the last look.
    """
    if segment.kind == SegmentKind.WAREHOUSE:
        return Everywhere(_looked(session, segment).reach, None)
    found: list[Everywhere] = []
    with patiently(session):
        quicken(session)
        channels = [channel.capabilities for channel in CHANNELS.values()]
        found.append(everywhere(session, segment, channels, now=now, names=names(session)))
    return found[0] if found else None


def _looked(session: Session, segment: Segment) -> Preview:
    figures = session.get_one(WarehouseSource, segment.id).figures
    if not figures:
        return Preview(segment.size)
    known = {name: each.capabilities for name, each in CHANNELS.items() if f"{name}_usable" in figures}
    return Preview(
        segment.size, (), {name: warehouse_figures.reach(figures, name, each) for name, each in known.items()}
    )


def reach_now(session: Session, segment: Segment, capabilities: Capabilities, now: datetime) -> Reach:
    """Whom a channel can be sent of a segment. Raises Refused for a warehouse that nobody has looked at."""
    if segment.kind != SegmentKind.WAREHOUSE:
        return reach(session, segment, capabilities, now=now, names=names(session))
    found = _looked(session, segment).reach.get(capabilities.name)
    if found is None:
        address = f"/w/{segment.workspace_id}/segments/{segment.id}/warehouse"
        raise Refused(
            "Nobody has said yet which columns of the warehouse are what.",
            field="segment",
            link=(segment.name, address),
        )
    return found


def sample(session: Session, segment: Segment, now: datetime) -> Sequence[Contact | Company]:
    """The first few members."""
    members = filters.member_ids(segment, now, names(session)).subquery()
    table: type[Any] = Company if segment.members == "companies" else Contact
    wanted = select(table).join(members, members.c.id == table.id).order_by(table.id).limit(SAMPLE)
    return session.scalars(wanted).all()


def history(session: Session, segment: Segment, since: datetime, most: int = 500) -> list[tuple[datetime, int]]:
    """Sizes in order of time, the newest of them where there are many."""
    rows = session.execute(
        select(SegmentSize.at, SegmentSize.size)
        .where(SegmentSize.segment_id == segment.id, SegmentSize.at >= since)
        .order_by(SegmentSize.at.desc())
        .limit(most)
    )
    return [(at, size) for at, size in rows][::-1]


def _counted(session: Session, wanted: Select[*tuple[Any, ...]]) -> int:
    return session.scalar(select(func.count()).select_from(wanted.subquery())) or 0


def quicken(session: Session) -> None:
    """Settings of this transaction for one large count."""
    for setting in QUICK:
        session.execute(text(setting))


@contextmanager
def patiently(session: Session) -> Iterator[None]:
    """What takes longer than a person waits is left undone, and the transaction goes on as if it had not been tried.

    Raises Refused where rules ask for a segment that was deleted: nobody is counted then, rather than others.
    """
    savepoint = session.begin_nested()
    try:
        session.execute(text(f"set local statement_timeout = {int(PATIENCE.total_seconds() * 1000)}"))
        yield
        session.execute(text("set local statement_timeout to default"))
    except OperationalError:
        savepoint.rollback()
    except Gone as gone:
        savepoint.rollback()
        raise Refused(gone.told) from None
    else:
        savepoint.commit()
