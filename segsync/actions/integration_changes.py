"""What becomes of syncs when a person signs in as somebody else than before, or disconnects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.problems import Code
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import record
from segsync.actions.integrations import (
    LIVE,
    Return,
    again,
    colleague_of,
    connect,
    end,
    label_of,
    once_more,
    previous,
    subject,
)
from segsync.actions.revocation import Grant, grant_of, revoke
from segsync.actions.waiting import resume_waiting, stop_for_signin
from segsync.models import AdAccount, Integration, Sync
from segsync.rules.rights import Right
from segsync.rules.terms import SignInState, Status
from segsync.runtime import Runtime


@dataclass(frozen=True)
class Move:
    """What moving to another sign-in means: syncs that it reaches, and those it does not. Nothing has moved yet."""

    new: Integration
    old: Integration
    reached: Sequence[Sync]
    lost: Sequence[Sync]
    known: bool
    """Whether the new sign-in's ad accounts were read already; until then nothing can be said."""


def planned_move(session: Session, actor: Actor, pending_id: int) -> Move:
    """What confirming would do. Raises Refused where nothing waits for this person."""
    new = _pending(session, actor, pending_id)
    old = previous(session, new.person_id, new.channel)
    if old is None:
        raise Refused("There is no earlier sign-in any more. Connect again.", link=again(new.channel))
    seen = _seen(session, new)
    syncs = syncs_on(session, old)
    reached = [sync for sync in syncs if sync.account_id in seen]
    return Move(new, old, reached, [sync for sync in syncs if sync not in reached], new.accounts_at is not None)


def _pending(session: Session, actor: Actor, pending_id: int) -> Integration:
    new = session.get(Integration, pending_id)
    if new is None or new.person_id != actor.person_id or new.state != SignInState.PENDING:
        raise NotThere("This sign-in waits for no decision any more.", link=("Integrations", "/integrations"))
    return new


def _seen(session: Session, integration: Integration) -> dict[str, str]:
    """Ad accounts that a sign-in sees -> the manager account each is reached through."""
    accounts = session.execute(
        select(AdAccount.remote_id, AdAccount.via)
        .where(AdAccount.integration_id == integration.id, AdAccount.gone_at.is_(None))
        .order_by(AdAccount.via.desc())
    )
    return {row.remote_id: row.via for row in accounts}


def confirm(runtime: Runtime, session: Session, actor: Actor, pending_id: int) -> Return:
    """Moves the person's syncs to the new sign-in and ends the old one.

    After the commit: wake what `resumed` names, and `revoke` what was given up.
    """
    actor.need(Right.CONNECT)
    move = planned_move(session, actor, pending_id)
    if not move.known:
        raise Refused("The ad accounts of the new sign-in are still being read. Wait a moment and try again.")
    given_up = grant_of(runtime, move.old)
    end(runtime, move.old)
    session.flush()  # only one live sign-in of a person at a channel
    connect(move.new, missing=False)
    seen = _seen(session, move.new)
    for sync in [*move.reached, *move.lost]:
        sync.integration_id = move.new.id
        sync.account_via = seen.get(sync.account_id, sync.account_via)
    session.flush()
    change = ({"signin": move.old.id}, {"signin": move.new.id, "lost": [sync.public_id for sync in move.lost]})
    record(session, actor, "integration.change", subject(move.new), change=change)
    resumed = resume_waiting(runtime, session, move.new, and_of=move.old.id)
    return Return(move.new, "/integrations", resumed=resumed, given_up=given_up)


def discard(runtime: Runtime, session: Session, actor: Actor, pending_id: int) -> Sequence[Grant]:
    """Forgets a sign-in that waited for a decision; everything stays on the one before. After the commit: `revoke` it."""
    pending = _pending(session, actor, pending_id)
    given_up = grant_of(runtime, pending)
    end(runtime, pending)
    record(session, actor, "integration.discard", subject(pending))
    return given_up


def syncs_on(session: Session, integration: Integration) -> Sequence[Sync]:
    """Syncs that run on a sign-in, by segment's name, those that are switched off last."""
    wanted = select(Sync).where(Sync.integration_id == integration.id, Sync.deleted_at.is_(None))
    off = Sync.status == Status.INACTIVE.value
    return session.scalars(wanted.order_by(off, Sync.id)).unique().all()


def mine(session: Session, actor: Actor, channel: str) -> Integration | None:
    """The actor's live sign-in at a channel."""
    return session.scalar(
        select(Integration).where(
            Integration.person_id == actor.person_id, Integration.channel == channel, Integration.state.in_(LIVE)
        )
    )


def disconnect(runtime: Runtime, actor: Actor, channel: str) -> str:
    """Ends the actor's sign-in here and at the channel; their syncs wait. Commits by itself, because the channel is called.

    Returns a sentence about the channel's side. Raises Refused.
    """
    actor.need(Right.CONNECT)
    shared, given_up = once_more(runtime, lambda session: _disconnect(runtime, session, actor, channel))
    if shared:
        return f"{shared} is connected with the same sign-in, so {label_of(channel)} was not told: theirs goes on."
    said = revoke(runtime, given_up) or [f"Our access to {label_of(channel)} is ended and forgotten."]
    return said[0]


def _disconnect(runtime: Runtime, session: Session, actor: Actor, channel: str) -> tuple[str, Sequence[Grant]]:
    """Returns who shares the sign-in, and what to revoke."""
    integration = mine(session, actor, channel)
    if integration is None:
        raise Refused(f"You have no sign-in at {label_of(channel)} to disconnect.")
    # whoever renews its token just now must not store it afterwards
    session.refresh(integration, with_for_update={"key_share": True})
    shared = colleague_of(session, actor, channel, integration.remote_id)
    given_up = grant_of(runtime, integration)
    end(runtime, integration)
    integration.problem = Code.SIGNIN_REVOKED.value
    stop_for_signin(runtime, session, integration)
    record(session, actor, "integration.disconnect", subject(integration))
    return shared, given_up
