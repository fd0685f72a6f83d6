"""The work of an import: slices of some seconds, in chunks that are written together with how far the file is read.

A chunk and its progress are one transaction: whoever goes on after a kill begins exactly where the last chunk ended.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg
import structlog
from sqlalchemy import func, or_, update
from sqlalchemy.orm import Session

from segsync.actions import erased, fields
from segsync.actions.device_links import MOST_DEVICES
from segsync.actions.import_ahead import Chunk, ahead
from segsync.actions.import_files import NO_ROOM, Shape
from segsync.actions.import_merge import Merged, Target, merge
from segsync.actions.import_reading import Reader
from segsync.actions.import_rejects import Rejects
from segsync.models import ImportJob, Segment, Workspace
from segsync.rules.cleaning import Door
from segsync.rules.import_mapping import ColumnMap, Custom, label
from segsync.rules.import_rows import Prepared, Reading
from segsync.rules.terms import ImportState
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=120)
MOST_STARTS_AT_ONE_PLACE: Final = 5
ERASED: Final = (
    "This person was erased on {day}. Whoever knows that they want to be here again confirms it for the import."
)
OPT_OUT_KEPT: Final = "opt-outs kept"


class Overtaken(Exception):  # noqa: N818 - read aloud: "overtaken by another worker"
    """Another worker has this import now."""


@dataclass(frozen=True)
class Part:
    """A claimed import and all that is needed to read it."""

    job: ImportJob
    fence: int
    shape: Shape
    reading: Reading
    target: Target


def work(runtime: Runtime, import_id: int) -> bool:
    """One slice. True when more is left; False when it is done, failed, or somebody else's."""
    part = _claim(runtime, import_id)
    if part is None:
        return False
    try:
        return _slice(runtime, part)
    except Overtaken:
        return False
    except FileNotFoundError:
        _fail(runtime, part, "The file is not there any more. Upload it again.")
    except OSError as problem:
        if problem.errno not in NO_ROOM:
            raise
        _fail(runtime, part, "The disk of this installation is full. Upload the file again once there is room.")
    return False


def shape_of(job: ImportJob) -> Shape:
    """How the file of an import is read."""
    return Shape.from_json(job.options["shape"])


def reading_of(job: ImportJob, workspace: Workspace, custom: tuple[Custom, ...], mapping: ColumnMap) -> Reading:
    """How its rows are understood."""
    return Reading(job.subject, mapping, Door(workspace.country, mapping.date_order), custom)


def _claim(runtime: Runtime, import_id: int) -> Part | None:
    with runtime.sessions.begin() as session:
        now = func.clock_timestamp()
        fence = session.scalar(
            update(ImportJob)
            .where(
                ImportJob.id == import_id,
                ImportJob.state.in_([ImportState.QUEUED, ImportState.RUNNING]),
                or_(ImportJob.lease_until.is_(None), ImportJob.lease_until < now),
            )
            .values(
                state=ImportState.RUNNING.value,
                started_at=func.coalesce(ImportJob.started_at, now),
                lease_until=now + LEASE,
                fence=ImportJob.fence + 1,
            )
            .returning(ImportJob.fence)
        )
        if fence is None:
            return None
        job = session.get_one(ImportJob, import_id)
        return None if _stuck(job) else _part(session, job, fence)


def _stuck(job: ImportJob) -> bool:
    """Whether the work died several times at the same place: then it is said, instead of being tried for ever."""
    at, times = job.options.get("begun", (-1, 0))
    times = times + 1 if at == job.bytes_done else 1
    job.options = {**job.options, "begun": [job.bytes_done, times]}
    if times > MOST_STARTS_AT_ONE_PLACE:
        job.state, job.lease_until, job.finished_at = ImportState.FAILED.value, None, func.now()
        job.error = f"The import stopped several times near line {job.lines_done + 1:,}. What came before it is in."
    return times > MOST_STARTS_AT_ONE_PLACE


def _part(session: Session, job: ImportJob, fence: int) -> Part:
    workspace = session.get_one(Workspace, job.workspace_id)
    custom = fields.for_rows(session, workspace, job.subject)
    known = {f"custom:{each.key}" for each in custom}
    mapping = ColumnMap.from_json(job.mapping)
    # A field that was put away after the start is left out, not refused.
    targets = tuple("" if t.startswith("custom:") and t not in known else t for t in mapping.targets)
    mapping = ColumnMap(targets, mapping.clear, mapping.date_order)
    target = Target(
        workspace_id=job.workspace_id,
        subject=job.subject,
        used=tuple(name for name in targets if name),
        tags=tuple(job.options.get("tags", ())),
        segment_id=job.segment_id,
        source=job.options.get("source") or f"Import of {job.file_name}",
        undo_opt_outs=bool(job.options.get("undo_opt_outs")),
    )
    return Part(job, fence, shape_of(job), reading_of(job, workspace, custom, mapping), target)


def _slice(runtime: Runtime, part: Part) -> bool:
    until = time.monotonic() + runtime.settings.slice_seconds
    job = part.job
    with Path(job.file_path).open("rb") as file, Rejects(rejects_path(job), job.rejects_bytes) as rejects:
        reader = Reader(file, part.shape, offset=job.bytes_done, line=job.lines_done)
        with ahead(reader, part.reading, job.file_bytes - job.bytes_done) as chunks:
            for chunk in chunks:
                _chunk(runtime, part, chunk, rejects)
                if time.monotonic() >= until:
                    _let_go(runtime, part)
                    return True
    _finish(runtime, part)
    return False


def rejects_path(job: ImportJob) -> Path:
    """Where its rejected rows go."""
    return Path(job.file_path).with_suffix(".rejected.csv")


def _chunk(runtime: Runtime, part: Part, chunk: Chunk, rejects: Rejects) -> None:
    """Writes a chunk with its progress, in one transaction."""
    with runtime.sessions.begin() as session:
        _hold(session, part)
        rows = chunk.rows
        stopped = _erased(runtime, session, part, rows)
        lines = {row.line for row, _ in stopped}
        merged = _merged(session, part, [row for row in rows if row.line not in lines])
        merged += Merged(refused=stopped)
        if merged.listed:
            _touch_list(session, part)
        _reject(part, rejects, chunk, merged, lines)
        counts = _counts(part, chunk, merged)
        values = {**counts, "bytes_done": chunk.offset, "lines_done": chunk.lines, "rejects_bytes": rejects.size}
        if rejects.size:
            values["rejects_path"] = str(rejects_path(part.job))
        session.execute(update(ImportJob).where(ImportJob.id == part.job.id).values(values))


def _erased(runtime: Runtime, session: Session, part: Part, rows: Sequence[Prepared]) -> list[tuple[Prepared, str]]:
    """People who were erased are recognised and not let in again, unless whoever started the import confirmed it by name."""
    if part.job.subject != "contact":
        return []
    workspace = session.get_one(Workspace, part.job.workspace_id)
    values = [row.values for row in rows]
    if part.job.options.get("let_in_erased"):
        erased.let_in(session, runtime.vault, workspace, values)
        return []
    found = erased.recognised(session, runtime.vault, workspace, values)
    return [(rows[place], ERASED.format(day=f"{at.day} {at:%B %Y}")) for place, at in sorted(found.items())]


def _hold(session: Session, part: Part) -> None:
    """Makes sure that the import is still ours, and says that we live."""
    held = session.scalar(
        update(ImportJob)
        .where(ImportJob.id == part.job.id, ImportJob.fence == part.fence, ImportJob.state == ImportState.RUNNING)
        .values(lease_until=func.clock_timestamp() + LEASE)
        .returning(ImportJob.id)
    )
    if held is None:
        raise Overtaken


def _merged(session: Session, part: Part, rows: Sequence[Prepared]) -> Merged:
    """A row that the database does not take never sinks its chunk: the chunk is halved until that row is alone."""
    if not rows:
        return Merged()
    try:
        with session.begin_nested():
            return merge(session, part.target, rows)
    except (psycopg.DataError, psycopg.IntegrityError) as problem:
        if len(rows) == 1:
            log.warning("row not taken", import_id=part.job.id, line=rows[0].line, problem=type(problem).__name__)
            return Merged(refused=[(rows[0], "The database does not take a value of this row.")])
    half = len(rows) // 2
    return _merged(session, part, rows[:half]) + _merged(session, part, rows[half:])


def _reject(part: Part, rejects: Rejects, chunk: Chunk, merged: Merged, erased_lines: AbstractSet[int]) -> None:
    cells = chunk.cells() if merged.refused else {}
    # of an erased person nothing is written down again, only the line
    refused = [(row.line, why, [] if row.line in erased_lines else cells[row.line]) for row, why in merged.refused]
    broken = [(row.line, row.problem, row.cells) for row in chunk.broken]
    rejects.add(part.shape.columns, sorted(refused + broken))


def _counts(part: Part, chunk: Chunk, merged: Merged) -> dict[str, object]:
    left_out = Counter(
        f"{label(part.job.subject, name, part.reading.custom)}: {reason.value}"
        for unusable in chunk.cleaned.left_out.values()
        for name, reason in unusable.items()
    )
    for kind, number in merged.devices_left_out.items():
        left_out[f"{label(part.job.subject, kind)}: a contact may have {MOST_DEVICES} devices"] = number
    if merged.opt_outs_kept:
        left_out[OPT_OUT_KEPT] = merged.opt_outs_kept
    left_out.update(part.job.cells_left_out)
    part.job.cells_left_out = dict(left_out)
    rejected = len(merged.refused) + len(chunk.broken)
    return {
        "rows_done": ImportJob.rows_done + chunk.count,
        "rows_created": ImportJob.rows_created + merged.created,
        "rows_updated": ImportJob.rows_updated + merged.updated,
        "rows_unchanged": ImportJob.rows_unchanged + merged.unchanged,
        "rows_rejected": ImportJob.rows_rejected + rejected,
        "cells_left_out": dict(left_out),
    }


def _let_go(runtime: Runtime, part: Part) -> None:
    with runtime.sessions.begin() as session:
        _hold(session, part)
        session.execute(update(ImportJob).where(ImportJob.id == part.job.id).values(lease_until=None))


def _finish(runtime: Runtime, part: Part) -> None:
    with runtime.sessions.begin() as session:
        _hold(session, part)
        _end(session, part, ImportState.DONE, None)
    # What was read is personal data that nobody needs twice.
    Path(part.job.file_path).unlink(missing_ok=True)


def _fail(runtime: Runtime, part: Part, error: str) -> None:
    with runtime.sessions.begin() as session:
        _end(session, part, ImportState.FAILED, error)


def _end(session: Session, part: Part, state: ImportState, error: str | None) -> None:
    session.execute(
        update(ImportJob)
        .where(ImportJob.id == part.job.id, ImportJob.fence == part.fence)
        .values(state=state.value, error=error, lease_until=None, finished_at=func.now())
    )


def _touch_list(session: Session, part: Part) -> None:
    """The list has other members now, which whoever works with it must notice."""
    session.execute(
        update(Segment)
        .where(Segment.id == part.target.segment_id)
        .values(version=Segment.version + 1, updated_at=func.now())
    )
