"""The overview above the list of syncs: each channel's integration, mine and the organization's, and what a new organization does first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, joinedload

from connectors.registry import CHANNELS
from segsync.actions import news
from segsync.actions.actor import Actor
from segsync.actions.integrations import LIVE
from segsync.actions.sync_census import Census
from segsync.models import AdAccount, Contact, Integration, Run, Segment, Sync, Workspace
from segsync.rules.rights import Right
from segsync.rules.terms import Purpose, SignInState


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


def channels(session: Session, actor: Actor, census: Census) -> list[ChannelOverview]:
    """All channels, in order. One query."""
    accounts = _integrations(session, actor)
    found = []
    for name, channel in CHANNELS.items():
        here = [one for one in accounts if one.channel == name]
        mine = next((one for one in here if one.person_id == actor.person_id), None)
        active, syncs = census.of_channel(name)
        found.append(
            ChannelOverview(
                channel=name,
                label=channel.capabilities.label,
                mine=mine,
                accounts=accounts[mine] if mine else 0,
                needed=actor.can(Right.CONNECT),
                connected=sum(one.state == SignInState.CONNECTED for one in here),
                must_reconnect=[one for one in here if one.state != SignInState.CONNECTED],
                active=active,
                syncs=syncs,
            )
        )
    return found


def _integrations(session: Session, actor: Actor) -> dict[Integration, int]:
    """All of the organization, and how many ad accounts each of the actor's own sees."""
    seen = (
        select(func.count(AdAccount.remote_id.distinct()))
        .where(AdAccount.integration_id == Integration.id, AdAccount.gone_at.is_(None))
        .scalar_subquery()
    )
    rows = session.execute(
        select(Integration, case((Integration.person_id == actor.person_id, seen), else_=0))
        .where(Integration.organization_id == actor.organization_id, Integration.state.in_(LIVE))
        .options(joinedload(Integration.person))
        .order_by(Integration.channel, Integration.id)
    )
    return {integration: accounts for integration, accounts in rows}  # noqa: C416 - a row is no pair to mypy


@dataclass(frozen=True)
class Glance:
    """What the overview shows only where there is something to show."""

    contacts: bool
    segment: bool
    channel: bool
    sync: bool
    runs: bool
    """Whether any run of the organization is under way."""
    waits: bool
    """Whether one of them waits for a limit of a channel."""
    news: bool
    """Whether the person has news of their audiences."""

    @property
    def begun(self) -> bool:
        """Whether the first steps of a new organization are all taken: contacts, a segment, a channel, a sync."""
        return self.contacts and self.segment and self.channel and self.sync


def glance(session: Session, actor: Actor) -> Glance:
    """One query, so that what is seldom there is not asked for one by one."""
    here = actor.organization_id
    contacts = (
        select(Contact.id)
        .join(Workspace, Workspace.id == Contact.workspace_id)
        .where(Workspace.organization_id == here)
    )
    segments = select(Segment.id).where(Segment.organization_id == here, Segment.deleted_at.is_(None))
    signins = select(Integration.id).where(Integration.organization_id == here, Integration.state.in_(LIVE))
    syncs = select(Sync.id).where(Sync.organization_id == here, Sync.deleted_at.is_(None))
    runs = select(Run.id).where(Run.organization_id == here, Run.finished_at.is_(None))
    sending = runs.where(Run.purpose == Purpose.SEND.value)
    waiting = runs.where(Run.scope.is_not(None))
    all_of_them = (contacts, segments, signins, syncs, sending, waiting, news.of(actor))
    row = session.execute(select(*(one.exists() for one in all_of_them))).one()
    return Glance(*(bool(value) for value in row))
