"""Whom channels can be sent of a segment, counted in the database before anything is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Label, Subquery, and_, case, func, or_, select
from sqlalchemy.orm import Session

from connectors.contract import Capabilities, Key, Kind
from segsync.audience import filters
from segsync.audience.conditions import Names
from segsync.audience.sources import BARRED, MAY_BE_SENT, bar, kind_for
from segsync.models import Company, Contact, Segment

NO_IDENTIFIER: Final = 4
"""Beside the reasons of `sources`: asked last, so that each member is left out for one reason."""
REASONS: Final[Mapping[int, str]] = {NO_IDENTIFIER: "no_identifier", **BARRED}
AT_EACH_ANOTHER: Final = "at_each_another"


@dataclass(frozen=True)
class Reach:
    """Members of a segment as a channel would take them now: each member is counted once."""

    kind: Kind
    members: int
    usable: int
    """May be sent, and have an identifier that the channel takes."""
    no_identifier: int
    not_subscribed: int
    no_consent: int
    excluded: int
    keys: dict[str, int]
    """Of the usable ones, how many have each identifier."""

    @property
    def percent(self) -> int:
        """Usable ones of all members, rounded down: never 100 while somebody is left out."""
        return self.usable * 100 // self.members if self.members else 0


@dataclass(frozen=True)
class Everywhere:
    """The reach by channel, and whom none of the channels can be sent, by reason.

    `nowhere` is None where channels count different things, companies here and the people who work there elsewhere.
    """

    by_channel: Mapping[str, Reach]
    nowhere: Mapping[str, int] | None


def reach(session: Session, segment: Segment, capabilities: Capabilities, *, now: datetime, names: Names) -> Reach:
    """Counts for one channel, in one statement."""
    return everywhere(session, segment, [capabilities], now=now, names=names).by_channel[capabilities.name]


def everywhere(
    session: Session, segment: Segment, channels: Sequence[Capabilities], *, now: datetime, names: Names
) -> Everywhere:
    """Counts for several channels, in one statement for those that take the same kind of members.

    Companies reach a channel without a company shape as the people who work there.
    """
    found: dict[str, Reach] = {}
    nowhere: Mapping[str, int] | None = None
    kinds = {kind_for(each, segment) for each in channels}
    for kind in kinds:
        there = [each for each in channels if kind_for(each, segment) is kind]
        counted = _counted(session, segment, kind, there, now=now, names=names)
        found |= {each.name: _reach(counted, kind, each) for each in there}
        nowhere = {reason: counted[f"nowhere {reason}"] for reason in (*REASONS.values(), AT_EACH_ANOTHER)}
    in_order = {each.name: found[each.name] for each in channels}
    return Everywhere(in_order, nowhere if len(kinds) == 1 else None)


def _counted(
    session: Session, segment: Segment, kind: Kind, channels: Sequence[Capabilities], *, now: datetime, names: Names
) -> Mapping[str, int]:
    table: type[Contact | Company] = Company if kind is Kind.COMPANIES else Contact
    as_people = segment.members == Kind.COMPANIES and kind is Kind.PEOPLE
    chosen = (filters.members_as_people if as_people else filters.member_ids)(segment, now, names).subquery()
    tables: FromClause = table.__table__.join(chosen, chosen.c.id == table.id)
    columns: list[Label[Any]] = []
    for each in channels:
        against = bar(session, table, segment, each, now=now, names=names)
        kept_out = against.excluded.joined()
        if kept_out is not None:
            tables = tables.outerjoin(kept_out, kept_out.c.id == table.id)
        has = {key.name: _has(table, key) for key in each.shapes[kind].keys}
        columns += [against.why_not(kept_out).label(f"{each.name} said")]
        columns += [value.label(f"{each.name} {key}") for key, value in has.items()]
    # with an offset it is worked out once for each member: else the lists are searched anew for every number that is counted
    found = select(*columns).select_from(tables).offset(0).subquery()
    one = select(found, *(_why(found, each, kind) for each in channels)).subquery()
    counts = [func.count().label("members"), *_of_channels(one, kind, channels), *_nowhere(one, channels)]
    counted = session.execute(select(*counts).select_from(one)).mappings().one()
    return {str(name): int(number) for name, number in counted.items()}


def _why(found: Subquery, channel: Capabilities, kind: Kind) -> Label[int]:
    said = found.c[f"{channel.name} said"]
    keys = [found.c[f"{channel.name} {key.name}"] for key in channel.shapes[kind].keys]
    why = case((said != MAY_BE_SENT, said), (or_(False, *keys), MAY_BE_SENT), else_=NO_IDENTIFIER)
    return why.label(f"{channel.name} why")


def _of_channels(one: Subquery, kind: Kind, channels: Sequence[Capabilities]) -> Iterator[Label[int]]:
    for each in channels:
        why = one.c[f"{each.name} why"]
        yield _number(f"{each.name} usable", why == MAY_BE_SENT)
        for reason, name in REASONS.items():
            yield _number(f"{each.name} {name}", why == reason)
        for key in each.shapes[kind].keys:
            yield _number(f"{each.name} key {key.name}", and_(why == MAY_BE_SENT, one.c[f"{each.name} {key.name}"]))


def _nowhere(one: Subquery, channels: Sequence[Capabilities]) -> Iterator[Label[int]]:
    """Who is left out by all of them: for the same reason everywhere, or for another at each."""
    first, *others = (one.c[f"{each.name} why"] for each in channels)
    alike = and_(True, *(other == first for other in others))
    for reason, name in REASONS.items():
        yield _number(f"nowhere {name}", and_(alike, first == reason))
    left_out = and_(*(why != MAY_BE_SENT for why in (first, *others)))
    yield _number(f"nowhere {AT_EACH_ANOTHER}", and_(left_out, ~alike))


def _number(name: str, condition: ColumnElement[bool]) -> Label[int]:
    return func.count().filter(condition).label(name)


def _reach(counted: Mapping[str, int], kind: Kind, capabilities: Capabilities) -> Reach:
    name = capabilities.name
    reasons = {reason: counted[f"{name} {reason}"] for reason in REASONS.values()}
    keys = {key.name: counted[f"{name} key {key.name}"] for key in capabilities.shapes[kind].keys}
    return Reach(kind=kind, members=counted["members"], usable=counted[f"{name} usable"], keys=keys, **reasons)


def _has(table: type[Contact | Company], key: Key) -> ColumnElement[bool]:
    return and_(*(getattr(table, field).is_not(None) for field in key.made_of))
