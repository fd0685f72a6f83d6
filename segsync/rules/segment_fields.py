"""What a segment's rules can ask about, and which operators fit each type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from segsync.rules.terms import FieldType


class Type(StrEnum):
    """The types of what rules ask about."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"
    YES_NO = "yes_no"
    LIST = "list"
    CHOICE = "choice"
    SEGMENT = "segment"
    DEVICE = "device"


class Op(StrEnum):
    """Operators; each can be negated, and its negation is everybody else."""

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
    IS_YES = "is_yes"
    MEMBER = "member"


OPERATORS: Mapping[Type, tuple[Op, ...]] = {
    Type.TEXT: (Op.EQUALS, Op.CONTAINS, Op.STARTS, Op.ENDS, Op.ONE_OF, Op.EMPTY),
    Type.NUMBER: (Op.EQUALS, Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST, Op.BETWEEN, Op.EMPTY),
    Type.DATE: (Op.EQUALS, Op.BEFORE, Op.AFTER, Op.BETWEEN, Op.LAST_DAYS, Op.EMPTY),
    Type.MOMENT: (Op.BEFORE, Op.AFTER, Op.BETWEEN, Op.LAST_HOURS, Op.LAST_DAYS, Op.EMPTY),
    Type.YES_NO: (Op.IS_YES, Op.EMPTY),
    Type.LIST: (Op.HAS, Op.EMPTY),
    Type.CHOICE: (Op.ONE_OF,),
    Type.SEGMENT: (Op.MEMBER,),
    Type.DEVICE: (Op.HAS,),
}

VALUES: Mapping[Op, tuple[int, int]] = {
    Op.EMPTY: (0, 0),
    Op.IS_YES: (0, 0),
    Op.BETWEEN: (2, 2),
    Op.ONE_OF: (1, 500),
    Op.HAS: (1, 500),
    Op.MEMBER: (1, 1),
}
"""How many values an operator takes, at least and at most; others take one."""


@dataclass(frozen=True)
class Field:
    """Something rules can ask about. `choices` are (value, label) where only these are possible."""

    name: str
    label: str
    type: Type
    choices: tuple[tuple[str, str], ...] = ()

    def takes(self, op: Op) -> tuple[int, int]:
        """How many values the operator needs here, at least and at most."""
        if self.type is Type.DEVICE:
            return (0, 0)
        return VALUES.get(op, (1, 1))


_CONSENT = (("granted", "granted"), ("denied", "denied"), ("unknown", "unknown"))
_ANSWERS = (("yes", "subscribed"), ("no", "not subscribed"), ("unknown", "unknown"))
_GENDERS = (("female", "female"), ("male", "male"))
_TEXTS = {
    "email": "E-mail",
    "phone": "Phone",
    "first_name": "First name",
    "last_name": "Last name",
    "city": "City",
    "region": "Region or state",
    "postal_code": "Postal code",
    "country": "Country (two letters)",
    "mobile_ad_id": "Mobile advertising id",
    "external_id": "External id",
    "company_domain": "Company's domain",
}
_CONTACT = (
    *(Field(name, label, Type.TEXT) for name, label in _TEXTS.items()),
    Field("gender", "Gender", Type.TEXT, _GENDERS),
    Field("birth_date", "Birth date", Type.DATE),
    Field("tags", "Tags", Type.LIST),
    Field("subscription", "Subscription", Type.CHOICE, _ANSWERS),
    Field("ad_user_data", "Consent: data for advertising", Type.CHOICE, _CONSENT),
    Field("ad_personalization", "Consent: personalised advertising", Type.CHOICE, _CONSENT),
    Field("created_at", "Added", Type.MOMENT),
    Field("updated_at", "Changed", Type.MOMENT),
    Field("device", "Linked device", Type.DEVICE),
    Field("segment", "Segment", Type.SEGMENT),
)
_COMPANY = (
    Field("name", "Name", Type.TEXT),
    Field("company_domain", "Domain", Type.TEXT),
    Field("organization_urn", "LinkedIn organization", Type.TEXT),
    Field("industry", "Industry", Type.TEXT),
    Field("employees", "Employees", Type.NUMBER),
    Field("city", "City", Type.TEXT),
    Field("region", "Region or state", Type.TEXT),
    Field("country", "Country (two letters)", Type.TEXT),
    Field("external_id", "External id", Type.TEXT),
    Field("tags", "Tags", Type.LIST),
)
_OF_COMPANIES = (
    *_COMPANY,
    Field("people", "People known there", Type.NUMBER),
    Field("created_at", "Added", Type.MOMENT),
    Field("updated_at", "Changed", Type.MOMENT),
    Field("segment", "Segment", Type.SEGMENT),
)
COMPANY_PREFIX = "company."
CUSTOM_PREFIX = "custom."


@dataclass(frozen=True)
class Custom:
    """A custom field as rules see it."""

    key: str
    label: str
    type: FieldType


def fields_for(members: str, contact: Iterable[Custom], company: Iterable[Custom]) -> dict[str, Field]:
    """Everything that rules over these members ('people' or 'companies') can ask about, by name."""
    own = [_custom(one) for one in company]
    if members == "companies":
        return {field.name: field for field in (*_OF_COMPANIES, *own)}
    of_company = (
        Field(COMPANY_PREFIX + field.name, f"Company: {field.label[:1].lower()}{field.label[1:]}", field.type)
        for field in (*_COMPANY, *own)
    )
    return {field.name: field for field in (*_CONTACT, *(_custom(one) for one in contact), *of_company)}


def _custom(field: Custom) -> Field:
    return Field(CUSTOM_PREFIX + field.key, field.label, Type(field.type.value))
