"""Drives the data path without a database: contacts are a dict, the ledger a list of files, the channel a fake in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.contract import AccountRef, Action, AudienceRef, Batch, Kind, Token
from segsync.audience.compare import Compared, compare, whole_rows
from segsync.audience.conflicts import ROOM, Check, Draft, Room
from segsync.audience.differing import Window, differing, pieces, together
from segsync.audience.files import Folder, Part
from segsync.audience.identified import Identify, Method
from segsync.audience.ledger import Books, fold
from segsync.audience.plan import AFTER, AGAIN, NEW, NOTES, REMOVALS, Acknowledgements, Plan, PlanFile
from segsync.audience.streams import Stream
from tests.fakes import FakeChannel, Membership

ACCOUNT, AUDIENCE, TOKEN = AccountRef("act-1"), AudienceRef("audience-1", "Ours"), Token("token", "me")
WINDOW = 3
TOP = 2**62


@dataclass
class Contacts:
    """What the segment holds now: id -> fields, with a change number for every change."""

    rows: dict[int, dict[str, str | None]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    changes: int = 0

    def put(self, contact: int, **fields: str | None) -> None:
        self.changes += 1
        self.rows[contact] = fields
        self.numbers[contact] = self.changes

    def drop(self, contact: int) -> None:
        self.rows.pop(contact, None)


@dataclass
class Driver:
    """One sync. `run` does what a run does; it may be cut off by the channel's hooks."""

    root: Path
    channel: FakeChannel
    contacts: Contacts = field(default_factory=Contacts)
    ledger: list[Part] = field(default_factory=list)
    open_plan: Plan | None = None
    acked: set[int] = field(default_factory=set)
    refused: list[tuple[int, int, str]] = field(default_factory=list)
    stems: int = 0
    basis: str = "basis 1"
    plan_basis: str = ""
    ledger_basis: str = ""
    room: Room = ROOM
    windows_at_once: int = 1
    bench: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    @property
    def folder(self) -> Folder:
        return Folder(self.root, "SY-TEST-0001")

    @property
    def method(self) -> Method:
        return Method(self.channel, Kind.PEOPLE, self.basis, "secret")

    @property
    def shape(self):
        return self.method.shape

    def run(self) -> Plan:
        """Folds what an earlier run left behind, compares, records, sends, folds."""
        self.fold()
        plan = self.draft()
        self.open_plan, self.acked, self.refused = plan, set(), []
        for ref in plan.batches:
            columns = self.shape.key_columns if ref.action is Action.REMOVE else self.shape.columns
            batch = Batch(ref.action, ref.read(columns), ref.number, last=False, session=1, estimated_total=1)
            self.channel.audiences.setdefault("audience-1", Membership())
            answer = self.channel.push(TOKEN, ACCOUNT, AUDIENCE, batch)
            self.acked.add(ref.number)
            self.refused += [(ref.number, row, one.code) for one in answer.refused for row in one.rows]
        self.fold()
        return plan

    def fold(self) -> None:
        """Brings the ledger up to date with the plan that is open, as far as it was acknowledged."""
        if self.open_plan is None:
            return
        answered = Acknowledgements(frozenset(self.acked), tuple(self.refused))
        books = Books(self._open(self.ledger), self.open_plan, answered)
        stream = self._stream("ledger")
        for table in fold(self.bench, self.shape, books, now=1_700_000_000, window=WINDOW):
            stream.add(table)
        self.ledger, self.ledger_basis = stream.finish(), self.plan_basis
        self.open_plan, self.acked = None, set()

    def draft(self) -> Plan:
        self.plan_basis = self.basis
        streams = {sort: self._stream(sort) for sort in (NEW, AFTER, "draft", NOTES)}
        start = low = -1
        pending = []
        while low < TOP:
            window = self._window(low)
            low = window.span[1]
            pending.append(differing(self.shape, window))
            if len(pending) < self.windows_at_once and low < TOP:
                continue
            for found, _ in pieces(together(pending), (start, low), WINDOW):
                self._take(compare(Identify(self.bench, self.method), found, self._fetch), streams)
            start, pending = low, []
        parts = {sort: stream.finish() for sort, stream in streams.items()}
        return self._checked(parts)

    def _take(self, compared: Compared, streams: dict[str, Stream]) -> None:
        streams[NEW].add(compared.new)
        streams[AFTER].add(compared.after)
        streams["draft"].add(compared.removals)
        streams[NOTES].add(compared.notes)

    def _fetch(self, ids: pa.Array) -> pa.Table:
        return self._rows(ids.to_pylist())

    def _checked(self, parts: dict[str, list[Part]]) -> Plan:
        files = [PlanFile(sort, self.folder.open(p), p.rows) for sort in (NEW, AFTER) for p in parts[sort]]
        notes = [self.folder.open(p) for p in parts[NOTES]]
        if parts["draft"]:
            later = self.channel.capabilities.applies.value == "later"
            new, after = (self._open(parts[sort]) for sort in (NEW, AFTER))
            base, leaving = self._open(self.ledger), self._open(parts["draft"])
            draft = Draft(base, leaving, after, unordered=new) if later else Draft(base, leaving, [*new, *after])
            check = Check(self.shape, draft, window=WINDOW, keep=lambda: None, room=self.room)
            removals, again, more = self._stream(REMOVALS), self._stream(AGAIN), self._stream(NOTES)
            for cut in check.cuts():
                removals.add(cut.removals)
                more.add(cut.forgotten)
            for piece in check.sharing():
                ids = sorted(set(piece.column("member").to_pylist()))
                again.add(whole_rows(self.bench, Identify(self.bench, self.method), piece, self._rows(ids)))
            files += [PlanFile(REMOVALS, self.folder.open(p), p.rows) for p in removals.finish()]
            files += [PlanFile(AGAIN, self.folder.open(p), p.rows) for p in again.finish()]
            notes += [self.folder.open(p) for p in more.finish()]
        return Plan(tuple(files), self.channel.capabilities.batch_rows, 1, tuple(notes))

    def _window(self, low: int) -> Window:
        ids = sorted(i for i in self.contacts.rows if i > low)[:WINDOW]
        high = ids[-1] if len(ids) == WINDOW else TOP
        members = self._rows(ids)
        if self.ledger and self.ledger_basis == self.basis:  # else their fields come along, as a source brings them
            members = members.select(["id", "change_no"])
        members = members.append_column("barred", pa.array([0] * len(ids), pa.int32()))
        files = [self.folder.open(part) for part in self.ledger if part.high > low and part.low < high]
        return Window(members, files, (low, high), same_basis=self.ledger_basis == self.basis)

    def _rows(self, ids: list[int]) -> pa.Table:
        columns = {
            "id": pa.array(ids, pa.int64()),
            "change_no": pa.array([self.contacts.numbers[i] for i in ids], pa.int64()),
        }
        for name in self.shape.fields:
            columns[name] = pa.array([self.contacts.rows[i].get(name) for i in ids], pa.string())
        return pa.table(columns)

    def _open(self, parts: list[Part]) -> list[Path]:
        return [self.folder.open(part) for part in parts]

    def _stream(self, sort: str) -> Stream:
        self.stems += 1
        rows = self.channel.capabilities.batch_rows
        return Stream(self.folder, sort, f"s{self.stems}", group_rows=rows, part_rows=WINDOW)

    def wanted_keys(self) -> set[tuple[str, str]]:
        """The keys that the audience should hold: an independent reading of the published rules, for plain test values."""
        keys = set()
        for row in self.contacts.rows.values():
            if row.get("email"):
                keys.add(("EMAIL", hashlib.sha256(row["email"].encode()).hexdigest()))
            if row.get("phone"):
                keys.add(("PHONE", hashlib.sha256(row["phone"].lstrip("+").encode()).hexdigest()))
        return keys
