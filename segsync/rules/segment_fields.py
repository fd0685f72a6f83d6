"""What a segment can ask about: fields with how they are compared, and the comparisons with the values they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from segsync.rules.import_mapping import COMPANY_LABELS, CONTACT_LABELS, CUSTOM, Custom
from segsync.rules.terms import FieldType

COMPANY: Final = "company."
"""Stands before a field of the company where a contact works."""


class Sort(StrEnum):
    """How a field is compared."""

    TEXT = "text"
    CODE = "code"
    CHOICE = "choice"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"
    YES_NO = "yes_no"
    LIST = "list"
    SEGMENT = "segment"
    FLAG = "flag"


class Operator(StrEnum):
    """A comparison. Each can be negated, and then means exactly everybody else."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS = "starts"
    ENDS = "ends"
    ONE_OF = "one_of"
    EMPTY = "empty"
    LESS = "less"
    AT_MOST = "at_most"
    MORE = "more"
    AT_LEAST = "at_least"
    BETWEEN = "between"
    BEFORE = "before"
    AFTER = "after"
    LAST_HOURS = "last_hours"
    LAST_DAYS = "last_days"
    HAS = "has"
    IN_SEGMENT = "in_segment"
    PRESENT = "present"

    @property
    def values(self) -> int | None:
        """How many values it needs; None for one or more."""
        return _VALUES.get(self, 1)


_VALUES: Final[Mapping[Operator, int | None]] = {
    Operator.EMPTY: 0,
    Operator.PRESENT: 0,
    Operator.BETWEEN: 2,
    Operator.ONE_OF: None,
}
OPERATORS: Final[Mapping[Sort, tuple[Operator, ...]]] = {
    Sort.TEXT: (Operator.EQUALS, Operator.CONTAINS, Operator.STARTS, Operator.ENDS, Operator.ONE_OF, Operator.EMPTY),
    Sort.CODE: (Operator.EQUALS, Operator.ONE_OF, Operator.EMPTY),
    Sort.CHOICE: (Operator.EQUALS, Operator.ONE_OF, Operator.EMPTY),
    Sort.NUMBER: (
        Operator.EQUALS,
        Operator.LESS,
        Operator.AT_MOST,
        Operator.MORE,
        Operator.AT_LEAST,
        Operator.BETWEEN,
        Operator.ONE_OF,
        Operator.EMPTY,
    ),
    Sort.DATE: (
        Operator.EQUALS,
        Operator.BEFORE,
        Operator.AFTER,
        Operator.BETWEEN,
        Operator.LAST_DAYS,
        Operator.EMPTY,
    ),
    Sort.MOMENT: (
        Operator.LAST_HOURS,
        Operator.LAST_DAYS,
        Operator.EQUALS,
        Operator.BEFORE,
        Operator.AFTER,
        Operator.BETWEEN,
    ),
    Sort.YES_NO: (Operator.EQUALS, Operator.EMPTY),
    Sort.LIST: (Operator.HAS, Operator.ONE_OF, Operator.EMPTY),
    Sort.SEGMENT: (Operator.IN_SEGMENT,),
    Sort.FLAG: (Operator.PRESENT,),
}
"""What can be asked of each sort, the most usual first."""


@dataclass(frozen=True)
class Field:
    """Something that can be asked about. `name` stands in the rules; `group` is the heading under which it is offered."""

    name: str
    label: str
    sort: Sort
    group: str
    choices: tuple[tuple[str, str], ...] = ()
    always_filled: bool = False
    archived: bool = False

    @property
    def operators(self) -> tuple[Operator, ...]:
        """What can be asked of it."""
        offered = OPERATORS[self.sort]
        return tuple(each for each in offered if each is not Operator.EMPTY) if self.always_filled else offered

    @property
    def plain(self) -> str:
        """The name without the company in front: a column, or a custom field's key behind `custom:`."""
        return self.name.removeprefix(COMPANY)

    @property
    def custom(self) -> bool:
        """Whether somebody added it to the standard ones."""
        return self.plain.startswith(CUSTOM)


_GENDERS: Final = (("female", "female"), ("male", "male"))
_YES_NO_UNKNOWN: Final = (("yes", "yes"), ("no", "no"), ("unknown", "unknown"))
_CONSENT: Final = (("granted", "granted"), ("denied", "denied"), ("unknown", "unknown"))
CONTACT_SORTS: Final[Mapping[str, Sort]] = {
    "email": Sort.TEXT,
    "phone": Sort.TEXT,
    "first_name": Sort.TEXT,
    "last_name": Sort.TEXT,
    "gender": Sort.CHOICE,
    "birth_date": Sort.DATE,
    "city": Sort.TEXT,
    "region": Sort.TEXT,
    "postal_code": Sort.TEXT,
    "country": Sort.CODE,
    "mobile_ad_id": Sort.TEXT,
    "external_id": Sort.TEXT,
    "company_domain": Sort.TEXT,
    "tags": Sort.LIST,
}
_CONSENT_FIELDS: Final = {
    "subscription": _YES_NO_UNKNOWN,
    "ad_user_data": _CONSENT,
    "ad_personalization": _CONSENT,
}
COMPANY_SORTS: Final[Mapping[str, Sort]] = {
    "name": Sort.TEXT,
    "company_domain": Sort.TEXT,
    "organization_urn": Sort.TEXT,
    "industry": Sort.TEXT,
    "employees": Sort.NUMBER,
    "city": Sort.TEXT,
    "region": Sort.TEXT,
    "country": Sort.CODE,
    "external_id": Sort.TEXT,
    "tags": Sort.LIST,
}
MOMENTS: Final = {"created_at": "Added", "updated_at": "Changed"}
_CUSTOM_SORTS: Final = {
    FieldType.TEXT: Sort.TEXT,
    FieldType.NUMBER: Sort.NUMBER,
    FieldType.DATE: Sort.DATE,
    FieldType.YES_NO: Sort.YES_NO,
    FieldType.LIST: Sort.LIST,
}
STANDARD_SORTS: Final[Mapping[str, Mapping[str, Sort]]] = {
    "contact": {
        **CONTACT_SORTS,
        **dict.fromkeys(_CONSENT_FIELDS, Sort.CHOICE),
        **dict.fromkeys(MOMENTS, Sort.MOMENT),
        "segment": Sort.SEGMENT,
        "linked_device": Sort.FLAG,
        "company": Sort.FLAG,
    },
    "company": {
        **COMPANY_SORTS,
        **dict.fromkeys(MOMENTS, Sort.MOMENT),
        "segment": Sort.SEGMENT,
        "people": Sort.NUMBER,
    },
}
"""How each standard field of a contact, or of a company, is compared."""


def fields_of(
    members: str, contact: Sequence[Custom] = (), company: Sequence[Custom] = (), archived: frozenset[str] = frozenset()
) -> dict[str, Field]:
    """The fields of a segment of 'people' or of 'companies', by name. `archived` are names of custom fields put away."""
    if members == "companies":
        found = [*_of_companies(company, "Company", ""), *_of_memberships("companies")]
    else:
        found = [*_of_contacts(contact), *_of_memberships("people"), *_of_companies(company, "Their company", COMPANY)]
    return {each.name: replace(each, archived=each.name in archived) for each in found}


def _of_contacts(custom: Sequence[Custom]) -> Iterator[Field]:
    for name, sort in CONTACT_SORTS.items():
        yield Field(name, CONTACT_LABELS[name], sort, "Contact", _GENDERS if name == "gender" else ())
    yield from _custom(custom, "Own fields", "")
    for name, choices in _CONSENT_FIELDS.items():
        yield Field(name, CONTACT_LABELS[name], Sort.CHOICE, "Consent", choices, always_filled=True)
    yield from _moments()


def _of_companies(custom: Sequence[Custom], group: str, prefix: str) -> Iterator[Field]:
    if prefix:
        yield Field("company", "Works at a known company", Sort.FLAG, group)
    for name, sort in COMPANY_SORTS.items():
        label = COMPANY_LABELS[name]
        yield Field(prefix + name, f"Company: {small(label)}" if prefix else label, sort, group)
    yield from _custom(custom, group if prefix else "Own fields", prefix)
    if prefix:
        yield Field(prefix + "segment", "Company: in a segment of companies", Sort.SEGMENT, group)
    else:
        yield Field("people", "Number of people", Sort.NUMBER, group, always_filled=True)
        yield from _moments()


def _of_memberships(members: str) -> Iterator[Field]:
    yield Field("segment", "In a segment", Sort.SEGMENT, "Membership")
    if members == "people":
        yield Field("linked_device", "Has a linked device", Sort.FLAG, "Membership")


def _moments() -> Iterator[Field]:
    for name, label in MOMENTS.items():
        yield Field(name, label, Sort.MOMENT, "Dates", always_filled=True)


def _custom(custom: Sequence[Custom], group: str, prefix: str) -> Iterator[Field]:
    for each in custom:
        label = f"Company: {each.label}" if prefix else each.label
        yield Field(f"{prefix}{CUSTOM}{each.key}", label, _CUSTOM_SORTS[FieldType(each.type)], group)


def small(label: str) -> str:
    """A label inside a sentence."""
    return label if label.startswith("LinkedIn") else label[0].lower() + label[1:]
