"""What a simulator remembers: a clock that can be moved, and small JSON documents per channel and sort."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Document = dict[str, Any]

TABLES = """
CREATE TABLE IF NOT EXISTS documents (
    channel TEXT, sort TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (channel, sort, key));
CREATE TABLE IF NOT EXISTS numbers (channel TEXT, sort TEXT, last INTEGER NOT NULL, PRIMARY KEY (channel, sort));
CREATE TABLE IF NOT EXISTS people (person TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known (
    channel TEXT, key TEXT, person TEXT, PRIMARY KEY (channel, key, person)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS known_person ON known (person);
CREATE TABLE IF NOT EXISTS member_keys (
    channel TEXT, audience TEXT, key TEXT, at TEXT NOT NULL, PRIMARY KEY (channel, audience, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member_persons (
    channel TEXT, audience TEXT, person TEXT, at TEXT NOT NULL, PRIMARY KEY (channel, audience, person)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS member_person ON member_persons (channel, person);
CREATE TEMP TABLE IF NOT EXISTS learned (key TEXT, person TEXT, PRIMARY KEY (key, person)) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS wire (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class Store:
    """Clock and documents in one SQLite file. All access goes through one connection and one lock."""

    def __init__(self, path: Path | None = None) -> None:
        """Opens or makes the file; None keeps everything in memory."""
        self.lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        # Losing the last second of a stand-in when the machine dies harms nobody; waiting for the disk would.
        self._db.execute("PRAGMA synchronous=OFF")
        # Hashes arrive in no order: with the usual 2 MB most of their pages would be written and read again and again.
        self._db.execute("PRAGMA cache_size=-65536")
        self._db.execute("PRAGMA temp_store=MEMORY")
        self._db.executescript(TABLES)

    def close(self) -> None:
        """Closes the file. The world is of no use afterwards."""
        with self.lock:
            self._db.close()

    def saved(self) -> sqlite3.Connection:
        """All that is remembered, as it is now."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        with self.lock:
            self._db.backup(copy)
        return copy

    def restore(self, saved: sqlite3.Connection) -> None:
        """Remembers again what was saved, and nothing that happened since."""
        with self.lock:
            saved.backup(self._db)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; may be nested."""
        with self.lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            done = False
            try:
                yield self._db
                done = True
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("COMMIT" if done else "ROLLBACK")

    # -- the clock -------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The simulated time: real UTC, moved by all `advance` calls so far."""
        moved = self.get("", "clock", "main") or {"seconds": 0.0}
        return datetime.now(UTC) + timedelta(seconds=moved["seconds"])

    def advance(self, by: timedelta) -> None:
        """Moves the clock for every channel."""
        with self.lock:
            moved = self.get("", "clock", "main") or {"seconds": 0.0}
            self.put("", "clock", "main", {"seconds": moved["seconds"] + by.total_seconds()})

    # -- documents -------------------------------------------------------------------------------------------------

    def put(self, channel: str, sort: str, key: str, doc: Document) -> None:
        """Keeps a document, in the place of the one with the same key."""
        body = json.dumps({name: value for name, value in doc.items() if name != "key"})
        with self.transaction() as db:
            db.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
                (channel, sort, key, body),
            )

    def get(self, channel: str, sort: str, key: str) -> Document | None:
        """One document with its `key`, or None. Changing it changes nothing until it is put back."""
        with self.lock:
            row = self._db.execute(
                "SELECT body FROM documents WHERE channel = ? AND sort = ? AND key = ?", (channel, sort, key)
            ).fetchone()
        return None if row is None else json.loads(row[0]) | {"key": key}

    def all(self, channel: str, sort: str) -> list[Document]:
        """All documents of a sort, each with its `key`, in the order they were first put."""
        with self.lock:
            rows = self._db.execute(
                "SELECT key, body FROM documents WHERE channel = ? AND sort = ? ORDER BY rowid", (channel, sort)
            ).fetchall()
        return [json.loads(body) | {"key": key} for key, body in rows]

    def drop(self, channel: str, sort: str, key: str) -> None:
        """Forgets a document; one that is not there is no error."""
        with self.transaction() as db:
            db.execute("DELETE FROM documents WHERE channel = ? AND sort = ? AND key = ?", (channel, sort, key))

    def next_number(self, channel: str, sort: str, start: int = 1) -> int:
        """A number never given before for this sort, counting up from `start`."""
        with self.transaction() as db:
            (number,) = db.execute(
                "INSERT INTO numbers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",
                (channel, sort, start),
            ).fetchone()
        return int(number)
