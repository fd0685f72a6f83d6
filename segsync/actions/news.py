"""What a creator is told once of their audiences, until they say that they read it. Callers commit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session, joinedload

from connectors.contract import State
from segsync.actions.actor import Actor
from segsync.models import Sync
from segsync.rules.rights import Right
from segsync.rules.terms import Status
from segsync.rules.usable import worth_telling

SHOWN: Final = 5
UNREAD: Final = select(Sync).where(
    *(Sync.organization_id == bindparam("organization"), Sync.creator_id == bindparam("person")),
    *(Sync.told_at.is_not(None), Sync.told_read_at.is_(None)),
    *(Sync.deleted_at.is_(None), Sync.status != Status.INACTIVE.value),
)
"""The syncs that somebody has unread news of, in no order."""


def heard(sync: Sync, state: State, *, now: datetime) -> None:
    """The channel's word about an audience that was filled; kept for the creator where it is news to them.

    That it is too small is in an alert of whoever owns the sync: where that is the creator, they are not told twice.
    """
    if not sync.was_synced or not worth_telling(sync.told_state, state):
        return
    sync.told_state, sync.told_at = state.value, now
    sync.told_read_at = now if state is State.TOO_SMALL and sync.owner_id == sync.creator_id else None


def unread(session: Session, actor: Actor) -> Sequence[Sync]:
    """The actor's syncs with news about their audience, the newest first. Who only looks by now is told nothing."""
    if not may_hear(actor):
        return []
    newest = UNREAD.options(joinedload(Sync.segment)).order_by(Sync.told_at.desc(), Sync.id.desc()).limit(SHOWN)
    return session.scalars(newest, {"organization": actor.organization_id, "person": actor.person_id}).all()


def may_hear(actor: Actor) -> bool:
    """Whether the actor is told news at all."""
    return actor.can(Right.EDIT_OWN_SYNCS)


def read(session: Session, actor: Actor, public_ids: Collection[str], *, now: datetime) -> None:
    """The actor read the news about these syncs of theirs."""
    mine = (Sync.organization_id == actor.organization_id, Sync.creator_id == actor.person_id)
    session.execute(
        update(Sync)
        .where(*mine, Sync.public_id.in_(public_ids), Sync.told_at.is_not(None), Sync.told_read_at.is_(None))
        .values(told_read_at=now)
    )
