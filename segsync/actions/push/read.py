"""Reading and comparing: window after window, as many as fit into a slice. What is found goes into draft files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from segsync.actions import books, sync_alerts
from segsync.actions.outcomes import Outcome, Progress
from segsync.actions.push import warehouse
from segsync.actions.push.job import Job
from segsync.actions.push.warehouse import WarehouseMembers
from segsync.actions.push.windows import TOP, Windows
from segsync.audience import sources
from segsync.audience.compare import Compared, compare
from segsync.audience.differing import Differing, Window, differing, pieces, together
from segsync.audience.files import Part
from segsync.audience.identified import Identify
from segsync.audience.plan import AFTER, NEW, NOTES
from segsync.audience.sources import BARRED, Source
from segsync.audience.streams import Stream
from segsync.models import Ledger, Run, Segment, SegmentSize, Sync
from segsync.rules.terms import Phase, SegmentKind

NEW_RULES = "the way in which identifiers are prepared has changed"


class Drafts:
    """The streams that a slice writes: what is new, what changed, what may have to go, and notes."""

    def __init__(self, job: Job, session: Session) -> None:
        sorts = (NEW, AFTER, books.DRAFT, NOTES)
        before = Counter(part.sort for part in books.parts_of_run(session, job.run.id, *sorts))
        self.streams = {
            sort: Stream(
                job.folder,
                sort,
                job.stem,
                group_rows=job.batch_rows,
                part_rows=job.runtime.settings.window_rows,
                first_number=before[sort],
            )
            for sort in sorts
        }
        self.counts: Counter[str] = Counter()

    def take(self, found: Iterable[Compared]) -> None:
        """Adds what was compared."""
        for compared in found:
            self.streams[NEW].add(compared.new)
            self.streams[AFTER].add(compared.after)
            self.streams[books.DRAFT].add(compared.removals)
            self.streams[NOTES].add(compared.notes)
            self.counts.update(compared.counts)

    def finish(self) -> list[Part]:
        """Writes what is left."""
        return [part for stream in self.streams.values() for part in stream.finish()]


class Pending:
    """What windows have to be looked at for, until it is worth looking: a few of each window are compared as quickly as one of them."""

    def __init__(self, job: Job, source: Source | WarehouseMembers, low: int) -> None:
        self._shape, self._source = job.shape, source
        self._low = self._high = low
        self._found: list[Differing] = []
        self._members = 0

    @property
    def rows(self) -> int:
        """How much there is to look at by now."""
        return sum(found.rows for found in self._found)

    def take(self, window: Window) -> Counter[str]:
        """Adds a window. What is known of it at once."""
        found = differing(self._shape, window)
        self._found.append(found)
        self._high, self._members = window.span[1], self._members + window.members.num_rows
        return found.counts

    def compared(self, identify: Identify, rows: int) -> Iterator[Compared]:
        """What all that was taken since the last time comes to, some `rows` rows at a time."""
        found, span, members = together(self._found), (self._low, self._high), self._members
        self._low, self._found, self._members = self._high, [], 0
        for piece, part in pieces(found, span, rows):
            # how many members lie in a piece is not known; about as many of all as of those who differ
            near = members * piece.members.num_rows // max(found.members.num_rows, 1)
            yield compare(identify, piece, partial(self._fetch, part, near))

    def _fetch(self, span: tuple[int, int], members: int, ids: pa.Array) -> pa.Table:
        # to name most of the members one by one would take longer than to read all
        return self._source.values(*span, ids if len(ids) * 2 < max(members, 1) else None)


def read(job: Job) -> Outcome:
    """Compares windows until the slice's time is used up or the segment is read through."""
    low, rows = int(job.run.cursor["low"]), job.runtime.settings.window_rows
    with ExitStack() as opened, job.runtime.sessions() as session:
        # nothing is worked out on it, but for as long as it is open, the engine leaves the cores to what identifies
        opened.enter_context(job.tools.workbench(threads=1))
        identify = job.tools.identify(job.method)
        base, same_basis = _base(job, session)
        source = opened.enter_context(members_of(job, session, everything=not base or not same_basis))
        drafts = Drafts(job, session)
        pending = Pending(job, source, low)
        windows = Windows(source, base, job.open, rows, same_basis)
        session.rollback()  # no transaction is open while members are read elsewhere
        if base and not same_basis and not job.run.everybody:
            _say_everybody(job)
        while low < TOP and (job.in_time() or source.in_one_go or not drafts.counts):
            job.claim.keep()
            window = windows.after(low)
            low = window.span[1]
            drafts.counts.update(pending.take(window))
            if pending.rows >= rows:
                drafts.take(pending.compared(identify, rows))
        drafts.take(pending.compared(identify, rows))
        drafts.counts.update(source.counted)
        parts = drafts.finish()
        seen = {name: dict(found) for name, found in (("unclean", source.unclean), ("warehouse", source.told)) if found}
    _record(job, parts, drafts.counts, low, seen)
    return Progress()


def _say_everybody(job: Job) -> None:
    """Under other rules nothing that was sent can be told to be the same: all are sent again, and it is said."""
    with job.runtime.sessions.begin() as session:
        sync = session.get_one(Sync, job.sync.id, with_for_update={"key_share": True})
        run = job.claim.load(session)
        if job.trying:
            run.everybody = NEW_RULES
            return
        sync_alerts.everybody_again(session, sync, run, NEW_RULES, now=job.now)


@contextmanager
def members_of(job: Job, session: Session, *, everything: bool = False) -> Iterator[Source | WarehouseMembers]:
    """The segment's members as they were meant when this run began to read; those of a warehouse as it has them now.

    `everything` where the fields of all of them will be asked for.
    """
    if job.segment.kind == SegmentKind.WAREHOUSE:
        with warehouse.members(job) as members:
            yield members
        return
    with job.tools.reader(job.runtime.database_uri) as reader:
        source = sources.source_of(
            reader,
            session,
            job.segment,
            job.capabilities,
            now=datetime.fromisoformat(job.run.cursor["meant_at"]),
            names=lambda segment_id: session.get_one(Segment, segment_id),
        )
        yield replace(source, everything=everything)


def _base(job: Job, session: Session) -> tuple[Sequence[Part], bool]:
    """The ledger's files, and whether its versions were made by today's rules."""
    ledger_id = books.current_ledger(session, job.run.id)
    ledger = session.get(Ledger, ledger_id) if ledger_id else None
    return books.ledger_parts(session, ledger_id), ledger is not None and ledger.basis == job.basis


def _record(job: Job, parts: Sequence[Part], counts: Counter[str], low: int, seen: Mapping[str, Any]) -> None:
    with job.change() as (session, run):
        books.list_parts(session, run.sync_id, parts, run_id=run.id)
        _count(run, counts)
        if low < TOP:
            run.cursor = {**run.cursor, "low": low}
            return
        job.enter(run, Phase.COMPARING, **seen)
        members = run.members
    _record_size(job, members)


def _record_size(job: Job, members: int) -> None:
    """In a transaction of its own: segments are locked before their syncs elsewhere."""
    if job.trying or job.kind != job.segment.members:
        return  # a try changes nothing; those who work at companies were counted, not the companies
    with job.runtime.sessions.begin() as session:
        segment = session.get_one(Segment, job.segment.id)
        segment.size, segment.refreshed_at = members, job.now
        session.add(SegmentSize(segment_id=segment.id, at=job.now, size=members))


def _count(run: Run, counts: Counter[str]) -> None:
    run.members += counts["members"]
    if not run.cursor.get("once_read"):
        # read again, most of what this run found new is in the audience already: the run is told as it was first found
        run.new_members += counts["new"]
        run.changed_members += counts["changed"]
        run.unchanged_members += counts["unchanged"]
    found = {"no_identifier": counts["no_identifier"]} | {
        word: counts[f"barred_{number}"] for number, word in BARRED.items()
    }
    run.skipped = {
        reason: run.skipped.get(reason, 0) + number
        for reason, number in found.items()
        if number or reason in run.skipped
    }
