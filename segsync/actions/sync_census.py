"""All syncs of an organization, counted in one look at them: for the overview, the limit, and what one can filter by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from segsync.models import Sync
from segsync.rules.terms import Status


@dataclass(frozen=True)
class Group:
    """Syncs that are alike in what the overview asks for."""

    channel: str
    status: str
    was_synced: bool
    fits: bool
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
        return _by_status(self.groups)

    @property
    def fitting(self) -> dict[str, int]:
        """The same of those that fit the condition that the census was taken with."""
        return _by_status([one for one in self.groups if one.fits])

    @property
    def places(self) -> int:
        """How many hold a place of the limit."""
        return sum(one.number for one in self.groups if one.on)

    def of_channel(self, name: str) -> tuple[int, int]:
        """How many syncs of a channel are active, and how many are not off."""
        here = [one for one in self.groups if one.channel == name]
        return sum(one.number for one in here if one.active), sum(one.number for one in here if one.on)


class Fits(NamedTuple):
    """A condition on syncs, with the values that it asks for."""

    condition: ColumnElement[bool]
    asks: Mapping[str, Any]


EVERYTHING: Final = Fits(true(), {})


def _by_status(groups: Sequence[Group]) -> dict[str, int]:
    found = {status.value: sum(one.number for one in groups if one.status == status) for status in Status}
    return found | {"": sum(found.values())}


def take(session: Session, organization_id: int, *, accounts: bool = False, fits: Fits | None = None) -> Census:
    """Counts them, those that fit a condition apart, and finds their ad accounts where these are asked for.

    One query, which goes once through the index that has all of this, and not through the table.
    """
    condition, asks = fits or EVERYTHING
    alike = [Sync.channel, Sync.status, Sync.was_synced, condition.label("fits")]
    place = [Sync.account_id, Sync.account_name] if accounts else []
    of_all = (Sync.organization_id == organization_id, Sync.deleted_at.is_(None))
    seen = select(*alike, *place).where(*of_all).subquery()
    numbers: Counter[tuple[str, str, bool, bool]] = Counter()
    names: dict[tuple[str, str], str] = {}
    for number, channel, status, was_synced, fit, *named in session.execute(
        select(func.count(), *seen.c).group_by(*seen.c), dict(asks)
    ):
        numbers[channel, status, was_synced, fit] += number
        if named:
            account, name = named
            names[channel, account] = max(name, names.get((channel, account), ""))
    return Census([Group(*kind, number) for kind, number in numbers.items()], names)
