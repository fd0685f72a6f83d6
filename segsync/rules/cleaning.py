"""Clean at the door: raw text becomes a canonical value, or a reason why not. A cell that cannot be used is left out, not the person.

Whatever writes contacts or companies goes through here: forms, imports, `segsync identifiers`, and later the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from segsync.rules.cleaning_devices import android_ids, idfvs
from segsync.rules.cleaning_email import domain, email
from segsync.rules.cleaning_phone import phone
from segsync.rules.cleaning_places import country, postal_code, region
from segsync.rules.cleaning_text import Door, Reason, Unusable, cell, name, plain
from segsync.rules.cleaning_values import (
    LONGEST_TEXT,
    any_date,
    birth_date,
    consent,
    gender,
    mobile_ad_id,
    number,
    organization_urn,
    subscription,
    texts,
    whole_number,
    yes_no,
)
from segsync.rules.terms import FieldType

__all__ = ["COMPANY", "CONTACT", "CUSTOM", "Cell", "Door", "Reason", "Unusable", "clean", "clean_columns", "clean_row"]

Cleaner = Callable[[str, Door], Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of a cell: a value, or nothing and why. Both are empty for an empty cell."""

    value: Any = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """What became of the cells of many rows: the values in order, and why some could not be used, by their place."""

    values: Sequence[Any]
    unusable: Mapping[int, Reason]


def _external_id(text: str, _door: Door) -> str:
    if len(text) > 255:  # noqa: PLR2004 - longest id that any channel takes
        raise Unusable(Reason.TOO_LONG)
    return text


@lru_cache(maxsize=16384)
def _name(text: str) -> str:
    return name(text)


def _alone(cleaner: Callable[[str], Any]) -> Cleaner:
    """A cleaner for which the rest of the row does not matter."""
    return lambda text, _door: cleaner(text)


def _number(text: str, _door: Door) -> int | float:
    value = number(text)
    return int(value) if value == int(value) else float(value)


CONTACT: Mapping[str, Cleaner] = {
    "email": _alone(email),
    "phone": phone,
    "first_name": _alone(_name),
    "last_name": _alone(_name),
    "gender": _alone(gender),
    "birth_date": birth_date,
    "city": _alone(_name),
    "region": region,
    "postal_code": postal_code,
    "country": _alone(country),
    "mobile_ad_id": _alone(mobile_ad_id),
    "external_id": _external_id,
    "company_domain": _alone(domain),
    "company_external_id": _external_id,
    "subscription": _alone(subscription),
    "ad_user_data": _alone(consent),
    "ad_personalization": _alone(consent),
    "tags": _alone(texts),
    "idfv": _alone(idfvs),
    "android_id": _alone(android_ids),
}
"""Standard fields, and what else a contact can be given by a file."""

COMPANY: Mapping[str, Cleaner] = {
    "name": _alone(plain),
    "company_domain": _alone(domain),
    "organization_urn": _alone(organization_urn),
    "industry": _alone(plain),
    "employees": _alone(whole_number),
    "city": _alone(_name),
    "region": region,
    "country": _alone(country),
    "external_id": _external_id,
    "tags": _alone(texts),
}

CUSTOM: Mapping[str, Cleaner] = {
    FieldType.TEXT: lambda text, _door: plain(text, LONGEST_TEXT),
    FieldType.NUMBER: _number,
    FieldType.DATE: any_date,
    FieldType.YES_NO: _alone(yes_no),
    FieldType.LIST: _alone(texts),
}
"""Custom fields by their type; the values go into `custom` as JSON."""

BY_COUNTRY = frozenset({"phone", "region", "postal_code"})
"""What the row's own country has a say in."""

SUBJECTS: Mapping[str, Mapping[str, Cleaner]] = {"contact": CONTACT, "company": COMPANY}


def clean(cleaner: Cleaner, text: str, door: Door) -> Cell:
    """One cell through one of the cleaners above."""
    value = _value(cleaner, text, door)
    return Cell(None, value) if type(value) is Reason else Cell(value)


def _value(cleaner: Cleaner, text: str, door: Door) -> Any:
    """The value, None for an empty cell, or the reason why it cannot be used."""
    text = cell(text)
    if not text:
        return None
    try:
        return cleaner(text, door)
    except Unusable as why:
        return why.reason


def clean_row(cells: Mapping[str, str], cleaners: Mapping[str, Cleaner], door: Door) -> dict[str, Cell]:
    """A row, with the country that it names itself for its phone, region and postal code."""
    home = clean(CONTACT["country"], cells["country"], door).value if cells.get("country") else None
    if home and home != door.row_country:
        door = _door_of(door, home)
    return {field: clean(cleaners[field], text, door) for field, text in cells.items()}


def clean_columns(
    columns: Mapping[str, Sequence[str]], cleaners: Mapping[str, Cleaner], door: Door
) -> dict[str, Column]:
    """Many rows as `clean_row` cleans one, column by column: each value that a column has is cleaned once."""
    homes = _homes(columns["country"]) if "country" in columns else []
    doors = {home: _door_of(door, home) if home and home != door.row_country else door for home in set(homes)}
    only = doors[homes[0]] if len(doors) == 1 else None
    cleaned = {}
    for field, texts_of in columns.items():
        cleaner = cleaners[field]
        if field in BY_COUNTRY and homes and only is None:
            pairs = list(zip(texts_of, homes, strict=True))
            cleaned[field] = _column(pairs, {pair: _value(cleaner, pair[0], doors[pair[1]]) for pair in set(pairs)})
        else:
            here = only if only is not None and field in BY_COUNTRY else door
            cleaned[field] = _column(texts_of, {text: _value(cleaner, text, here) for text in set(texts_of)})
    return cleaned


def _column(cells: Sequence[Any], known: Mapping[Any, Any]) -> Column:
    values = list(map(known.__getitem__, cells))
    if Reason not in set(map(type, known.values())):
        return Column(values, {})
    unusable = {place: value for place, value in enumerate(values) if type(value) is Reason}
    for place in unusable:
        values[place] = None
    return Column(values, unusable)


def _homes(countries: Sequence[str]) -> list[str | None]:
    """The country that each row names itself."""
    known = {text: clean(CONTACT["country"], text, Door()).value for text in set(countries)}
    return [known[text] for text in countries]


@lru_cache(maxsize=1024)
def _door_of(door: Door, home: str) -> Door:
    return replace(door, row_country=home)
