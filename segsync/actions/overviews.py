"""The overview above the list of syncs: each channel's integration, mine and the organization's, and what a new organization does first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from connectors.registry import CHANNELS
from segsync.actions.actor import Actor
from segsync.actions.integrations import LIVE
from segsync.models import AdAccount, Contact, Integration, Run, Segment, Sync, Workspace
from segsync.rules.rights import Right
from segsync.rules.terms import Purpose, SignInState, Status


@dataclass(frozen=True)
class ChannelOverview:
    """One channel, as one person and as the organization sees it."""

    channel: str
    label: str
    mine: Integration | None
    accounts: int
    """Ad accounts that my integration sees."""
    needed: bool
    """Whether this person needs an integration at all; View-only people do not."""
    connected: int
    """People of the organization whose sign-in works."""
    must_reconnect: Sequence[Integration]
    active: int
    """Syncs that are synced, or syncing again after they were synced."""
    syncs: int
    """All syncs that are not off."""

    @property
    def state(self) -> SignInState:
        """My integration's state; disconnected where there is none."""
        return SignInState(self.mine.state) if self.mine else SignInState.DISCONNECTED


def channels(session: Session, actor: Actor) -> list[ChannelOverview]:
    """All channels, in order. Three queries."""
    people = _integrations(session, actor)
    counts = _sync_counts(session, actor)
    accounts = _account_counts(session, actor)
    found = []
    for name, channel in CHANNELS.items():
        here = [one for one in people if one.channel == name]
        mine = next((one for one in here if one.person_id == actor.person_id), None)
        active, syncs = counts.get(name, (0, 0))
        found.append(
            ChannelOverview(
                channel=name,
                label=channel.capabilities.label,
                mine=mine,
                accounts=accounts.get(mine.id, 0) if mine else 0,
                needed=actor.can(Right.CONNECT),
                connected=sum(one.state == SignInState.CONNECTED for one in here),
                must_reconnect=[one for one in here if one.state != SignInState.CONNECTED],
                active=active,
                syncs=syncs,
            )
        )
    return found


def _integrations(session: Session, actor: Actor) -> Sequence[Integration]:
    return session.scalars(
        select(Integration)
        .where(Integration.organization_id == actor.organization_id, Integration.state.in_(LIVE))
        .options(joinedload(Integration.person))
        .order_by(Integration.channel, Integration.id)
    ).all()


def _sync_counts(session: Session, actor: Actor) -> Mapping[str, tuple[int, int]]:
    again = (Sync.status == Status.SYNCING.value) & Sync.was_synced
    active = func.count().filter((Sync.status == Status.SYNCED.value) | again)
    on = func.count().filter(Sync.status != Status.INACTIVE.value)
    rows = session.execute(
        select(Sync.channel, active, on)
        .where(Sync.organization_id == actor.organization_id, Sync.deleted_at.is_(None))
        .group_by(Sync.channel)
    )
    return {channel: (running, all_on) for channel, running, all_on in rows}


def _account_counts(session: Session, actor: Actor) -> Mapping[int, int]:
    rows = session.execute(
        select(AdAccount.integration_id, func.count(AdAccount.remote_id.distinct()))
        .join(Integration, Integration.id == AdAccount.integration_id)
        .where(Integration.person_id == actor.person_id, AdAccount.gone_at.is_(None))
        .group_by(AdAccount.integration_id)
    )
    return {integration_id: number for integration_id, number in rows}  # noqa: C416 - a row is no pair to mypy


def anything_runs(session: Session, actor: Actor) -> bool:
    """Whether any run of the organization is under way."""
    open_runs = select(Run.id).where(
        Run.organization_id == actor.organization_id, Run.finished_at.is_(None), Run.purpose == Purpose.SEND.value
    )
    return bool(session.scalar(select(open_runs.exists())))


@dataclass(frozen=True)
class Beginning:
    """What a new organization does first; each step ticks itself off."""

    contacts: bool
    segment: bool
    channel: bool
    sync: bool

    @property
    def done(self) -> bool:
        """Whether nothing is left of it."""
        return self.contacts and self.segment and self.channel and self.sync


def beginning(session: Session, actor: Actor) -> Beginning:
    """Which first steps were taken in the organization. One query."""
    here = actor.organization_id
    contacts = (
        select(Contact.id)
        .join(Workspace, Workspace.id == Contact.workspace_id)
        .where(Workspace.organization_id == here)
    )
    segments = select(Segment.id).where(Segment.organization_id == here, Segment.deleted_at.is_(None))
    signins = select(Integration.id).where(Integration.organization_id == here, Integration.state.in_(LIVE))
    syncs = select(Sync.id).where(Sync.organization_id == here, Sync.deleted_at.is_(None))
    row = session.execute(select(*(one.exists() for one in (contacts, segments, signins, syncs)))).one()
    return Beginning(*(bool(value) for value in row))
