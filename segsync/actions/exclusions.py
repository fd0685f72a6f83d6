"""Exclusion lists of the organization: putting on, taking off, looking through. The audit trail tells how many, never whom. Callers commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, Select, Text, cast, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from connectors.registry import CHANNELS
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.audience.exclusions import company_name
from segsync.models import Exclusion, Person, Segment
from segsync.rules.cleaning import Door
from segsync.rules.cleaning_email import mailbox
from segsync.rules.cleaning_text import tidy
from segsync.rules.exclusion_lines import KINDS, read_lines
from segsync.rules.rights import Right

MOST_LINES: Final = 50_000
AT_A_TIME: Final = 5_000
LONGEST_REASON: Final = 200


@dataclass(frozen=True)
class Terms:
    """What holds for everybody who is put on at once: where, why, and until when. `channel` is '' for every channel."""

    channel: str = ""
    reason: str = ""
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Written:
    """What somebody wrote: lines, all of one `kind` or each as it looks, and the country of phones without one."""

    lines: Sequence[str]
    country: str = "US"
    kind: str = ""


@dataclass(frozen=True)
class Put:
    """What became of the lines."""

    added: int
    already: int
    unreadable: tuple[int, ...]
    """Numbers of lines that are neither an e-mail, a phone, a domain nor a company."""


def add_lines(session: Session, actor: Actor, written: Written, terms: Terms, *, now: datetime) -> Put:
    """Puts whoever these lines name on the lists. Who is on already stays, with the longer of the two terms. Raises Refused."""
    actor.need(Right.EXCLUDE)
    _check(terms, now)
    if len(written.lines) > MOST_LINES:
        raise Refused(f"Up to {MOST_LINES:,} lines are taken at once. Cut the rest into another go.", field="lines")
    read = read_lines(written.lines, Door(written.country), written.kind)
    if not read.entries:
        raise Refused(
            "None of these lines is an e-mail, a phone, a domain or a company's name."
            if read.unreadable
            else "Give somebody to leave out: one on each line, or a file.",
            field="lines",
        )
    rows = [{"kind": entry, "value": value} for entry, value in _in_the_databases_letters(session, read.entries)]
    added = _put(session, actor, rows, terms)
    if added:
        _told(session, actor, "exclusion.add", added, terms)
    return Put(sum(added.values()), len(rows) - sum(added.values()), read.unreadable)


def add_segment(session: Session, actor: Actor, segment_id: int, terms: Terms, *, now: datetime) -> Put:
    """Leaves out whoever is in a segment at the time of each run, in its own workspace. Raises Refused."""
    actor.need(Right.EXCLUDE)
    _check(terms, now)
    segment = session.get(Segment, segment_id)
    if segment is None or segment.organization_id != actor.organization_id or segment.deleted_at is not None:
        raise Refused("Choose one of the segments.", field="segment")
    added = _put(session, actor, [{"kind": "segment", "value": str(segment.id), "segment_id": segment.id}], terms)
    if added:
        _told(session, actor, "exclusion.add", added, terms, segment.name)
    return Put(sum(added.values()), 1 - sum(added.values()), ())


def end(session: Session, actor: Actor, exclusion_id: int) -> Exclusion:
    """Takes an entry off the lists. Raises Refused."""
    actor.need(Right.EXCLUDE)
    entry = session.get(Exclusion, exclusion_id)
    if entry is None or entry.organization_id != actor.organization_id:
        raise NotThere("There is no such entry.")
    session.execute(delete(Exclusion).where(Exclusion.id == entry.id))
    terms = Terms(entry.channel, entry.reason, entry.ends_at)
    segment = session.get(Segment, entry.segment_id) if entry.segment_id else None
    _told(session, actor, "exclusion.end", Counter({entry.kind: 1}), terms, segment.name if segment else "")
    return entry


def listed(actor: Actor, *, text: str = "", kind: str = "", channel: str = "") -> Select[Any]:
    """The entries, newest first; with `text` those whose value begins so."""
    actor.need(Right.EXCLUDE)
    wanted = select(Exclusion).where(Exclusion.organization_id == actor.organization_id)
    if kind:
        wanted = wanted.where(Exclusion.kind == kind)
    if channel:
        wanted = wanted.where(Exclusion.channel.in_(["", channel]))
    if text:
        # a whole address as it stands on the lists, whatever dots it is typed with
        begins = mailbox(tidy(text).removeprefix("@").lower())
        wanted = wanted.where(Exclusion.value.istartswith(begins, autoescape=True))
    return wanted.order_by(Exclusion.id.desc())


def count(session: Session, actor: Actor, now: datetime) -> int:
    """How many entries count now."""
    live = or_(Exclusion.ends_at.is_(None), Exclusion.ends_at > now)
    found = select(func.count()).where(Exclusion.organization_id == actor.organization_id, live)
    return session.scalar(found) or 0


def beside(session: Session, entries: Sequence[Exclusion]) -> tuple[dict[int, str], dict[int, Segment]]:
    """What stands beside the entries of a page: names of people, and segments, by id."""
    people = {entry.person_id for entry in entries if entry.person_id}
    segments = {entry.segment_id for entry in entries if entry.segment_id}
    named = session.execute(select(Person.id, Person.name).where(Person.id.in_(people)))
    found = session.scalars(select(Segment).where(Segment.id.in_(segments)))
    return dict(named.all()), {segment.id: segment for segment in found}


def _check(terms: Terms, now: datetime) -> None:
    if terms.channel and terms.channel not in CHANNELS:
        raise Refused("Choose one of the channels, or every channel.", field="channel")
    if not terms.reason:
        raise Refused("Say why: whoever looks at this later will ask.", field="reason")
    if len(terms.reason) > LONGEST_REASON:
        raise Refused(f"A reason may have {LONGEST_REASON} characters.", field="reason")
    if terms.ends_at is not None and terms.ends_at <= now:
        raise Refused("This day is over already. Leave it empty for no end.", field="ends_at")


def _put(session: Session, actor: Actor, rows: Sequence[dict[str, Any]], terms: Terms) -> Counter[str]:
    """Set by set. How many of each kind are new or last longer now."""
    common = {
        "organization_id": actor.organization_id,
        "channel": terms.channel,
        "reason": terms.reason,
        "person_id": actor.person_id,
        "ends_at": terms.ends_at,
    }
    added: Counter[str] = Counter()
    for start in range(0, len(rows), AT_A_TIME):
        new = insert(Exclusion).values([{**row, **common} for row in rows[start : start + AT_A_TIME]])
        longer = Exclusion.ends_at.is_not(None) & or_(
            new.excluded.ends_at.is_(None), new.excluded.ends_at > Exclusion.ends_at
        )
        kept = new.on_conflict_do_update(
            index_elements=["organization_id", "kind", "value", "channel"],
            set_={name: new.excluded[name] for name in ("reason", "person_id", "ends_at")},
            where=longer,
        )
        added.update(session.scalars(kept.returning(Exclusion.kind)))
    return added


def _in_the_databases_letters(session: Session, entries: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Companies' names made small by the database, which does the same to the companies; each entry once."""
    names = [value for kind, value in entries if kind == "company"]
    if not names:
        return list(entries)
    written = func.unnest(cast(names, ARRAY(Text))).column_valued("name")
    small: dict[str, str] = dict(session.execute(select(written, company_name(written))).all())
    return list(dict.fromkeys((kind, small[value] if kind == "company" else value) for kind, value in entries))


def _told(session: Session, actor: Actor, event: str, kinds: Counter[str], terms: Terms, segment: str = "") -> None:
    parts = [f"{number:,} × {KINDS[kind].lower()}" for kind, number in kinds.items()]
    after = {
        "channel": CHANNELS[terms.channel].capabilities.label if terms.channel else "every channel",
        "until": (terms.ends_at - timedelta.resolution).date().isoformat() if terms.ends_at else "no end",
    }
    subject = Subject("exclusion", None, f"the segment {segment}" if segment else ", ".join(parts))
    record(session, actor, event, subject, change=({}, after), reason=terms.reason)
