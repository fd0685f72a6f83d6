"""Alerts about a sync: why a run failed, and what a run that ended well leaves to say. Callers hold the sync's row and commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.problems import Code
from connectors.registry import CHANNELS
from segsync.actions import alerts, thresholds
from segsync.actions.alerts import Cause
from segsync.actions.trouble import Trouble
from segsync.models import Alert, Run, Sync
from segsync.rules import causes, sizes
from segsync.rules.causes import Place
from segsync.rules.terms import Acts, Purpose, RunState

PARTLY_REFUSED: Final = Code.ROW_REFUSED.value
EVERYBODY: Final = "run.everybody"
EMPTY: Final = "segment.empty"
HELD: Final = "run.held"
UNUSUAL: Final = "segment.unusual"
OF_ROWS: Final = frozenset({Code.ROW_BAD_FORMAT, Code.ROW_NO_CONSENT, Code.ROW_REFUSED})
"""What channels say of rows that they do not take."""
PUT_OFF: Final = "refused_removals"
"""In a run's notes: numbers of the plan's removals that the channel refused as a whole."""


def facts_of(sync: Sync) -> dict[str, str]:
    """What every sentence about a sync may name."""
    return {
        "channel": sync.channel,
        "account": sync.account_name,
        "account_id": sync.account_id,
        "segment": sync.segment.name,
        "person": sync.owner.name,
        "sync": sync.public_id,
        "audience_id": sync.audience_id or "",
    }


def cause_of(sync: Sync, trouble: Trouble, *, lasting: bool = False) -> Cause:
    """The incident that a trouble of this sync belongs to, and who has to act."""
    acts = causes.who_acts(trouble.code)
    place = Place(sync.id, sync.integration_id, sync.channel, sync.account_id, trouble.facts.get("connection", ""))
    return Cause(
        key=causes.incident(trouble.code, place),
        code=trouble.code,
        acts=acts,
        person_id=sync.owner_id if acts in {Acts.PERSON, Acts.OWNER} else None,
        channel=sync.channel,
        integration_id=sync.integration_id,
        account_id=sync.account_id,
        facts={key: str(value) for key, value in trouble.facts.items()} | facts_of(sync),
        raw=trouble.raw,
        reference=trouble.reference,
        lasting=lasting,
    )


def after_run(session: Session, sync: Sync, run: Run, *, now: datetime) -> set[str]:
    """Opens what a run that ended well leaves to say: nobody to send, removals put off, rows refused. Returns the codes of what goes on."""
    found = {code: Trouble(code) for code in _left_to_say(sync, run)}
    found |= {trouble.code: trouble for trouble in _unusual(session, sync, run)}
    for trouble in found.values():
        _open(session, sync, trouble, now=now, run=run)
    refused = partly_refused(session, sync, run, now=now)
    return set(found) | ({refused} if refused else _still_refused(sync, run))


def _still_refused(sync: Sync, run: Run) -> set[str]:
    """A run that sent them nothing new proves nothing: who was refused is still missing at the channel.

    By our books, where the channel named them; where it only counts them, until something is sent again.
    """
    only_counted = not CHANNELS[sync.channel].capabilities.tells_rows
    if sync.members_refused or (only_counted and not run.rows_added):
        return set(OF_ROWS)
    return set()


def _left_to_say(sync: Sync, run: Run) -> Iterable[str]:
    if run.members == 0:
        yield EMPTY
    elif run.skipped.get("no_identifier") == run.members:
        yield Code.ROW_NO_IDENTIFIER.value
    if sync.removals_due and run.cursor.get(PUT_OFF):
        yield Code.REMOVAL_TOO_SMALL.value


def _unusual(session: Session, sync: Sync, run: Run) -> Iterable[Trouble]:
    """Far more or fewer than usual can be sent: said with the figures, and nobody is stopped."""
    usually = sizes.usual(_sizes_before(session, run))
    size = sendable(run)
    if run.members and sizes.unusual(size, usually, thresholds.of_sync(session, sync).unusual_percent):
        yield Trouble(UNUSUAL, {"size": f"{size:,}", "usual": f"{usually:,.0f}"})


def _sizes_before(session: Session, run: Run) -> Sequence[int]:
    """How many could be sent in the good runs before this one, newest first."""
    good = (Run.sync_id == run.sync_id, Run.purpose == Purpose.SEND.value, Run.state == RunState.DONE.value)
    before = session.scalars(select(Run).where(*good, Run.id < run.id).order_by(Run.id.desc()).limit(sizes.LOOKED_AT))
    return [sendable(one) for one in before]


def sendable(run: Run) -> int:
    """Members that a run could send."""
    return run.members - sum(int(number) for number in run.skipped.values())


def partly_refused(session: Session, sync: Sync, run: Run, *, now: datetime) -> str | None:
    """Says that the channel did not take some rows of a run that ended well, and why where all have one reason. Returns the code."""
    refused = causes.for_good(run.refused)
    if not refused:
        return None
    code = next(iter(refused)) if len(refused) == 1 else PARTLY_REFUSED
    code = code if causes.group(code) == "row" else PARTLY_REFUSED
    count = sum(refused.values())
    if sync.members_refused > count and _told_before(session, sync, code):
        code, count = PARTLY_REFUSED, sync.members_refused
    trouble = Trouble(code, {"count": f"{count:,}"})
    _open(session, sync, trouble, now=now, run=run)
    return code


def _told_before(session: Session, sync: Sync, code: str) -> bool:
    """Whether refused rows of earlier runs are told, for another reason than this."""
    key = cause_of(sync, Trouble(code)).key
    open_one = select(Alert.code).where(
        Alert.organization_id == sync.organization_id, Alert.cause == key, Alert.closed_at.is_(None)
    )
    return session.scalar(open_one) not in {None, code}


def everybody_again(session: Session, sync: Sync, run: Run, why: str, *, now: datetime) -> None:
    """Nobody is sent again in silence: the reason stands on the run, and an alert says so until it ends well."""
    run.everybody = why
    _open(session, sync, Trouble(EVERYBODY, {"why": why}), now=now, run=run)


def _open(session: Session, sync: Sync, trouble: Trouble, *, now: datetime, run: Run) -> None:
    cause = cause_of(sync, trouble, lasting=True)
    alerts.open_alert(session, sync.organization_id, cause, now=now, sync_ids=[sync.id], run_id=run.id)
