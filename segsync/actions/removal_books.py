"""What our books hold of one person, and taking them out of the books once a channel has confirmed that they are out.

Only one process writes to the books of a sync: whoever rewrites a ledger holds the same lease that a run would.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa
from sqlalchemy import Interval, Select, bindparam, select, text
from sqlalchemy.orm import Session

from connectors.contract import Action, Kind, Shape
from segsync.actions import books
from segsync.actions.claims import lock_sync
from segsync.actions.push.send import LONGEST_WAIT
from segsync.audience import one_person
from segsync.audience.files import Part
from segsync.audience.forgetting import Keys, forget, sharing, touches
from segsync.audience.identified import identifiers_sql
from segsync.audience.ledger import Books, Sums
from segsync.audience.plan import AFTER, AGAIN, NEW, Acknowledgements, Plan
from segsync.audience.streams import Stream
from segsync.audience.workbench import workbench
from segsync.models import Contact, Ledger, Run, RunBatch, Sync
from segsync.runtime import Runtime

KNOWN_BY: Final = ("email", "phone")
"""What a member of a warehouse is known again by. An external id there is another than one of ours."""
_HOLD = text("""
    update run set lease_until = clock_timestamp() + :lease
    where id = (select max(id) from run where sync_id = :sync_id and finished_at is not null and purpose <> 'try')
      and not exists (select 1 from run other where other.sync_id = :sync_id and other.lease_until > clock_timestamp())
      and not exists (select 1 from batch_taken taken join run other on other.id = taken.run_id
                      where other.sync_id = :sync_id and taken.lease_until > clock_timestamp())
    returning id, lease_until
""").bindparams(bindparam("lease", type_=Interval))
_KEEP = text("""
    update run set lease_until = clock_timestamp() + :lease
    where id = :run_id and lease_until = :until
      and not exists (select 1 from run other where other.sync_id = run.sync_id and other.id <> run.id and other.lease_until > clock_timestamp())
    returning lease_until
""").bindparams(bindparam("lease", type_=Interval))
_FREE = text("update run set lease_until = null where id = :run_id and lease_until = :until")


class Busy(Exception):  # noqa: N818 - read aloud as "busy"
    """A run writes to the audience of this sync: later."""

    def __init__(self, sync_id: int) -> None:
        super().__init__(f"A run writes to the audience of sync {sync_id}.")
        self.sync_id = sync_id


@dataclass
class Hold:
    """The right to write to an audience and its books, by the lease of its last run, which ends at `until`."""

    runtime: Runtime
    sync_id: int
    run_id: int
    until: datetime

    def keep(self) -> None:
        """Lengthens it. Raises Busy where it ran out and somebody else has begun."""
        lease = timedelta(seconds=self.runtime.settings.lease_seconds)
        with self.runtime.sessions.begin() as session:
            lock_sync(session, self.sync_id)
            own = {"run_id": self.run_id, "until": self.until, "lease": lease}
            until = session.execute(_KEEP, own).scalar_one_or_none()
        if until is None:
            raise Busy(self.sync_id)
        self.until = until


@contextmanager
def hold(runtime: Runtime, sync_id: int) -> Iterator[Hold]:
    """Keeps runs away for the length of a lease. Raises Busy."""
    values = {"sync_id": sync_id, "lease": timedelta(seconds=runtime.settings.lease_seconds)}
    with runtime.sessions.begin() as session:
        lock_sync(session, sync_id)
        row = session.execute(_HOLD, values).one_or_none()
    if row is None:
        raise Busy(sync_id)
    held = Hold(runtime, sync_id, row.id, row.lease_until)
    try:
        yield held
    finally:
        with runtime.sessions.begin() as session:
            session.execute(
                _FREE, {"run_id": held.run_id, "until": held.until}
            )  # and nobody's who came after it ran out


def under_way(session: Session, sync_id: int) -> bool:
    """Whether a run is open."""
    return session.scalar(select(Run.id).where(Run.sync_id == sync_id, Run.finished_at.is_(None)).limit(1)) is not None


def goes_on(session: Session, sync_id: int) -> datetime | None:
    """When the open run goes on, as far as that is known; None where none is open."""
    return session.scalar(select(Run.not_before).where(Run.sync_id == sync_id, Run.finished_at.is_(None)).limit(1))


def pending_additions(*, now: datetime) -> Select[int]:
    """The syncs of which additions are not final yet: a channel carries them out later, in an order of its own."""
    return (
        select(Run.sync_id)
        .join(RunBatch, RunBatch.run_id == Run.id)
        .where(RunBatch.action == Action.ADD.value, RunBatch.next_poll.is_not(None))
        .where(RunBatch.acked_at > now - LONGEST_WAIT)
    )


def ledger_and_plan(session: Session, sync: Sync) -> list[Part]:
    """The files that say who may be in the audience: the ledger's, and those of additions that are not yet in it."""
    parts = list(books.ledger_parts(session, sync.ledger_id))
    left = books.unfolded_run(session, sync.id)
    if left is not None:
        parts += books.parts_of_run(session, left.id, NEW, AFTER, AGAIN)
    return parts


def keys_in(
    runtime: Runtime, sync: Sync, parts: Iterable[Part], member: int, shape: Shape
) -> list[dict[str, str | None]]:
    """The person's keys as they may have been sent. Raises FileUnreadable."""
    rows = one_person.rows_of(books.folder(runtime, sync), parts, member)
    found = [{column: row.get(column) for column in shape.key_columns} for row in rows]
    return distinct(found)


def keys_shared(
    runtime: Runtime, sync: Sync, parts: Iterable[Part], keys: Keys, shape: Shape
) -> list[dict[str, str | None]]:
    """All keys of whoever has one of these, as they may have been sent: of members that are no contacts. Raises FileUnreadable."""
    return distinct(rows_shared(runtime, sync, parts, (keys, ()), shape))


def rows_shared(
    runtime: Runtime, sync: Sync, parts: Iterable[Part], wanted: tuple[Keys, Sequence[str]], shape: Shape
) -> list[dict[str, Any]]:
    """Rows of whoever has one of these keys: their keys, and the columns `wanted` beside them. Raises FileUnreadable."""
    keys, beside = wanted
    folder = books.folder(runtime, sync)
    files = [folder.open(part) for part in parts]
    if not keys or not files:
        return []
    return sharing(shape, files, keys, beside=beside)


def only(keys: Keys, shape: Shape, fields: Collection[str]) -> list[dict[str, str | None]]:
    """Of these rows the keys that are made of some fields alone."""
    columns = {column for key in shape.keys if set(key.made_of) <= set(fields) for column in key.columns}
    return distinct({name: value if name in columns else None for name, value in row.items()} for row in keys)


def keys_now(runtime: Runtime, sync: Sync, contact: Contact, shape: Shape) -> list[dict[str, str | None]]:
    """The person's keys as this channel would be sent them today."""
    values = {name: getattr(contact, name) for name in shape.fields}
    texts = {name: [None if value is None else str(value)] for name, value in values.items()}
    schema = pa.schema(
        [
            ("member", pa.int64()),
            ("version", pa.string()),
            ("change_no", pa.int64()),
            *((n, pa.string()) for n in texts),
        ]
    )
    table = pa.table({"member": [contact.id], "version": [""], "change_no": [0], **texts}, schema=schema)
    with workbench(runtime.settings.data / "spill") as bench:
        bench.register("one_person", table)
        rows = (
            bench.execute(identifiers_sql(runtime.connector(sync.channel), Kind.PEOPLE, "one_person"))
            .to_arrow_table()
            .to_pylist()
        )
    return distinct({column: row[column] for column in shape.key_columns} for row in rows)


def distinct(rows: Iterable[dict[str, str | None]]) -> list[dict[str, str | None]]:
    """Each once, and only those with a key."""
    found: dict[tuple[tuple[str, str | None], ...], dict[str, str | None]] = {}
    for row in rows:
        if any(value is not None for value in row.values()):
            found.setdefault(tuple(row.items()), row)
    return list(found.values())


def take_out(runtime: Runtime, sync: Sync, person: tuple[int, Keys], shape: Shape, held: Hold) -> bool:
    """Drops the person's rows, and makes everybody unsure who shares a key with them. Whether anybody became unsure.

    Raises Busy while a run is under way, and FileUnreadable.
    """
    with runtime.sessions() as session:
        now_sync = session.get_one(Sync, sync.id)
        if under_way(session, sync.id):
            raise Busy(sync.id)
        left = books.unfolded_run(session, sync.id)
        if now_sync.ledger_id is None and left is None:
            return False
        files = _books(runtime, session, now_sync, left)
        basis = _basis(session, now_sync, left)
        sent_at = (books.first_answer(session, left) if left else None) or runtime.clock()
    stem = f"without-{held.run_id}-{int(runtime.clock().timestamp())}-{now_sync.ledger_id or 0}"
    rows = runtime.settings.window_rows
    stream = Stream(books.folder(runtime, sync), books.LEDGER, stem, group_rows=rows, part_rows=rows)
    if left is None and not touches(shape, files.base, person):
        return False
    with workbench(runtime.settings.data / "spill") as bench:
        unsure, sums = _rewrite(bench, shape, (files, person), stream, held, now=sent_at)
    parts = stream.finish()
    _store(runtime, now_sync, (parts, sums, basis), left, held)
    return unsure > 0


def _rewrite(
    bench: duckdb.DuckDBPyConnection,
    shape: Shape,
    what: tuple[Books, tuple[int, Keys]],
    stream: Stream,
    held: Hold,
    *,
    now: datetime,
) -> tuple[int, Sums]:
    unsure, sums = 0, Sums()
    window = held.runtime.settings.window_rows
    for table, shared in forget(bench, shape, what[0], what[1], now=int(now.timestamp()), window=window):
        unsure, sums = unsure + shared, sums.plus(table)
        stream.add(table)
        held.keep()
    return unsure, sums


def _books(runtime: Runtime, session: Session, sync: Sync, left: Run | None) -> Books:
    folder = books.folder(runtime, sync)
    base = [folder.open(part) for part in books.ledger_parts(session, sync.ledger_id)]
    if left is None:
        return Books(base, Plan((), 1), Acknowledgements())
    return Books(base, books.plan_of(session, left, folder), books.acknowledgements(session, left))


def _basis(session: Session, sync: Sync, left: Run | None) -> str:
    if left is not None and "basis" in left.cursor:
        return str(left.cursor["basis"])
    return session.get_one(Ledger, sync.ledger_id).basis if sync.ledger_id else ""


def _store(runtime: Runtime, sync: Sync, made: tuple[Sequence[Part], Sums, str], left: Run | None, held: Hold) -> None:
    parts, sums, basis = made
    with runtime.sessions.begin() as session:
        current = session.get_one(Sync, sync.id, with_for_update={"key_share": True})
        if current.ledger_id != sync.ledger_id or under_way(session, sync.id):
            raise Busy(sync.id)  # a run that has begun meanwhile may be writing the next ledger from the same one
        run = session.get_one(Run, held.run_id)
        books.new_ledger(session, run, basis, parts, sums)
        if left is not None:
            session.get_one(Run, left.id).plan_id = None
        session.flush()
        books.unname(session, current, run, now=runtime.clock())
