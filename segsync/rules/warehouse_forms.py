"""What a warehouse's columns must look like. They do not pass the door, so whoever maps one declares its form, and each cell is held to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from segsync.rules import import_mapping


class Form(StrEnum):
    """How somebody declares a column."""

    CLEAN = "clean"
    E164 = "e164"
    RAW = "raw"


@dataclass(frozen=True)
class Shape:
    """How the cells of a field look when they are usable: as a regular expression of the whole cell, in words, and what else must hold."""

    pattern: str
    words: str
    form: Form = Form.CLEAN
    small: bool = False
    """No capital letters."""
    longest: int = 0
    never: str = ""
    """What must stand nowhere in it."""
    past: bool = False
    """A day that is not after today."""


_NO_SPACE: Final = r" \t\n\x0b\f\r"
_LETTER: Final = r"[^\x00-\x20\x7f]"
_TEXT: Final = rf"{_LETTER}([^\x00-\x1f\x7f]{{0,253}}{_LETTER})?"
_PART: Final = rf"[^{_NO_SPACE}@.,/:]"
_HOST: Final = rf"{_PART}+(\.{_PART}+)*\.[^{_NO_SPACE}@.,/:0-9]{_PART}+"
_LEAP: Final = "(19(0[48]|[2468][048]|[13579][26])|20([02468][048]|[13579][26]))"
_DAY: Final = (
    "(19|20)[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP}-02-29"
)

SHAPES: Final[Mapping[str, Shape]] = {
    "email": Shape(
        rf"[^{_NO_SPACE}@<>,;:\"()\[\]]{{1,64}}@{_HOST}",
        "lower-case addresses without anything around them, such as ada@example.com",
        small=True,
        longest=254,
        never="..",
    ),
    "phone": Shape(
        r"\+[1-9][0-9]{6,14}", "E.164: a plus, the country's code and digits, such as +4915112345678", form=Form.E164
    ),
    "first_name": Shape(_TEXT, "first names without spaces around them"),
    "last_name": Shape(_TEXT, "last names without spaces around them"),
    "gender": Shape("female|male", "female or male"),
    "birth_date": Shape(_DAY, "days such as 1980-12-31", past=True),
    "city": Shape(_TEXT, "names of cities without spaces around them"),
    "region": Shape(_TEXT, "names of regions without spaces around them"),
    "postal_code": Shape(_TEXT, "postal codes without spaces around them"),
    "country": Shape("[A-Z]{2}", "two capital letters, such as DE"),
    "mobile_ad_id": Shape(
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "lower-case ids with hyphens",
        never="00000000-0000-0000-0000-000000000000",
    ),
    "external_id": Shape(_TEXT, "ids without spaces around them"),
    "company_domain": Shape(_HOST, "bare lower-case domains, such as example.com", small=True),
}
"""By standard field. The regular expressions say the same to RE2, to PostgreSQL and to Java, so each engine holds cells to them itself."""

CONSENTS: Final[Mapping[str, tuple[Sequence[str], Sequence[str]]]] = {
    "subscription": (("yes", "true", "t", "1", "subscribed"), ("no", "false", "f", "0", "unsubscribed")),
    "ad_user_data": (("granted", "yes", "true", "t", "1"), ("denied", "no", "false", "f", "0")),
    "ad_personalization": (("granted", "yes", "true", "t", "1"), ("denied", "no", "false", "f", "0")),
}
"""What a column of consent says for yes and for no, in lower case; everything else is unknown."""

IDENTIFYING: Final = ("email", "phone", "mobile_ad_id", "external_id")
KEY: Final = "key"


class BadMapping(ValueError):  # noqa: N818 - read aloud as "bad mapping"
    """A mapping that cannot be used. `column` is the one at fault, '' for the whole."""

    def __init__(self, message: str, column: str = "") -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class Columns:
    """Which columns are what: the key, fields with their declared form, and consents."""

    keys: tuple[str, ...]
    fields: dict[str, str] = field(default_factory=dict)
    """Standard field → column."""
    consents: dict[str, str] = field(default_factory=dict)
    """Consent → column."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, each once."""
        return tuple(dict.fromkeys([*self.keys, *self.fields.values(), *self.consents.values()]))

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {"keys": list(self.keys), "fields": self.fields, "consents": self.consents}


@dataclass(frozen=True)
class Meaning:
    """What the organization decided of consent that nobody knows, and which consents the channel needs."""

    unknown_subscription_counts: bool
    unknown_consent_counts: bool
    needed: tuple[str, ...] = ()


def kept(document: Mapping[str, Any]) -> Columns | None:
    """A mapping as it was kept; None where there is none yet."""
    if not document:
        return None
    return Columns(tuple(document["keys"]), dict(document["fields"]), dict(document["consents"]))


def mapped(columns: Sequence[str], targets: Mapping[str, str], forms: Mapping[str, str]) -> Columns:
    """What somebody chose for each column, checked. `forms` are what they declare of those that are fields. Raises BadMapping."""
    found = Columns(tuple(column for column in columns if targets.get(column) == KEY))
    for column in columns:
        target = targets.get(column, "")
        into = found.fields if target in SHAPES else found.consents if target in CONSENTS else None
        if into is None:
            continue
        if target in into:
            raise BadMapping(f"“{into[target]}” is this already: a field comes from one column.", column)
        if target in SHAPES:
            _declared(target, forms.get(column, ""), column)
        into[target] = column
    if not found.keys:
        raise BadMapping("Choose the key: the column, or columns, by which a member is told from all others.")
    if not any(name in found.fields for name in IDENTIFYING):
        raise BadMapping(
            "Choose at least one column by which people are found: e-mail, phone, mobile ad id or external id."
        )
    return found


def _declared(target: str, form: str, column: str) -> None:
    needed = SHAPES[target].form
    if form == Form.RAW:
        raise BadMapping(
            f"Columns as people typed them cannot be sent. Make a view in the warehouse whose cells are {SHAPES[target].words}.",
            column,
        )
    if form != needed:
        raise BadMapping(f"Declare what this column holds: {SHAPES[target].words}.", column)


_KEYS: Final = frozenset({"id", "key", "customer_id", "contact_id", "member_id", "user_id", "person_id"})


def guess(columns: Sequence[str]) -> list[str]:
    """What each column is by its name; '' where that is not clear."""
    found = import_mapping.guess("contact", columns)
    known = [target if target in SHAPES or target in CONSENTS else "" for target in found]
    return [KEY if name.lower() in _KEYS else target for name, target in zip(columns, known, strict=True)]
