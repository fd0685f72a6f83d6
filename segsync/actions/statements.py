"""What a channel asks a person to state: which statements are still to be made, and keeping them with who, which words, when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Statement
from connectors.registry import CHANNELS
from segsync.actions.actor import Refused
from segsync.models import StatementMade, Sync


def statement_key(statement: Statement) -> str:
    """What a form sends for a ticked statement: with its version, so that nobody agrees to words they did not read."""
    return f"{statement.name}@{statement.version}"


def to_make(session: Session, sync: Sync, person_id: int | None) -> Sequence[Statement]:
    """What this person has not stated for this sync yet, or only in an older wording."""
    kept = select(StatementMade).where(StatementMade.sync_id == sync.id, StatementMade.person_id == person_id)
    made = {(one.name, one.version) for one in session.scalars(kept)}
    return [one for one in CHANNELS[sync.channel].capabilities.statements if (one.name, one.version) not in made]


def need_ticked(channel: str, wanted: Iterable[Statement], ticked: AbstractSet[str]) -> None:
    """Raises Refused where one of them was not ticked in its present wording."""
    if any(statement_key(one) not in ticked for one in wanted):
        label = CHANNELS[channel].capabilities.label
        raise Refused(f"{label} asks for these statements. Tick each one that is true.", field="statements")


def keep(session: Session, sync: Sync, person_id: int, made: Iterable[Statement], at: datetime) -> list[str]:
    """Keeps what was stated, and answers it as the audit trail names it."""
    rows = [
        StatementMade(
            organization_id=sync.organization_id,
            sync_id=sync.id,
            person_id=person_id,
            name=one.name,
            version=one.version,
            text=one.text,
            at=at,
        )
        for one in made
    ]
    session.add_all(rows)
    return [f"{row.name}@{row.version}" for row in rows]
