"""How values are compared in SQL, by sort. Days are days of the workspace, worked out once per statement."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Numeric,
    Text,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, array

from segsync.audience.columns import Asked, is_empty_list, lowered_list
from segsync.models import Workspace
from segsync.rules.segment_fields import Operator, Sort

Values = Sequence[str]
Comparison = Callable[[Asked, Operator, Values, int, datetime], ColumnElement[bool]]
_WILD = re.compile(r"([\\%_])")


def _text(asked: Asked, operator: Operator, values: Values, _workspace: int, _now: datetime) -> ColumnElement[bool]:
    if operator is Operator.EMPTY:
        return or_(asked.value.is_(None), asked.value == "") if asked.custom else asked.value.is_(None)
    value = asked.value if asked.lowered else func.lower(asked.value)
    if operator in _PATTERNS:
        return value.like(_low(asked, _PATTERNS[operator].format(_WILD.sub(r"\\\1", values[0]))))
    wanted = [_low(asked, text) for text in values]
    return value == wanted[0] if len(wanted) == 1 else value.in_(wanted)


_PATTERNS: Final = {Operator.CONTAINS: "%{}%", Operator.STARTS: "{}%", Operator.ENDS: "%{}"}


def _low(asked: Asked, text: str) -> ColumnElement[str]:
    """Lowered by the database, as the values are: its idea of lower case is the one that counts."""
    return literal(text.lower(), Text) if asked.lowered else func.lower(literal(text, Text))


def _exact(asked: Asked, operator: Operator, values: Values, _workspace: int, _now: datetime) -> ColumnElement[bool]:
    if operator is Operator.EMPTY:
        return asked.value.is_(None)
    return asked.value.in_(values) if len(values) > 1 else asked.value == values[0]


def _yes_no(asked: Asked, operator: Operator, values: Values, _workspace: int, _now: datetime) -> ColumnElement[bool]:
    if operator is Operator.EMPTY:
        return asked.value.is_(None)
    return asked.value == {"yes": "true", "no": "false"}[values[0]]


def _number(asked: Asked, operator: Operator, values: Values, _workspace: int, _now: datetime) -> ColumnElement[bool]:
    # JSON sorts numbers as numbers, but it also sorts whatever else got in there among them
    is_number = func.jsonb_typeof(asked.value) == "number" if asked.custom else asked.value.is_not(None)
    if operator is Operator.EMPTY:
        return is_number.is_not(true())
    numbers = [_as_number(value, custom=asked.custom) for value in values]
    if operator is Operator.BETWEEN:
        return and_(is_number, asked.value.between(numbers[0], numbers[-1]))
    if operator is Operator.ONE_OF:
        return asked.value.in_(numbers)
    return and_(is_number, _ORDER[operator](asked.value, numbers[0]))


def _as_number(value: str, *, custom: bool) -> ColumnElement[Any]:
    return cast(literal(value, Text), JSONB) if custom else literal(Decimal(value), Numeric)


_ORDER: Final[Mapping[Operator, Callable[[Any, Any], ColumnElement[bool]]]] = {
    Operator.EQUALS: lambda value, other: value == other,
    Operator.LESS: lambda value, other: value < other,
    Operator.AT_MOST: lambda value, other: value <= other,
    Operator.MORE: lambda value, other: value > other,
    Operator.AT_LEAST: lambda value, other: value >= other,
    Operator.BEFORE: lambda value, other: value < other,
    Operator.AFTER: lambda value, other: value > other,
}


def _list(asked: Asked, operator: Operator, values: Values, _workspace: int, _now: datetime) -> ColumnElement[bool]:
    if operator is Operator.EMPTY:
        return is_empty_list(asked)
    wanted = array([func.lower(literal(value, Text)) for value in values])
    lists = lowered_list(asked)
    some = lists.has_any(wanted) if asked.custom else lists.overlap(wanted)
    return and_(~is_empty_list(asked), some)


# -- days ------------------------------------------------------------------------------------------------------


def _date(asked: Asked, operator: Operator, values: Values, workspace: int, now: datetime) -> ColumnElement[bool]:
    if operator is Operator.EMPTY:
        return asked.value.is_(None)
    # days of custom fields are kept as 1980-12-31, which sorts as days do
    value = asked.value.collate("C") if asked.custom else asked.value
    if operator is Operator.LAST_DAYS:
        first, last = (_today(workspace, now, plus, as_text=asked.custom) for plus in (1 - int(values[0]), 0))
        return value.between(first, last)
    days = [literal(text, Text) if asked.custom else literal(date.fromisoformat(text), Date) for text in values]
    if operator is Operator.BETWEEN:
        return value.between(days[0], days[-1])
    return _ORDER[operator](value, days[0])


def _moment(asked: Asked, operator: Operator, values: Values, workspace: int, now: datetime) -> ColumnElement[bool]:
    if operator is Operator.LAST_HOURS:
        since = now - timedelta(hours=int(values[0]))
        return and_(asked.value > _at(since), asked.value <= _at(now))
    if operator is Operator.LAST_DAYS:
        first, end = (_midnight(workspace, _local_day(now, plus)) for plus in (1 - int(values[0]), 1))
        return and_(asked.value >= first, asked.value < end)
    first = _midnight(workspace, _given_day(values[0], 0))
    end = _midnight(workspace, _given_day(values[-1], 1))
    if operator is Operator.BEFORE:
        return asked.value < first
    if operator is Operator.AFTER:
        return asked.value >= end
    return and_(asked.value >= first, asked.value < end)


Day = Callable[[Any], ColumnElement[date]]
"""A day, given the time zone."""


def _at(moment: datetime) -> ColumnElement[datetime]:
    return literal(moment, DateTime(timezone=True))


def _local_day(now: datetime, plus: int) -> Day:
    return lambda zone: cast(func.timezone(zone, _at(now)), Date) + literal(plus, Integer)


def _given_day(text: str, plus: int) -> Day:
    day = date.fromisoformat(text) + timedelta(days=plus)
    return lambda _zone: literal(day, Date)


def _midnight(workspace: int, day: Day) -> ColumnElement[datetime]:
    """When a day begins in the workspace's zone. A subquery, so that it is worked out once and not for every contact."""
    begins = func.timezone(
        Workspace.time_zone, cast(day(Workspace.time_zone), TIMESTAMP), type_=DateTime(timezone=True)
    )
    return select(begins).where(Workspace.id == workspace).scalar_subquery()


def _today(workspace: int, now: datetime, plus: int, *, as_text: bool) -> ColumnElement[Any]:
    day = _local_day(now, plus)(Workspace.time_zone)
    told = func.to_char(day, "YYYY-MM-DD", type_=Text) if as_text else day
    return select(told).where(Workspace.id == workspace).scalar_subquery()


COMPARISONS: Final[Mapping[Sort, Comparison]] = {
    Sort.TEXT: _text,
    Sort.CODE: _exact,
    Sort.CHOICE: _exact,
    Sort.NUMBER: _number,
    Sort.DATE: _date,
    Sort.MOMENT: _moment,
    Sort.YES_NO: _yes_no,
    Sort.LIST: _list,
}
