"""What a process leaves that ends now: the database as it is committed, the folder of ledgers, the channel, the time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from segsync.db import Base

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
KEPT = {"audit_event"}
"""Nobody can take back what stands in the trail."""
COLUMNS = {
    table.name: [column.name for column in table.columns if column.computed is None]
    for table in Base.metadata.sorted_tables
    if table.name not in KEPT
}
ALL = sql.SQL(" union all ").join(
    sql.SQL("select {}, to_jsonb(one) from {} one").format(sql.Literal(name), sql.Identifier(name)) for name in COLUMNS
)
CLEAR = sql.SQL(";").join(
    [sql.SQL("set session_replication_role = replica")]  # guards and keys are for those who write one by one
    + [sql.SQL("delete from {}").format(sql.Identifier(name)) for name in COLUMNS]
)
PASSES = {"run": ("lease_until", "woken_at"), "batch_taken": ("lease_until",)}
"""What time takes away by itself from whom nobody hears any more."""


@dataclass(frozen=True)
class State:
    """Two are equal where nothing that lasts is different: a lease runs out, a wake-up may get lost anyway."""

    rows: Rows
    files: Mapping[str, bytes]
    members: Any
    """Of the audience, and what the channel has still to do."""
    now: datetime
    channel: Any = field(compare=False)
    """To go on with."""


def rows_of(connection: psycopg.Connection) -> Rows:
    """All that is committed, but for what passes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, row in connection.execute(ALL).fetchall():
        found.setdefault(name, []).append(row | dict.fromkeys(PASSES.get(name, ())))
    return {name: sorted(rows, key=json.dumps) for name, rows in found.items()}


def put_rows(connection: psycopg.Connection, rows: Rows) -> None:
    """A database that holds these rows and no others."""
    with connection.transaction():
        connection.execute(CLEAR)
        for name, kept in rows.items():
            connection.execute(
                sql.SQL(
                    "insert into {0} ({1}) overriding system value select {1} from jsonb_populate_recordset(null::{0}, %s)"
                ).format(sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, COLUMNS[name]))),
                [json.dumps(kept)],
            )


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file by its name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """A folder that holds these files and no others."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
