"""Emptying an audience by our own books, where the channel has no call for it: what may be there because of us is taken out."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy.orm import Session

from connectors.contract import AccountRef, Action, AudienceRef, Batch, PushResult, Shape, Token
from connectors.digests import texts
from connectors.problems import Code, TryLater
from connectors.protocols import Connector
from segsync.actions import books
from segsync.audience.plan import ADDITIONS
from segsync.audience.sources import kind_for
from segsync.models import Segment, Sync
from segsync.rules import causes
from segsync.runtime import Runtime

Push = Callable[[Batch], PushResult]


def pusher(connector: Connector, token: Token, account: AccountRef, audience: AudienceRef) -> Push:
    """Sends batches to one audience."""
    return lambda batch: connector.push(token, account, audience, batch)


def empty_by_books(runtime: Runtime, sync: Sync, push: Push, goes_on: Callable[[dict[str, object]], None]) -> None:
    """Removes every key that the ledger holds, or that a recorded plan may have brought. Safe to repeat from the start.

    `goes_on` is called after each batch with the place reached; where `sync.emptied` holds one of the same books, it begins there.
    Raises any ConnectorProblem, TryLater too where the channel left rows for later, and FileUnreadable where the books are damaged.
    """
    capabilities = runtime.connector(sync.channel).capabilities
    with runtime.sessions() as session:
        kind = kind_for(capabilities, session.get_one(Segment, sync.segment_id))
        files = _files(runtime, session, sync)
    rows_at_most = runtime.settings.rows_in_a_request(capabilities.batch_rows)
    session_number = secrets.randbits(62) + 1
    of = _books(files, rows_at_most)
    done = int(sync.emptied["batches"]) if sync.emptied.get("of") == of else 0
    left_to_do = islice(_rows(files, capabilities.shapes[kind], rows_at_most), done, None)
    for number, rows in enumerate(left_to_do, start=1):
        batch = Batch(Action.REMOVE, rows, number, False, session_number, sync.members_held or rows.num_rows, kind)
        left = {one.code for one in push(batch).refused if causes.group(one.code) == "wait"}
        if left:
            # whoever was not reached is still in there, so it is not done
            raise TryLater(Code(min(left)))
        goes_on({"of": of, "batches": done + number})


def _books(files: list[Path], rows_at_most: int) -> str:
    """Names the files as they are cut into batches: a place in them says nothing of other files."""
    names = [str(rows_at_most), *(path.name for path in files)]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _files(runtime: Runtime, session: Session, sync: Sync) -> list[Path]:
    """The ledger's files, and the additions of a plan that is not yet in it."""
    folder = books.folder(runtime, sync)
    parts = list(books.ledger_parts(session, sync.ledger_id))
    left = books.unfolded_run(session, sync.id)
    if left is not None:
        parts += books.parts_of_run(session, left.id, *ADDITIONS)
    return [folder.open(part) for part in parts]


def _rows(files: list[Path], shape: Shape, at_a_time: int) -> Iterator[pa.Table]:
    columns = list(shape.key_columns)
    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(at_a_time, columns=columns):
                table = texts(pa.Table.from_batches([batch]).select(columns))
                filled = table.filter(_has_key(table))
                if filled.num_rows:
                    yield filled


def _has_key(table: pa.Table) -> pa.Array:
    found = [False] * table.num_rows
    for column in table.columns:
        found = [seen or valid for seen, valid in zip(found, column.is_valid().to_pylist(), strict=True)]
    return pa.array(found)
