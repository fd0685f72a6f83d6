"""Imports as people make them: bring a file, say how it is read and which column is what, look, start. Callers commit, but for `stop`.

The work itself is in `import_work`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from segsync.actions import fields
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.actions.import_files import DELIMITERS, ENCODINGS, Bytes, Shape, receive, sniff
from segsync.actions.import_reading import Reader
from segsync.actions.import_work import reading_of, shape_of, work
from segsync.config import Settings
from segsync.models import ImportJob, Segment, Workspace
from segsync.rules.cleaning import CONTACT, Cell, Door, clean, clean_row
from segsync.rules.cleaning_text import tidy
from segsync.rules.import_mapping import CUSTOM, DATE_ORDERS, LABELS, ColumnMap, Custom, guess, label
from segsync.rules.import_rows import IDENTITIES, Reading
from segsync.rules.rights import Right
from segsync.rules.terms import ImportState, SegmentKind

__all__ = [
    "Choices",
    "Incoming",
    "Preview",
    "ReadAs",
    "choose",
    "find",
    "in_workspace",
    "preview",
    "read_as",
    "start",
    "stop",
    "upload",
    "work",
]

SAMPLE_ROWS: Final = 5
LOOK_ROWS: Final = 500
LONGEST_NAME: Final = 200
UNSTARTED_KEPT: Final = timedelta(days=7)
REJECTS_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True)
class Incoming:
    """A file as it comes in."""

    name: str
    stream: Bytes
    segment_id: int | None = None
    """The list that the rows are for, where that is known before the columns are."""


@dataclass(frozen=True)
class ReadAs:
    """How a person says that a file is to be read: its letters, what separates cells, whether the first line is a header."""

    encoding: str
    delimiter: str
    header: bool


@dataclass(frozen=True)
class Choices:
    """What a person chose for an import."""

    mapping: ColumnMap
    tags: str = ""
    segment_id: int | None = None
    source: str = ""
    undo_opt_outs: bool = False
    let_in_erased: bool = False
    """People who were erased may come back: said by whoever starts the import, and kept with their name."""


@dataclass(frozen=True)
class Preview:
    """The first rows as they will be stored, and how many of the first rows would be rejected."""

    targets: list[str]
    rows: list[tuple[int, list[Cell]]]
    looked_at: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)


def upload(
    session: Session, settings: Settings, actor: Actor, workspace: Workspace, subject: str, incoming: Incoming
) -> ImportJob:
    """Takes a file in. Raises Refused, leaving nothing behind."""
    actor.need(Right.EDIT_DATA)
    if subject not in LABELS:
        raise Refused("Choose whether these are contacts or companies.", field="subject")
    segment = _list_of(session, workspace, subject, incoming.segment_id) if incoming.segment_id else None
    forget_old(session, workspace)
    path = folder(settings) / f"{secrets.token_hex(16)}.csv"
    received = receive(incoming.stream, path, most_mb=settings.import_max_mb)
    try:
        # Every letter can be read as Windows-1252, which is enough to show what the columns are called.
        seen = sniff(path, received.encoding or "cp1252")
    except Refused:
        path.unlink(missing_ok=True)
        raise
    job = ImportJob(
        workspace_id=workspace.id,
        person_id=actor.person_id,
        subject=subject,
        file_name=tidy(Path(incoming.name.replace("\\", "/")).name)[:LONGEST_NAME] or "file.csv",
        file_path=str(path),
        file_bytes=received.size,
        options={"utf8": bool(received.encoding), "encoding_known": bool(received.encoding), "shape": seen.as_json()},
        state=ImportState.UPLOADED.value,
        segment_id=segment.id if segment else None,
    )
    session.add(job)
    session.flush()
    guess_mapping(session, workspace, job)
    record(session, actor, "import.upload", subject_of(job), change=({}, {"bytes": received.size, "of": subject}))
    return job


def folder(settings: Settings) -> Path:
    """Where files lie until they are read."""
    return settings.data.absolute() / "imports"


def read_as(session: Session, actor: Actor, workspace: Workspace, job: ImportJob, said: ReadAs) -> None:
    """Reads the file in another way, and guesses its columns anew. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    _waits(job)
    if said.encoding not in ENCODINGS:
        raise Refused("Choose one of the encodings.", field="encoding")
    if said.delimiter not in DELIMITERS:
        raise Refused("Choose what separates the cells.", field="delimiter")
    if said.encoding == "utf-8" and not job.options["utf8"]:
        raise Refused("This file is not UTF-8: it has letters that UTF-8 does not have.", field="encoding")
    seen = sniff(Path(job.file_path), said.encoding, header=said.header, delimiter=said.delimiter)
    job.options = {**job.options, "encoding_known": True, "shape": seen.as_json()}
    guess_mapping(session, workspace, job)


def guess_mapping(session: Session, workspace: Workspace, job: ImportJob) -> None:
    """Fills in which column is what, by the names of the columns."""
    custom = fields.for_rows(session, workspace, job.subject)
    job.mapping = ColumnMap(tuple(guess(job.subject, shape_of(job).columns, custom))).as_json()


def choose(session: Session, actor: Actor, workspace: Workspace, job: ImportJob, choices: Choices) -> None:
    """Keeps what a person chose. Raises Refused, naming the column or field that is wrong."""
    actor.need(Right.EDIT_DATA)
    _waits(job)
    _check_mapping(session, workspace, job, choices.mapping)
    segment = _list_of(session, workspace, job.subject, choices.segment_id) if choices.segment_id else None
    job.mapping = choices.mapping.as_json()
    job.segment_id = segment.id if segment else None
    job.options = {
        **job.options,
        "tags": _tags(choices.tags),
        "source": tidy(choices.source)[:LONGEST_NAME],
        "undo_opt_outs": choices.undo_opt_outs,
        "let_in_erased": choices.let_in_erased,
    }


def start(session: Session, actor: Actor, job: ImportJob) -> None:
    """Lets the workers begin. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    _waits(job)
    if not job.options["encoding_known"]:
        raise Refused("First say which letters this file is in.", field="encoding")
    begun = session.scalar(
        update(ImportJob)
        .where(ImportJob.id == job.id, ImportJob.state == ImportState.UPLOADED)
        .values(state=ImportState.QUEUED.value, bytes_done=shape_of(job).first, lines_done=shape_of(job).lines)
        .returning(ImportJob.id)
    )
    if begun is None:
        raise Refused("This import was started already.")
    told = {"of": job.subject, "bytes": job.file_bytes}
    if job.options.get("let_in_erased"):
        told["erased_people_let_in"] = True
    record(session, actor, "import.start", subject_of(job), change=({}, told))


def stop(session: Session, actor: Actor, job: ImportJob) -> None:
    """Ends an import before the end of its file; what is in stays. Raises Refused where it has ended by itself.

    Commits by itself, because the file goes only when the import is stopped for good.
    """
    actor.need(Right.EDIT_DATA)
    rows = session.scalar(
        update(ImportJob)
        .where(ImportJob.id == job.id, ImportJob.state.in_([ImportState.QUEUED, ImportState.RUNNING]))
        # Whoever works on it has the fence of before, and writes nothing more.
        .values(state=ImportState.STOPPED.value, fence=ImportJob.fence + 1, lease_until=None, finished_at=func.now())
        .returning(ImportJob.rows_done)
    )
    if rows is None:
        raise Refused("This import has ended already.")
    record(session, actor, "import.stop", subject_of(job), change=({}, {"rows": rows}))
    path = Path(job.file_path)
    session.commit()
    path.unlink(missing_ok=True)


def discard(session: Session, actor: Actor, job: ImportJob) -> None:
    """Throws away a file that was never started."""
    actor.need(Right.EDIT_DATA)
    _waits(job)
    Path(job.file_path).unlink(missing_ok=True)
    record(session, actor, "import.discard", subject_of(job))
    session.delete(job)


def forget_old(session: Session, workspace: Workspace) -> None:
    """Removes files that nobody started within a week, and rejected rows after a month: both are personal data."""
    age = func.now() - ImportJob.created_at
    mine = select(ImportJob).where(ImportJob.workspace_id == workspace.id)
    for job in session.scalars(mine.where(ImportJob.state == ImportState.UPLOADED, age > UNSTARTED_KEPT)):
        Path(job.file_path).unlink(missing_ok=True)
        session.delete(job)
    for job in session.scalars(mine.where(ImportJob.rejects_path.is_not(None), age > REJECTS_KEPT)):
        Path(str(job.rejects_path)).unlink(missing_ok=True)
        job.rejects_path = None


def preview(session: Session, workspace: Workspace, job: ImportJob, mapping: ColumnMap) -> Preview:
    """The first rows as they will be stored, by the very code of the import."""
    custom = fields.for_rows(session, workspace, job.subject)
    reading = reading_of(job, workspace, custom, mapping)
    shape = shape_of(job)
    seen = Preview([target for target in mapping.targets if target], [])
    looked = 0
    with Path(job.file_path).open("rb") as file:
        for row in islice(Reader(file, shape, offset=shape.first, line=shape.lines), LOOK_ROWS):
            looked += 1
            if row.problem:
                seen.rejected.append((row.line, row.problem))
            elif len(seen.rows) < SAMPLE_ROWS:
                seen.rows.append((row.line, _cells(reading, row.cells)))
    return Preview(seen.targets, seen.rows, looked, seen.rejected)


def first_cells(job: ImportJob) -> list[str]:
    """What stands in the first row, column by column: an example beside each choice."""
    shape = shape_of(job)
    with Path(job.file_path).open("rb") as file:
        rows = (row for row in Reader(file, shape, offset=shape.first, line=shape.lines) if not row.problem)
        looked = list(islice(rows, 20))
    return [next((row.cells[n] for row in looked if row.cells[n].strip()), "") for n in range(len(shape.columns))]


def _cells(reading: Reading, cells: Sequence[str]) -> list[Cell]:
    raw = {target: cells[place] for place, target in enumerate(reading.mapping.targets) if target}
    return list(clean_row(raw, reading.cleaners(), reading.door).values())


def find(session: Session, workspace: Workspace, import_id: int) -> ImportJob:
    """An import of this workspace. Raises Refused."""
    job = session.get(ImportJob, import_id)
    if job is None or job.workspace_id != workspace.id:
        raise NotThere("There is no such import in this workspace.")
    return job


def in_workspace(workspace: Workspace) -> Select[ImportJob]:
    """All imports of a workspace, newest first."""
    return select(ImportJob).where(ImportJob.workspace_id == workspace.id).order_by(ImportJob.id.desc())


def lists_of(session: Session, workspace: Workspace, subject: str) -> Sequence[Segment]:
    """The static lists that an import of contacts, or of companies, may fill."""
    return session.scalars(
        select(Segment)
        .where(
            Segment.workspace_id == workspace.id,
            Segment.kind == SegmentKind.LIST,
            Segment.members == ("people" if subject == "contact" else "companies"),
            Segment.deleted_at.is_(None),
        )
        .order_by(func.lower(Segment.name), Segment.id)
    ).all()


def rejects(session: Session, actor: Actor, job: ImportJob) -> tuple[Path, int]:
    """The file of rejected rows, and how much of it counts; that somebody took it is recorded. Raises Refused."""
    actor.need(Right.SEE_VALUES)
    if not job.rejects_path or not Path(job.rejects_path).is_file():
        raise Refused("There is no file of rejected rows (any more).")
    record(session, actor, "import.rejects", subject_of(job), change=({}, {"rows": job.rows_rejected}))
    return Path(job.rejects_path), job.rejects_bytes


def subject_of(job: ImportJob) -> Subject:
    """An import as the audit trail names it."""
    return Subject("import", job.id, job.file_name)


def _tags(text: str) -> list[str]:
    cell = clean(CONTACT["tags"], text, Door())
    if cell.reason:
        raise Refused(cell.reason.sentence, field="tags")
    return cell.value or []


def _waits(job: ImportJob) -> None:
    if job.state != ImportState.UPLOADED:
        raise Refused("This import was started already.")


def _list_of(session: Session, workspace: Workspace, subject: str, segment_id: int) -> Segment:
    for segment in lists_of(session, workspace, subject):
        if segment.id == segment_id:
            return segment
    raise Refused("There is no such list in this workspace.", field="segment")


def _check_mapping(session: Session, workspace: Workspace, job: ImportJob, mapping: ColumnMap) -> None:
    columns = shape_of(job).columns
    custom = fields.for_rows(session, workspace, job.subject)
    known = known_fields(job.subject, custom)
    if len(mapping.targets) != len(columns) or mapping.date_order not in DATE_ORDERS:
        raise Refused("The columns have changed meanwhile. Look at them again.")
    seen: dict[str, int] = {}
    for place, target in enumerate(mapping.targets):
        if target and target not in known:
            raise Refused("There is no such field.", field=f"column_{place}")
        if target and target in seen:
            twice = f"{label(job.subject, target, custom)} is taken from column {seen[target] + 1} already."
            raise Refused(twice, field=f"column_{place}")
        seen[target] = place
    if not seen.keys() & set(IDENTITIES[job.subject]):
        names = _or([LABELS[job.subject][name] for name in IDENTITIES[job.subject]])
        raise Refused(f"Choose at least one column for {names}: that is how a row finds whom it is about.")


def known_fields(subject: str, custom: Sequence[Custom]) -> set[str]:
    """Every field that a column can be."""
    return {*LABELS[subject], *(CUSTOM + each.key for each in custom)}


def _or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def facts(job: ImportJob) -> Mapping[str, Any]:
    """How far an import is, as a page shows it."""
    shape = shape_of(job)
    total = max(1, job.file_bytes - shape.first)
    done = max(0, job.bytes_done - shape.first) if job.started_at else 0
    return {"percent": min(100, int(100 * done / total)), "left_out": sorted(job.cells_left_out.items())}


def shape(job: ImportJob) -> Shape:
    """How the file of an import is read."""
    return shape_of(job)
