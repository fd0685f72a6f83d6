"""What every action on a sync begins with: finding it in the organization, who may act on it, and on whose ad account."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from connectors.registry import CHANNELS
from segsync.actions.actor import Actor, NotAllowed, NotThere, Refused, acting_person
from segsync.actions.sync_listed import Listed
from segsync.models import AdAccount, Integration, Segment, Sync, WarehouseSource, Workspace, WorkspacePerson
from segsync.rules import sync_ids
from segsync.rules.rights import Right
from segsync.rules.terms import SegmentKind, SignInState
from segsync.runtime import Runtime

CHECK_LASTS = timedelta(hours=1)
"""A live check of an ad account counts for so long: time to read a page and decide."""


class Taken(Refused):
    """The combination of segment, channel and ad account has a sync already."""


def find(session: Session, actor: Actor, public_id: str, *, lock: bool = False) -> Sync:
    """A sync of the actor's organization, deleted ones too. Raises Refused. With `lock`, its row is the caller's until the commit."""
    wanted = select(Sync).where(
        Sync.organization_id == actor.organization_id, Sync.public_id == sync_ids.read(public_id)
    )
    if lock:
        # what the session has read before may be old by now
        wanted = wanted.with_for_update(of=Sync).execution_options(populate_existing=True)
    sync = session.scalar(wanted.options(joinedload(Sync.segment), joinedload(Sync.creator)))
    if sync is None:
        raise NotThere(f"There is no sync {public_id} in your organization.")
    return sync


def living(session: Session, actor: Actor, public_id: str) -> Sync:
    """The same, locked. Raises Refused where it was deleted."""
    sync = find(session, actor, public_id, lock=True)
    if sync.deleted_at is not None:
        raise Refused("This sync was deleted. Nothing was changed.")
    return sync


def may_act(actor: Actor, sync: Sync | Listed) -> bool:
    """Whether the actor may switch, run or delete this sync: administrators any, others those they created."""
    own = actor.can(Right.EDIT_OWN_SYNCS) and sync.creator_id == actor.person_id
    return own or actor.can(Right.EDIT_ANY_SYNC)


def who_can(sync: Sync | Listed, deed: str) -> str:
    """The sentence for everybody else, saying who can."""
    creator = sync.creator if isinstance(sync, Listed) else sync.creator.name
    return f"Only {creator} or an administrator can {deed}."


def need_own(actor: Actor, sync: Sync, deed: str) -> None:
    """Raises NotAllowed for whoever may not act on this sync."""
    if not may_act(actor, sync):
        raise NotAllowed(who_can(sync, deed))


def not_in_workspace(session: Session, actor: Actor, sync: Sync, deed: str) -> str:
    """Why whoever no longer belongs to the sync's workspace cannot have its people sent; '' for everybody else."""
    if belongs(session, actor, sync.workspace_id):
        return ""
    name = session.get_one(Workspace, sync.workspace_id).name
    return f"You do not belong to the workspace “{name}”. Only a member of it or an administrator can {deed}."


def need_workspace(session: Session, actor: Actor, sync: Sync, deed: str) -> None:
    """Raises NotAllowed for whoever does not belong to the sync's workspace."""
    why_not = not_in_workspace(session, actor, sync, deed)
    if why_not:
        raise NotAllowed(why_not)


def segment_for(session: Session, actor: Actor, segment_id: int) -> Segment:
    """A segment that the actor may sync: of a workspace of theirs, not deleted. Raises Refused."""
    segment = session.scalar(
        select(Segment).where(Segment.organization_id == actor.organization_id, Segment.id == segment_id)
    )
    if segment is None or not belongs(session, actor, segment.workspace_id):
        raise Refused("Choose a segment of a workspace that you belong to.", field="segment")
    if segment.deleted_at is not None:
        raise Refused(
            f"The segment “{segment.name}” was deleted. Restore it first, or choose another.", field="segment"
        )
    source = session.get(WarehouseSource, segment.id) if segment.kind == SegmentKind.WAREHOUSE else None
    if source is not None and not source.mapping:
        address = f"/w/{segment.workspace_id}/segments/{segment.id}/warehouse"
        raise Refused(
            f"Nobody has said yet which columns of “{segment.name}” are what.",
            field="segment",
            link=("Say it", address),
        )
    return segment


def belongs(session: Session, actor: Actor, workspace_id: int) -> bool:
    """Whether the actor belongs to the workspace. Administrators belong to all of their organization."""
    if actor.role is None or actor.role.administers:
        workspace = session.get(Workspace, workspace_id)
        return workspace is not None and workspace.organization_id == actor.organization_id
    return session.get(WorkspacePerson, (workspace_id, actor.person_id)) is not None


def own_integration(session: Session, actor: Actor, channel: str) -> Integration:
    """The actor's own sign-in at a channel, in working order. Raises Refused with what helps."""
    person = acting_person(session, actor)
    if channel not in CHANNELS:
        raise Refused("Choose a channel.", field="channel")
    label = CHANNELS[channel].capabilities.label
    live = [SignInState.CONNECTED.value, SignInState.RECONNECT.value, SignInState.PERMISSION.value]
    integration = session.scalar(
        select(Integration).where(
            Integration.person_id == person.id, Integration.channel == channel, Integration.state.in_(live)
        )
    )
    address = f"/integrations/{channel}/connect"
    if integration is None:
        raise Refused(
            f"Connect {label} with your own sign-in first.", field="channel", link=(f"Connect {label}", address)
        )
    if integration.state != SignInState.CONNECTED:
        raise Refused(
            f"{label} no longer accepts your sign-in. Reconnect it first.",
            field="channel",
            link=(f"Reconnect {label}", address),
        )
    return integration


def usable_account(runtime: Runtime, session: Session, integration: Integration, remote_id: str) -> AdAccount:
    """The ad account as the integration sees it, checked live a moment ago and found usable. Raises Refused."""
    label = CHANNELS[integration.channel].capabilities.label
    ways = session.scalars(
        select(AdAccount)
        .where(AdAccount.integration_id == integration.id, AdAccount.remote_id == remote_id)
        .where(AdAccount.gone_at.is_(None))
        .order_by(AdAccount.checked_at.desc().nulls_last())
    ).all()
    oldest = runtime.clock() - CHECK_LASTS
    # reached directly and through a manager account, one usable way is enough: the page offers that one
    usable = (one for one in ways if one.checked_at is not None and one.checked_at >= oldest and not one.blocked)
    seen = next(usable, ways[0] if ways else None)
    if seen is None:
        raise Refused(f"Your own {label} sign-in does not see this ad account.", field="account")
    if seen.checked_at is None or seen.checked_at < oldest:
        raise Refused(
            f"{label} has not been asked about this ad account yet. Let it be checked first.", field="account"
        )
    if seen.blocked:
        raise Refused(
            f"{label} does not let you use “{seen.name}” for audiences. The reason is beside it.", field="account"
        )
    return seen
