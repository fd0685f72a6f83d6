"""The overview above the list of syncs: each channel's integration, mine and the organization's, and what a new organization does first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Select, bindparam, case, func, select
from sqlalchemy.orm import Session, joinedload

from connectors.registry import CHANNELS
from segsync.actions import news
from segsync.actions.actor import Actor
from segsync.actions.integrations import LIVE
from segsync.actions.sync_census import Census
from segsync.models import AdAccount, Contact, Integration, Organization, Run, Segment, Sync, Workspace
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


_HERE: Final = bindparam("organization", type_=BigInteger)
_ME: Final = bindparam("person", type_=BigInteger)
_SEEN: Final = (
    select(func.count(AdAccount.remote_id.distinct()))
    .where(AdAccount.integration_id == Integration.id, AdAccount.gone_at.is_(None))
    .scalar_subquery()
)
_INTEGRATIONS: Final = (
    select(Integration, case((Integration.person_id == _ME, _SEEN), else_=0))
    .where(Integration.organization_id == _HERE, Integration.state.in_(LIVE))
    .options(joinedload(Integration.person))
    .order_by(Integration.channel, Integration.id)
)


def _integrations(session: Session, actor: Actor) -> dict[Integration, int]:
    """All of the organization, and how many ad accounts each of the actor's own sees."""
    rows = session.execute(_INTEGRATIONS, _asks(actor))
    return {integration: accounts for integration, accounts in rows}  # noqa: C416 - a row is no pair to mypy


def _asks(actor: Actor) -> dict[str, int | None]:
    return {"organization": actor.organization_id, "person": actor.person_id}


@dataclass(frozen=True)
class Glance:
    """What the overview shows only where there is something to show; and how many syncs are contracted."""

    contracted: int
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


_RUNS: Final = select(Run.id).where(Run.organization_id == _HERE, Run.finished_at.is_(None))
_GLANCE: Final[Select[*tuple[Any, ...]]] = select(
    select(Organization.contracted_limit).where(Organization.id == _HERE).scalar_subquery(),
    select(Contact.id)
    .join(Workspace, Workspace.id == Contact.workspace_id)
    .where(Workspace.organization_id == _HERE)
    .exists(),
    select(Segment.id).where(Segment.organization_id == _HERE, Segment.deleted_at.is_(None)).exists(),
    select(Integration.id).where(Integration.organization_id == _HERE, Integration.state.in_(LIVE)).exists(),
    select(Sync.id).where(Sync.organization_id == _HERE, Sync.deleted_at.is_(None)).exists(),
    _RUNS.where(Run.purpose == Purpose.SEND.value).exists(),
    _RUNS.where(Run.scope.is_not(None)).exists(),
    news.UNREAD.with_only_columns(Sync.id).exists(),
)


def glance(session: Session, actor: Actor) -> Glance:
    """One query, so that what is seldom there is not asked for one by one."""
    contracted, contacts, segment, channel, sync, runs, waits, unread = session.execute(_GLANCE, _asks(actor)).one()
    news_for_them = unread and news.may_hear(actor)
    return Glance(contracted, contacts, segment, channel, sync, runs, waits, news_for_them)
