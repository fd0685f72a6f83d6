"""Pages of a list: which part is shown, and the addresses of the others, with every filter kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

T = TypeVar("T")
SIZE = 50
LAST_NUMBER = 1_000_000


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, counted from 1."""

    items: Sequence[T]
    number: int
    size: int
    total: int

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.total // self.size))

    @property
    def first_item(self) -> int:
        """The position of the first item shown, counted from 1; 0 on an empty page."""
        return (self.number - 1) * self.size + 1 if self.items else 0

    @property
    def last_item(self) -> int:
        """The position of the last item shown."""
        return self.first_item + len(self.items) - 1 if self.items else 0

    def numbers(self, around: int = 2) -> list[int | None]:
        """Page numbers to offer: the ends and those around this one; None stands for a gap."""
        near = range(self.number - around, self.number + around + 1)
        wanted = sorted({1, self.last, *(n for n in near if 1 <= n <= self.last)})
        offered: list[int | None] = []
        for before, number in zip([0, *wanted], wanted, strict=False):
            if number - before > 1:
                offered.append(None)
            offered.append(number)
        return offered


def asked_page() -> int:
    """The page number in the address; 1 for anything that is none."""
    asked = request.args.get("page", "1")
    return max(1, min(int(asked), LAST_NUMBER)) if asked.isdecimal() and len(asked) <= len(str(LAST_NUMBER)) else 1


def paginate(session: Session, wanted: Select[Any], *, number: int, size: int = SIZE) -> Page[Any]:
    """A page of a statement that selects one kind of object. A number past the end gives the last page."""
    total = session.scalar(select(func.count()).select_from(wanted.order_by(None).subquery())) or 0
    number = min(number, max(1, -(-total // size)))
    items = session.scalars(wanted.limit(size).offset((number - 1) * size)).all()
    return Page(items, number, size, total)


def page_address(number: int) -> str:
    """The address of this page with another page number, and with all its filters."""
    kept = {**(request.view_args or {}), **request.args.to_dict(flat=False)}
    kept["page"] = number if number > 1 else None
    return url_for(request.endpoint or "", **kept)
