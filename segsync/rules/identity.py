"""Who a row is: by the strongest identifier that the row and a contact both have. A row that fits two contacts fits none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Any

Identity = tuple[str | None, ...]
"""Identifiers, the strongest first, in the order of CONTACT_IDENTITY or COMPANY_IDENTITY."""

Beside = tuple[bool, ...]
"""Which of the stronger identifiers there are."""

CONTACT_IDENTITY = ("external_id", "email", "phone")
COMPANY_IDENTITY = ("external_id", "company_domain")
ENOUGH = 3
"""Nobody needs to hear of more contacts than these to see that a row is ambiguous."""

Fetch = Callable[[Identity, Collection[int]], Iterable[tuple[int, Identity]]]
"""For each identifier of a row: contacts that fit by it beside those given, at most ENOUGH."""


def fits(row: Identity, other: Identity) -> bool:
    """Whether they may be the same: the strongest identifier that both have decides."""
    for mine, theirs in zip(row, other, strict=True):
        if mine is not None and theirs is not None:
            return mine == theirs
    return False


def merged(row: Identity, other: Identity) -> Identity:
    """What the contact is known by once the row is taken in."""
    return tuple([mine if mine is not None else theirs for mine, theirs in zip(row, other, strict=True)])


def _nobody(_row: Identity, _without: Collection[int]) -> Iterable[tuple[int, Identity]]:
    return ()


class Known:
    """Contacts by what they are known by. Finding those that fit a row takes the same time however many share a phone.

    Of those who share one at most ENOUGH have to be put in: when some of them give it up, `fetch` is asked for others.
    """

    def __init__(self, fetch: Fetch = _nobody) -> None:
        self._fetch = fetch
        self.apart: Mapping[Identity, int | None] = {}
        """The rows to come that nobody else has a say in, and the contact of each; None is a new one. See `expect`."""
        self._identities: dict[int, Identity] = {}
        # By place of the identifier and its value; below it, by which stronger identifiers the contact has beside it.
        self._found: list[dict[str, dict[Beside, dict[int, None]]]] = [{} for _ in CONTACT_IDENTITY]
        # The same of those who had it, where others may be left who have it and were never fetched.
        self._left: list[dict[str, dict[Beside, dict[int, None]]]] = [{} for _ in CONTACT_IDENTITY]
        self._complete: set[tuple[int, str, Beside]] = set()

    def __contains__(self, member: int) -> bool:
        return member in self._identities

    def put(self, member: int, identity: Identity) -> None:
        """Adds a contact, or says what it is known by from now on."""
        before = self._identities.get(member)
        if before == identity:
            return
        if before is not None:
            self._leave(member, before, identity)
        self._identities[member] = identity
        for place, value, beside in _keys(identity):
            found = self._found[place].get(value)
            if found is None:
                self._found[place][value] = {beside: {member: None}}
            else:
                found.setdefault(beside, {})[member] = None

    def expect(self, rows: Collection[Identity], there: Mapping[int, Identity]) -> None:
        """Adds the contacts that were fetched for rows to come, but for those of rows that are `apart`: no other row meets them."""
        self.apart = apart(rows, there)
        met = set(self.apart.values())
        for member, identity in there.items():
            if member not in met:
                self.put(member, identity)

    def _leave(self, member: int, before: Identity, after: Identity) -> None:
        stays = _keys(after)
        for key in _keys(before):
            place, value, beside = key
            found = self._found[place][value]
            # Of fewer than ENOUGH nobody was held back.
            if key not in stays and (value in self._left[place] or sum(map(len, found.values())) >= ENOUGH):
                self._left[place].setdefault(value, {}).setdefault(beside, {})[member] = None
            found[beside].pop(member, None)

    def identity(self, member: int) -> Identity:
        """What a contact is known by."""
        return self._identities[member]

    def fitting(self, row: Identity) -> list[int]:
        """The contacts that fit a row, at most ENOUGH."""
        fitting = self._fitting(row)
        if not any(self._left) or len(fitting) >= ENOUGH:
            return fitting
        if doubtful := [key for key in _keys(row) if self._is_doubtful(row, key)]:
            self._fetch_others(row, doubtful)
            fitting = self._fitting(row)
        return fitting

    def _is_doubtful(self, row: Identity, key: tuple[int, str, Beside]) -> bool:
        left = self._left[key[0]].get(key[1])
        return left is not None and key not in self._complete and any(_undecided(row, left))

    def _fetch_others(self, row: Identity, doubtful: Iterable[tuple[int, str, Beside]]) -> None:
        without = {
            member
            for place, value, _ in _keys(row)
            for having in (self._found[place], self._left[place])
            for members in having.get(value, {}).values()
            for member in members
        }
        others = {member: identity for member, identity in self._fetch(row, without) if member not in self}
        for member, identity in others.items():
            self.put(member, identity)
        # Nobody is asked for twice: who was not fetched now has not changed either, and is not there later.
        self._complete.update(
            key for key in doubtful if sum(other[key[0]] == key[1] for other in others.values()) < ENOUGH
        )

    def _fitting(self, row: Identity) -> list[int]:
        fitting: dict[int, None] = {}
        for place, value in enumerate(row):
            found = self._found[place].get(value) if value is not None else None
            for members in _undecided(row, found) if found else ():
                fitting |= dict.fromkeys(islice(members, ENOUGH))
        return list(fitting)[:ENOUGH]

    def having(self, place: int, value: str) -> list[int]:
        """Everybody with this identifier, whatever else they have."""
        found = self._found[place].get(value, {})
        return [member for beside in sorted(found) for member in found[beside]]


def apart(rows: Collection[Identity], there: Mapping[int, Identity]) -> dict[Identity, int | None]:
    """The rows that share no identifier with any other row, nor with any contact but one that is known by the very same ones.

    Whatever becomes of the others, these mean that contact, or a new one: nearly all rows of nearly every file are so.
    """
    same = {identity: member for member, identity in there.items()}
    left = dict.fromkeys(row for row in rows if any(row))
    met = same.keys() & left.keys()
    for place, asked in enumerate(zip(*rows, strict=True)):
        having = [other[place] for other in there.values()]
        others = set(having) - {row[place] for row in met}
        doubtful = (_several(asked) | _several(having) | others) - {None}
        if doubtful:
            left = dict.fromkeys(row for row in left if row[place] not in doubtful)
    return {row: same.get(row) for row in left}


def _several(values: Iterable[str | None]) -> set[str | None]:
    return {value for value, times in Counter(values).items() if times > 1}


def _undecided(row: Identity, found: Mapping[Beside, Mapping[int, None]]) -> list[Mapping[int, None]]:
    """Where the row has a stronger identifier, a contact that has one as well was decided by that one."""
    has = _has(row)
    return [found[beside] for beside in (sorted(found) if len(found) > 1 else found) if not _decided(has, beside)]


@cache
def _decided(row: Beside, other: Beside) -> bool:
    return any(mine and theirs for mine, theirs in zip(row, other, strict=False))


def _has(identity: Identity) -> Beside:
    return tuple([value is not None for value in identity])


def _keys(identity: Identity) -> list[tuple[int, str, Beside]]:
    return [(place, str(identity[place]), beside) for place, beside in _places(_has(identity))]


@cache
def _places(has: Beside) -> list[tuple[int, Beside]]:
    return [(place, has[:place]) for place, there in enumerate(has) if there]


def identity_of(values: Mapping[str, Any], fields: tuple[str, ...]) -> Identity:
    """What a row of clean values is known by."""
    return tuple([values.get(field) or None for field in fields])
