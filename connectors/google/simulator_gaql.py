"""A small reader of GAQL: SELECT fields FROM resource, with WHERE, ORDER BY and LIMIT, over rows as flat dictionaries.

https://developers.google.com/google-ads/api/docs/query/grammar
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

STATEMENT = re.compile(
    r"^\s*SELECT\s+(?P<fields>[\w.,\s]+?)\s+FROM\s+(?P<resource>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+(?P<order>[\w.]+)(?:\s+(?P<way>ASC|DESC))?)?"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
CONDITION = re.compile(
    rf"^\s*(?P<field>[\w.]+)\s*(?P<operator>!=|>=|<=|=|>|<|NOT\s+IN\b|IN\b|LIKE\b)\s*"
    rf"(?P<value>\((?:[^()'\"]|{STRING})*\)|{STRING}|[\w.-]+)\s*(?:AND\b|$)",
    re.IGNORECASE,
)


class NotUnderstood(Exception):  # noqa: N818 - an answer to whoever asked
    """A query with an error: `name` of QueryErrorEnum."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Query:
    """A query, read."""

    fields: tuple[str, ...]
    resource: str
    conditions: tuple[Callable[[Row], bool], ...]
    filtered: tuple[str, ...]
    order: str
    descending: bool
    limit: int | None

    def over(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """The rows that it asks for, with only the fields that it names."""
        found = [row for row in rows if all(holds(row) for holds in self.conditions)]
        if self.order:
            found.sort(key=lambda row: row[self.order], reverse=self.descending)
        return [{name: row[name] for name in self.fields if name in row} for row in found[: self.limit]]


def parse(text: str, fields: Mapping[str, Sequence[str]]) -> Query:
    """Reads a query. `fields` are those of each resource. Raises NotUnderstood."""
    match = STATEMENT.match(text)
    if match is None:
        raise NotUnderstood("UNEXPECTED_INPUT")
    resource = match["resource"].lower()
    if resource not in fields:
        raise NotUnderstood("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE")
    names = tuple(name.strip() for name in match["fields"].split(","))
    filtered, conditions = _where(match["where"] or "")
    order = match["order"] or ""
    if not set(names) | set(filtered) | ({order} - {""}) <= set(fields[resource]):
        raise NotUnderstood("UNRECOGNIZED_FIELD")
    limit = int(match["limit"]) if match["limit"] else None
    return Query(names, resource, conditions, filtered, order, (match["way"] or "").upper() == "DESC", limit)


def _where(text: str) -> tuple[tuple[str, ...], tuple[Callable[[Row], bool], ...]]:
    names, tests = [], []
    while text.strip():
        match = CONDITION.match(text)
        if match is None:
            raise NotUnderstood("EXPECTED_CONDITION")
        names.append(match["field"])
        tests.append(_test(match["field"], " ".join(match["operator"].upper().split()), match["value"]))
        text = text[match.end() :]
    return tuple(names), tuple(tests)


def _test(field: str, operator: str, text: str) -> Callable[[Row], bool]:
    if operator in {"IN", "NOT IN"}:
        values = [_value(part) for part in re.findall(rf"{STRING}|[\w.-]+", text)]
        return lambda row: (row.get(field) in values) is (operator == "IN")
    value = _value(text)
    if operator == "LIKE":
        pattern = re.compile(re.escape(str(value)).replace("%", ".*"), re.IGNORECASE)
        return lambda row: bool(pattern.fullmatch(str(row.get(field, ""))))
    return lambda row: _compared(operator, row.get(field), value)


def _compared(operator: str, left: Any, right: Any) -> bool:
    if operator in {"=", "!="}:
        return bool(left == right) is (operator == "=")
    if left is None:
        return False
    return bool({">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[operator])


def _value(text: str) -> Any:
    if text[:1] in {"'", '"'}:
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if text.upper() in {"TRUE", "FALSE"}:
        return text.upper() == "TRUE"
    return int(text) if re.fullmatch(r"-?\d+", text) else text
