"""How a removal begins: where the person may be is written down, sealed; and what an erasure deletes here, with its proof."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session, contains_eager

from connectors.contract import Kind, Retire
from connectors.registry import CHANNELS
from segsync.actions import erased, removal_books
from segsync.actions.ask_kinds import WHERE
from segsync.actions.erased import Kept
from segsync.audience.files import FileUnreadable
from segsync.audience.sources import kind_for
from segsync.models import Ask, Contact, ImportJob, Removal, RemovalTask, Run, Segment, SegmentMember, Sync
from segsync.rules.identity import CONTACT_IDENTITY
from segsync.rules.removal_words import RemovalState, Sort, TaskState
from segsync.rules.terms import SegmentKind
from segsync.runtime import Runtime

LAST_DIGITS: Final = 8


def begin(runtime: Runtime, removal: Removal) -> None:
    """Writes down the tasks, one for each audience that may hold the person, and deletes what an erasure deletes here."""
    with runtime.sessions() as session:
        contact = session.get(Contact, removal.contact_id or 0)
        syncs = _syncs(session, removal)
        open_runs = set(session.scalars(select(Run.sync_id).where(Run.finished_at.is_(None))))
        later = set(session.scalars(removal_books.pending_additions(now=runtime.clock())))
    found = [(sync, _keys(runtime, sync, contact, sync.id in open_runs)) for sync in syncs] if contact else []
    erasing = contact if removal.sort == Sort.ERASURE else None
    emptied = _delete_leftovers(runtime, erasing) if erasing else []
    with runtime.sessions.begin() as session:
        held = session.get_one(Removal, removal.id, with_for_update=True)
        if held.state != RemovalState.BEGUN:
            return
        for sync, keys in found:
            if keys:
                _note(runtime, session, removal.id, sync.id, keys, again=sync.id in open_runs | later)
        if erasing is not None:
            session.execute(update(ImportJob).where(ImportJob.id.in_(emptied)).values(rejects_path=None))
            _erase(runtime, session, removal, session.get_one(Contact, erasing.id, with_for_update=True))
        held.state = RemovalState.REMOVING.value
        removal.state = RemovalState.REMOVING.value


def _note(
    runtime: Runtime, session: Session, removal_id: int, sync_id: int, keys: list[dict[str, str | None]], *, again: bool
) -> None:
    """Asked for once more, what still waits for an audience goes on with all keys that are known by now."""
    task = session.scalar(
        select(RemovalTask)
        .where(RemovalTask.removal_id == removal_id, RemovalTask.sync_id == sync_id)
        .where(RemovalTask.state.in_([TaskState.WAITING.value, TaskState.BY_HAND.value]))
        .with_for_update()
    )
    if task is None:
        task = RemovalTask(removal_id=removal_id, sync_id=sync_id, again=False, next_at=runtime.clock())
        session.add(task)
    else:
        keys = removal_books.distinct([*json.loads(runtime.vault.open(task.keys_sealed or "")), *keys])
    task.keys_sealed, task.again = runtime.vault.seal(json.dumps(keys)), task.again or again


def _syncs(session: Session, removal: Removal) -> Sequence[Sync]:
    """Every sync whose audience may hold people, also switched off ones, and deleted ones whose audience was left as it was.

    Members of a warehouse are no contacts, so whichever workspace knows the person, they may be in any of them.
    """
    left = or_(Sync.retire_how == Retire.LEAVE.value, Sync.retired_at.is_(None))
    theirs = or_(Sync.workspace_id == removal.workspace_id, Segment.kind == SegmentKind.WAREHOUSE.value)
    rows = session.scalars(
        select(Sync)
        .join(Sync.segment)
        .where(Sync.organization_id == removal.organization_id, theirs, or_(Sync.deleted_at.is_(None), left))
        .where(Sync.channel.in_(list(CHANNELS)))
        .options(contains_eager(Sync.segment))
        .order_by(Sync.id)
    ).all()
    return [sync for sync in rows if kind_for(CHANNELS[sync.channel].capabilities, sync.segment) is Kind.PEOPLE]


def _keys(runtime: Runtime, sync: Sync, contact: Contact, under_way: bool) -> list[dict[str, str | None]]:
    """What may be at the channel: by our books, and by the contact as it is where there is anything, or a run may bring it."""
    shape = runtime.connector(sync.channel).capabilities.shapes[Kind.PEOPLE]
    with runtime.sessions() as session:
        parts = removal_books.ledger_and_plan(session, sync)
    mine = removal_books.keys_now(runtime, sync, contact, shape)
    try:
        if sync.segment.kind == SegmentKind.WAREHOUSE:
            mine = removal_books.only(mine, shape, removal_books.KNOWN_BY)
            sent = removal_books.keys_shared(runtime, sync, parts, mine, shape)
        else:
            sent = removal_books.keys_in(runtime, sync, parts, contact.id, shape)
    except FileUnreadable:
        # what cannot be read may hold them
        sent, under_way = [], True
    if not sent and not under_way:
        return []
    return removal_books.distinct([*sent, *mine])


def _erase(runtime: Runtime, session: Session, removal: Removal, contact: Contact) -> None:
    """Deletes the person here, and keeps what recognises them without saying who they were."""
    known = {name: getattr(contact, name) for name in CONTACT_IDENTITY}
    proofs = erased.digests(runtime.vault, removal.workspace_id, known)
    hashed = erased.held_out_by(runtime.vault, removal.workspace_id, known)
    erased.keep(session, removal.organization_id, proofs, Kept(runtime.clock(), removal.id, hashed))
    lists = select(Segment.id).where(Segment.workspace_id == removal.workspace_id, Segment.members == "people")
    session.execute(
        delete(SegmentMember).where(SegmentMember.member_id == contact.id, SegmentMember.segment_id.in_(lists))
    )
    session.execute(delete(Ask).where(Ask.kind == WHERE, Ask.params == {"contact": contact.id}))
    session.delete(contact)  # and with it the devices, by the database


def _delete_leftovers(runtime: Runtime, contact: Contact) -> list[int]:
    """Files of rejected rows that name the person are deleted whole: nobody can mend one that is open in a spreadsheet.

    The imports whose files are gone. No transaction is open while files are read; it is done before the one that deletes the person, so
    that whoever breaks off in between does it again.
    """
    values = [str(value) for name in CONTACT_IDENTITY if (value := getattr(contact, name))]
    jobs = select(ImportJob.id, ImportJob.rejects_path).where(ImportJob.workspace_id == contact.workspace_id)
    with runtime.sessions() as session:
        kept = session.execute(jobs.where(ImportJob.rejects_path.is_not(None))).all()
    gone = []
    for job_id, rejects_path in kept:
        path = Path(str(rejects_path))
        if not path.exists() or _names(path, values):
            path.unlink(missing_ok=True)
            gone.append(job_id)
    return gone


def _names(path: Path, values: Sequence[str]) -> bool:
    """Whether a file holds one of the values, however it is written: phones go by their last digits."""
    texts = [value.lower() for value in values if not value.startswith("+")]
    numbers = [value[-LAST_DIGITS:] for value in values if value.startswith("+")]
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            digits = "".join(c for c in line if c.isdigit()) if numbers else ""
            if any(text in line.lower() for text in texts) or any(number in digits for number in numbers):
                return True
    return False
