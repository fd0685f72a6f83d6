"""Who a row is: by the strongest identifier that the row and a contact both have. A row that fits two contacts fits none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, product

Identity = tuple[str | None, ...]
"""Identifiers, the strongest first, in the order of CONTACT_IDENTITY or COMPANY_IDENTITY."""

CONTACT_IDENTITY = ("external_id", "email", "phone")
COMPANY_IDENTITY = ("external_id", "company_domain")
ENOUGH = 3
"""Nobody needs to hear of more contacts than these to see that a row is ambiguous."""


def fits(row: Identity, other: Identity) -> bool:
    """Whether they may be the same: the strongest identifier that both have decides."""
    for mine, theirs in zip(row, other, strict=True):
        if mine is not None and theirs is not None:
            return mine == theirs
    return False


def merged(row: Identity, other: Identity) -> Identity:
    """What the contact is known by once the row is taken in."""
    return tuple(mine if mine is not None else theirs for mine, theirs in zip(row, other, strict=True))


class Known:
    """Contacts by what they are known by. Finding those that fit a row takes the same time however many share a phone."""

    def __init__(self) -> None:
        self._identities: dict[int, Identity] = {}
        # By place of the identifier, its value, and which stronger identifiers the contact has beside it.
        self._found: dict[tuple[int, str, tuple[bool, ...]], dict[int, None]] = {}

    def __contains__(self, member: int) -> bool:
        return member in self._identities

    def put(self, member: int, identity: Identity) -> None:
        """Adds a contact, or says what it is known by from now on."""
        before = self._identities.get(member)
        if before is not None:
            for key in _keys(before):
                self._found[key].pop(member, None)
        self._identities[member] = identity
        for key in _keys(identity):
            self._found.setdefault(key, {})[member] = None

    def identity(self, member: int) -> Identity:
        """What a contact is known by."""
        return self._identities[member]

    def fitting(self, row: Identity) -> list[int]:
        """The contacts that fit a row, at most ENOUGH."""
        found: dict[int, None] = {}
        for place, value in enumerate(row):
            if value is not None:
                found |= dict.fromkeys(islice(self._at(row, place, value), ENOUGH))
        return list(found)[:ENOUGH]

    def having(self, place: int, value: str) -> list[int]:
        """Everybody with this identifier, whatever else they have."""
        masks = product((False, True), repeat=place)
        return [member for mask in masks for member in self._found.get((place, value, mask), ())]

    def _at(self, row: Identity, place: int, value: str) -> Iterator[int]:
        # Where the row has a stronger identifier, a contact that has one as well was decided by that one.
        stronger = [(False,) if mine is not None else (False, True) for mine in row[:place]]
        for mask in product(*stronger):
            yield from self._found.get((place, value, mask), ())


def _keys(identity: Identity) -> Iterator[tuple[int, str, tuple[bool, ...]]]:
    for place, value in enumerate(identity):
        if value is not None:
            yield place, value, tuple(stronger is not None for stronger in identity[:place])


def identity_of(values: Mapping[str, object], fields: tuple[str, ...]) -> Identity:
    """What a row is known by."""
    return tuple(str(values[field]) if values.get(field) else None for field in fields)
