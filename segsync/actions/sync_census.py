"""All syncs of an organization, counted in one look at them: for the overview, the limit, and what one can filter by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, null, select, tuple_
from sqlalchemy.orm import Session

from segsync.models import Sync
from segsync.rules.terms import Status


@dataclass(frozen=True)
class Group:
    """Syncs that are alike in what the overview asks for."""

    channel: str
    status: str
    was_synced: bool
    number: int

    @property
    def on(self) -> bool:
        """Whether they are not off, and so hold places of the limit."""
        return self.status != Status.INACTIVE

    @property
    def active(self) -> bool:
        """Whether they are synced, or syncing again after they were synced."""
        return self.status == Status.SYNCED or (self.status == Status.SYNCING and self.was_synced)


@dataclass(frozen=True)
class Census:
    """All syncs that are not deleted. `accounts` are the ad accounts they are in, by channel and number, with their names."""

    groups: Sequence[Group]
    accounts: Mapping[tuple[str, str], str]

    @property
    def by_status(self) -> dict[str, int]:
        """Syncs of each status, and '' for all."""
        found = {status.value: sum(one.number for one in self.groups if one.status == status) for status in Status}
        return found | {"": sum(found.values())}

    @property
    def places(self) -> int:
        """How many hold a place of the limit."""
        return sum(one.number for one in self.groups if one.on)

    def of_channel(self, name: str) -> tuple[int, int]:
        """How many syncs of a channel are active, and how many are not off."""
        here = [one for one in self.groups if one.channel == name]
        return sum(one.number for one in here if one.active), sum(one.number for one in here if one.on)


def take(session: Session, organization_id: int, *, accounts: bool = False) -> Census:
    """Counts them, and finds their ad accounts where these are asked for. One query, which goes through the table once."""
    alike = (Sync.channel, Sync.status, Sync.was_synced)
    place = (Sync.account_id, Sync.account_name) if accounts else (null(), null())
    sets = [tuple_(*alike), tuple_(Sync.channel, *place)] if accounts else [tuple_(*alike)]
    rows = session.execute(
        select(*alike, *place, func.count())
        .where(Sync.organization_id == organization_id, Sync.deleted_at.is_(None))
        .group_by(func.grouping_sets(*sets))
    ).all()
    names: dict[tuple[str, str], str] = {}
    for channel, status, _, number, name, _ in rows:
        if status is None:  # a row of the other set
            names[channel, number] = max(name, names.get((channel, number), ""))
    groups = [Group(channel, status, was_synced, count) for channel, status, was_synced, _, _, count in rows if status]
    return Census(groups, names)
