"""What will happen if this sync is started: asked piece by piece while a person chooses, and changing nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.contract import Capabilities, Kind
from connectors.registry import CHANNELS
from segsync.actions.actor import Actor
from segsync.actions.integrations import LIVE
from segsync.actions.segment_counts import reach_now
from segsync.actions.sync_access import CHECK_LASTS
from segsync.actions.sync_access import segment_for as segment_to_sync
from segsync.audience.reach import Reach
from segsync.audience.sources import kind_for
from segsync.models import AdAccount, Integration, Organization, Segment, Sync, Workspace, WorkspacePerson
from segsync.rules import names
from segsync.rules.terms import Role, SignInState
from segsync.runtime import Runtime

SHOWN: Final = 12
"""Segments offered at a time; the rest is found by typing."""
LIST_LASTS: Final = timedelta(hours=6)
"""After so long the list of ad accounts is read again when somebody looks at it."""


def segments(session: Session, actor: Actor, text: str) -> tuple[Sequence[Segment], int]:
    """Segments of the actor's workspaces that fit the text, changed last first, and how many fit."""
    mine = select(Segment).where(Segment.organization_id == actor.organization_id, Segment.deleted_at.is_(None))
    if actor.role is None or not Role(actor.role).administers:
        own = select(WorkspacePerson.workspace_id).where(WorkspacePerson.person_id == actor.person_id)
        mine = mine.where(Segment.workspace_id.in_(own))
    for word in text.split():
        mine = mine.where(Segment.name.icontains(word, autoescape=True))
    total = session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    found = session.scalars(mine.order_by(Segment.updated_at.desc(), Segment.id.desc()).limit(SHOWN)).all()
    return found, total


def workspace_names(session: Session, found: Sequence[Segment]) -> Mapping[int, str]:
    """The workspaces of these segments, by id."""
    ids = {segment.workspace_id for segment in found}
    rows = session.scalars(select(Workspace).where(Workspace.id.in_(ids)))
    return {workspace.id: workspace.name for workspace in rows}


def signins(session: Session, actor: Actor) -> Mapping[str, Integration]:
    """The actor's live sign-ins, by channel."""
    rows = session.scalars(
        select(Integration).where(Integration.person_id == actor.person_id, Integration.state.in_(LIVE))
    )
    return {one.channel: one for one in rows}


@dataclass(frozen=True)
class Offered:
    """An ad account as it is offered: usable, or with what stands against it."""

    account: AdAccount
    taken: Sync | None
    """The sync that this segment has there already."""
    checked: bool
    """Whether it was looked at live a moment ago."""

    @property
    def usable(self) -> bool:
        """Whether it can be chosen."""
        return not self.account.blocked and self.taken is None


def accounts(runtime: Runtime, session: Session, integration: Integration, segment: Segment | None) -> list[Offered]:
    """The ad accounts of a sign-in, usable ones first, each once."""
    rows = session.scalars(
        select(AdAccount)
        .where(AdAccount.integration_id == integration.id, AdAccount.gone_at.is_(None))
        .order_by(func.lower(AdAccount.name), AdAccount.remote_id, AdAccount.via)
    ).all()
    taken = _taken(session, integration, segment)
    fresh = runtime.clock() - CHECK_LASTS
    best: dict[str, Offered] = {}
    for row in rows:
        checked = row.checked_at is not None and row.checked_at >= fresh
        offered = Offered(row, taken.get(row.remote_id), checked)
        known = best.get(row.remote_id)
        if known is None or (offered.usable, offered.checked) > (known.usable, known.checked):
            best[row.remote_id] = offered
    return sorted(best.values(), key=lambda one: not one.usable)


def _taken(session: Session, integration: Integration, segment: Segment | None) -> dict[str, Sync]:
    if segment is None:
        return {}
    rows = session.scalars(
        select(Sync).where(
            Sync.segment_id == segment.id, Sync.channel == integration.channel, Sync.deleted_at.is_(None)
        )
    )
    return {sync.account_id: sync for sync in rows}


@dataclass(frozen=True)
class Outlook:
    """What starting it would mean, as far as it is known."""

    capabilities: Capabilities
    reach: Reach
    kind: Kind
    name: str
    flagged: Sequence[str]
    requests: int
    too_small: bool
    unknown_subscription_counts: bool
    unknown_consent_counts: bool


def outlook(runtime: Runtime, session: Session, segment: Segment, channel: str) -> Outlook:
    """Counts the members that a channel can be sent now. Nothing is changed."""
    capabilities = CHANNELS[channel].capabilities
    now = runtime.clock()
    found = reach_now(session, segment, capabilities, now)
    name = names.audience_name(segment.name, capabilities.name_length)
    rows = runtime.settings.rows_in_a_request(capabilities.batch_rows)
    organization = session.get_one(Organization, segment.organization_id)
    return Outlook(
        capabilities=capabilities,
        reach=found,
        kind=kind_for(capabilities, segment),
        name=name,
        flagged=names.flagged_in(name, capabilities.flagged_words),
        requests=-(-found.usable // rows),
        too_small=found.usable < capabilities.smallest_audience,
        unknown_subscription_counts=organization.unknown_subscription_counts,
        unknown_consent_counts=organization.unknown_consent_counts,
    )


def needs_reading(runtime: Runtime, integration: Integration) -> bool:
    """Whether the list of ad accounts is missing or old."""
    return integration.state == SignInState.CONNECTED and (
        integration.accounts_at is None or integration.accounts_at < runtime.clock() - LIST_LASTS
    )


__all__ = [
    "Offered",
    "Outlook",
    "accounts",
    "needs_reading",
    "outlook",
    "segment_to_sync",
    "segments",
    "signins",
    "workspace_names",
]
