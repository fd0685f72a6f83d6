"""Whom the simulated channels know, and who is a member of which audience.

A channel sees match keys ("email:<sha256>"). Each belongs to one or more people of the population; a key that nobody has
is a person of its own ("unknown:<key>"). Adding a row adds the people of any of its keys, removing removes them.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.simulation_store import Store

Hasher = Callable[[Mapping[str, str]], Iterable[str]]

# The people of the keys that lie in the temporary table `wire`.
PERSONS = """
SELECT DISTINCT COALESCE(known.person, 'unknown:' || wire.key)
FROM wire LEFT JOIN known ON known.channel = ? AND known.key = wire.key"""


SAMPLE = 50


@dataclass(frozen=True)
class Counts:
    """How large an audience is: match keys, persons, and of these the persons that the channel knows."""

    keys: int
    persons: int
    matched: int


class People(Store):
    """The population and the memberships."""

    def __init__(self, path: Path | None = None) -> None:
        """As for every store."""
        super().__init__(path)
        self._hashers: dict[str, Hasher] = {}

    # -- the population --------------------------------------------------------------------------------------------

    def register_hasher(self, channel: str, hasher: Hasher) -> None:
        """Tells how a channel knows people. Who is in the world already is looked at again, unless nothing changed."""
        with self.transaction() as db:
            self._hashers[channel] = hasher
            if not _knows_them(db, channel, hasher):
                db.execute("DELETE FROM known WHERE channel = ?", (channel,))
                _learn(db, channel, hasher, db.execute("SELECT person, body FROM people"))

    def add_people(self, people: Iterable[Mapping[str, str]]) -> int:
        """Adds raw people by the standard contact fields; returns how many are new. The same person twice is one."""
        given = {_identity(fields): json.dumps(dict(fields), sort_keys=True) for fields in people}
        with self.transaction() as db:
            before = {person: _body(db, person) for person in given}
            changed = [(person, body) for person, body in given.items() if before[person] != body]
            db.executemany("DELETE FROM known WHERE person = ?", ((p,) for p, _ in changed if before[p] is not None))
            db.executemany("INSERT OR REPLACE INTO people VALUES (?, ?)", changed)
            for channel, hasher in self._hashers.items():
                _learn(db, channel, hasher, changed)
            return sum(body is None for body in before.values())

    def persons_of(self, channel: str, keys: Iterable[str]) -> list[str]:
        """The people of any of these keys, sorted; a key that nobody has gives 'unknown:<key>'."""
        with self.transaction() as db:
            _fill_wire(db, [list(keys)])
            return sorted(person for (person,) in db.execute(PERSONS, (channel,)))

    # -- memberships -----------------------------------------------------------------------------------------------

    def add_members(
        self, channel: str, audience: str, rows: Iterable[Sequence[str]], at: datetime | None = None
    ) -> None:
        """Adds every key of every row, and the people of any key. Adding again renews the time."""
        moment = (at or self.now()).isoformat()
        with self.transaction() as db:
            _fill_wire(db, rows)
            # "WHERE true" keeps SQLite from reading ON CONFLICT as a join condition.
            db.execute(
                "INSERT INTO member_keys SELECT ?, ?, key, ? FROM wire WHERE true "
                "ON CONFLICT DO UPDATE SET at = excluded.at",
                (channel, audience, moment),
            )
            db.execute(
                "INSERT INTO member_persons SELECT ?, ?, p.*, ? FROM (" + PERSONS + ") p WHERE true "
                "ON CONFLICT DO UPDATE SET at = excluded.at",
                (channel, audience, moment, channel),
            )

    def remove_members(self, channel: str, audience: str, rows: Iterable[Sequence[str]]) -> int:
        """Removes every key of every row, and the people of any key; returns how many people went."""
        where = "WHERE channel = ? AND audience = ?"
        with self.transaction() as db:
            _fill_wire(db, rows)
            db.execute(f"DELETE FROM member_keys {where} AND key IN (SELECT key FROM wire)", (channel, audience))
            gone = db.execute(
                f"DELETE FROM member_persons {where} AND person IN ({PERSONS})", (channel, audience, channel)
            )
            return gone.rowcount

    def empty(self, channel: str, audience: str, older_than: datetime | None = None) -> None:
        """Takes everybody out, or those last added before `older_than`."""
        limit = older_than.isoformat() if older_than else "9999"
        with self.transaction() as db:
            for table in ("member_keys", "member_persons"):
                db.execute(
                    f"DELETE FROM {table} WHERE channel = ? AND audience = ? AND at < ?", (channel, audience, limit)
                )

    def members(self, channel: str, audience: str) -> dict[str, list[str]]:
        """The exact content: {"keys": [...], "persons": [...]}, both sorted."""
        with self.lock:
            return {
                name: [
                    value
                    for (value,) in self._db.execute(
                        f"SELECT {column} FROM {table} WHERE channel = ? AND audience = ? ORDER BY 1",
                        (channel, audience),
                    )
                ]
                for name, table, column in (("keys", "member_keys", "key"), ("persons", "member_persons", "person"))
            }

    def count(self, channel: str, audience: str) -> Counts:
        """How large an audience is."""
        keys = "SELECT count(*) FROM member_keys WHERE channel = ? AND audience = ?"
        persons = (
            "SELECT count(*), count(*) FILTER (WHERE person NOT LIKE 'unknown:%') "
            "FROM member_persons WHERE channel = ? AND audience = ?"
        )
        with self.lock:
            (held,) = self._db.execute(keys, (channel, audience)).fetchone()
            everybody, matched = self._db.execute(persons, (channel, audience)).fetchone()
        return Counts(held, everybody, matched)


def _identity(fields: Mapping[str, str]) -> str:
    given = fields.get("person_id")
    if given:
        return given
    return "p-" + hashlib.sha256(json.dumps(dict(fields), sort_keys=True).encode()).hexdigest()[:16]


def _fill_wire(db: sqlite3.Connection, rows: Iterable[Sequence[str]]) -> None:
    db.execute("DELETE FROM wire")
    db.executemany("INSERT OR IGNORE INTO wire VALUES (?)", ((key,) for row in rows for key in row if key))


def _body(db: sqlite3.Connection, person: str) -> str | None:
    row = db.execute("SELECT body FROM people WHERE person = ?", (person,)).fetchone()
    return None if row is None else row[0]


def _knows_them(db: sqlite3.Connection, channel: str, hasher: Hasher) -> bool:
    """Whether a sample of the people is known as this hasher knows them: a restart need not hash everybody again."""
    for order in ("ASC", "DESC"):
        sample = db.execute(f"SELECT person, body FROM people ORDER BY person {order} LIMIT {SAMPLE}").fetchall()
        for person, body in sample:
            rows = db.execute("SELECT key FROM known WHERE person = ? AND channel = ?", (person, channel))
            if {key for (key,) in rows} != set(hasher(json.loads(body))):
                return False
    return True


def _learn(db: sqlite3.Connection, channel: str, hasher: Hasher, people: Iterable[tuple[str, str]]) -> None:
    """Keys become known; whoever was a stranger by one of them in an audience gets the person's name there."""
    db.execute("DELETE FROM learned")
    pairs = ((key, person) for person, body in people for key in hasher(json.loads(body)))
    db.executemany("INSERT OR IGNORE INTO learned VALUES (?, ?)", pairs)
    db.execute("INSERT OR IGNORE INTO known SELECT ?, key, person FROM learned", (channel,))
    # Left to itself SQLite walks through all members of the channel in both of these.
    db.execute(
        "INSERT OR IGNORE INTO member_persons SELECT m.channel, m.audience, learned.person, m.at "
        "FROM learned CROSS JOIN member_persons m INDEXED BY member_person "
        "WHERE m.channel = ? AND m.person = 'unknown:' || learned.key",
        (channel,),
    )
    db.execute(
        "DELETE FROM member_persons INDEXED BY member_person "
        "WHERE channel = ? AND person IN (SELECT 'unknown:' || key FROM learned)",
        (channel,),
    )
