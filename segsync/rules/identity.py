"""Who a row is: by the strongest identifier that the row and a contact both have. A row that fits two contacts fits none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

Identity = tuple[str | None, ...]
"""Identifiers, the strongest first, in the order of CONTACT_IDENTITY or COMPANY_IDENTITY."""

Beside = tuple[bool, ...]
"""Which of the stronger identifiers there are."""

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
    return tuple([mine if mine is not None else theirs for mine, theirs in zip(row, other, strict=True)])


class Known:
    """Contacts by what they are known by. Finding those that fit a row takes the same time however many share a phone."""

    def __init__(self) -> None:
        self._identities: dict[int, Identity] = {}
        # By place of the identifier and its value; below it, by which stronger identifiers the contact has beside it.
        self._found: list[dict[str, dict[Beside, dict[int, None]]]] = [{} for _ in CONTACT_IDENTITY]

    def __contains__(self, member: int) -> bool:
        return member in self._identities

    def put(self, member: int, identity: Identity) -> None:
        """Adds a contact, or says what it is known by from now on."""
        before = self._identities.get(member)
        if before == identity:
            return
        if before is not None:
            for place, value, beside in _keys(before):
                self._found[place][value][beside].pop(member, None)
        self._identities[member] = identity
        for place, value, beside in _keys(identity):
            self._found[place].setdefault(value, {}).setdefault(beside, {})[member] = None

    def identity(self, member: int) -> Identity:
        """What a contact is known by."""
        return self._identities[member]

    def fitting(self, row: Identity) -> list[int]:
        """The contacts that fit a row, at most ENOUGH."""
        fitting: dict[int, None] = {}
        for place, value in enumerate(row):
            found = self._found[place].get(value) if value is not None else None
            if found:
                fitting |= dict.fromkeys(islice(_undecided(row, found), ENOUGH))
        return list(fitting)[:ENOUGH]

    def having(self, place: int, value: str) -> list[int]:
        """Everybody with this identifier, whatever else they have."""
        found = self._found[place].get(value, {})
        return [member for beside in sorted(found) for member in found[beside]]


def _undecided(row: Identity, found: Mapping[Beside, Mapping[int, None]]) -> Iterator[int]:
    """Where the row has a stronger identifier, a contact that has one as well was decided by that one."""
    for beside in sorted(found) if len(found) > 1 else found:
        for mine, theirs in zip(row, beside, strict=False):
            if theirs and mine is not None:
                break
        else:
            yield from found[beside]


def _keys(identity: Identity) -> list[tuple[int, str, Beside]]:
    has = tuple([value is not None for value in identity])
    return [(place, value, has[:place]) for place, value in enumerate(identity) if value is not None]


def identity_of(values: Mapping[str, object], fields: tuple[str, ...]) -> Identity:
    """What a row is known by."""
    return tuple([str(value) if (value := values.get(field)) else None for field in fields])
