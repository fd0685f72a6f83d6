"""Where the value of a field stands: a column, or a custom field inside `custom`, in the form in which it is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, cast, func, literal
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from segsync.rules.import_mapping import CUSTOM
from segsync.rules.segment_fields import Sort

LOWER: Final = frozenset({"email", "phone", "company_domain", "mobile_ad_id", "organization_urn"})
"""Columns that hold lower case only, so that they need not be lowered to be compared, and their indexes serve."""


@dataclass(frozen=True)
class Asked:
    """A value that is asked about. `lowered`: it holds lower case only. `custom`: it comes from a custom field."""

    value: ColumnElement[Any]
    sort: Sort
    lowered: bool = False
    custom: bool = False


def asked_of(table: Any, name: str, sort: Sort) -> Asked:
    """A field of a contact or a company."""
    if name.startswith(CUSTOM):
        return Asked(_custom(table.custom, name.removeprefix(CUSTOM), sort), sort, custom=True)
    return Asked(getattr(table, name), sort, lowered=name in LOWER)


def _custom(document: ColumnElement[Any], key: str, sort: Sort) -> ColumnElement[Any]:
    inside = document.op("->", return_type=JSONB())(literal(key, Text))
    text = document.op("->>", return_type=Text())(literal(key, Text))
    return inside if sort in {Sort.LIST, Sort.NUMBER} else text


def lowered_list(asked: Asked) -> ColumnElement[Any]:
    """A list with all its texts in lower case: lowered as one text, which is far quicker than one by one."""
    text = func.lower(cast(asked.value, Text))
    return cast(text, JSONB) if asked.custom else cast(text, ARRAY(Text))


def is_empty_list(asked: Asked) -> ColumnElement[bool]:
    """Whether a list holds nothing, or is not there."""
    if asked.custom:
        return func.coalesce(cast(asked.value, Text), literal("[]", Text)).in_(["[]", "null"])
    return func.coalesce(func.cardinality(asked.value), 0) == 0
