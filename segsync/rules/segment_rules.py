"""The rules of a segment: groups of conditions, checked against what can be asked about, with a sentence for each mistake.

As JSON: `{"match": "all", "items": [{"field": "country", "op": "one_of", "not": false, "values": ["DE"]}, {"match": "any", …}]}`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segsync.rules.segment_fields import OPERATORS, Op, Type
from segsync.rules.segment_fields import Field as Asked

DEEPEST = 4
MOST = 60
LONGEST = 500


class Condition(BaseModel):
    """One question about a member. `not` turns it round: everybody else, those without a value too."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    field: str
    op: Op
    negated: Annotated[bool, Field(alias="not")] = False
    values: tuple[str, ...] = ()


class Group(BaseModel):
    """All of the items must hold, or any of them. Without items it holds for everybody (all) or nobody (any)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: Literal["all", "any"] = "all"
    items: tuple[Condition | Group, ...] = ()


@dataclass(frozen=True)
class Mistake:
    """What is wrong with one condition; `path` leads there ('0.2' is the third item of the first)."""

    path: str
    message: str


class WrongRules(Exception):  # noqa: N818 - read aloud as "wrong rules"
    """The rules cannot be used; `mistakes` has one sentence for each condition at fault."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(mistake.message for mistake in mistakes))
        self.mistakes = mistakes


def read(raw: Mapping[str, Any]) -> Group:
    """The rules as they were kept. Raises WrongRules where they are not rules at all."""
    try:
        return Group.model_validate(raw)
    except ValidationError:
        raise WrongRules([Mistake("", "These rules cannot be read. Build them again.")]) from None


def check(raw: Mapping[str, Any], asked: Mapping[str, Asked]) -> Group:
    """The rules with their values in canonical form. Raises WrongRules naming every condition at fault."""
    group = read(raw)
    mistakes: list[Mistake] = []
    if depth(group) > DEEPEST:
        mistakes.append(
            Mistake("", f"Groups can be nested {DEEPEST} deep. Put some of the conditions into a segment of their own.")
        )
    if len(list(conditions(group))) > MOST:
        mistakes.append(
            Mistake("", f"A segment takes {MOST} conditions. Put some of them into a segment of their own.")
        )
    clean = _check_group(group, asked, "", mistakes)
    if mistakes:
        raise WrongRules(mistakes)
    return clean


def as_json(group: Group) -> dict[str, Any]:
    """For keeping the rules."""
    return group.model_dump(mode="json", by_alias=True)


def conditions(group: Group) -> Iterator[Condition]:
    """Every condition, however deep."""
    for item in group.items:
        if isinstance(item, Group):
            yield from conditions(item)
        else:
            yield item


def depth(group: Group) -> int:
    """How deep groups are nested; 1 for a group of conditions."""
    return 1 + max((depth(item) for item in group.items if isinstance(item, Group)), default=0)


def nested(group: Group) -> set[int]:
    """The ids of the segments that these rules ask about."""
    return {int(c.values[0]) for c in conditions(group) if c.op is Op.MEMBER and c.values and c.values[0].isdigit()}


def circle(segment_id: int, group: Group, rules_of: Callable[[int], Group]) -> list[int]:
    """The way from a segment through others back to itself; empty where there is none."""
    seen: set[int] = set()

    def walk(current: int, rules: Group, way: list[int]) -> list[int]:
        for other in sorted(nested(rules)):
            if other == segment_id:
                return [*way, other]
            if other not in seen:
                seen.add(other)
                if found := walk(other, rules_of(other), [*way, other]):
                    return found
        return []

    return walk(segment_id, group, [segment_id])


# -- checking --------------------------------------------------------------------------------------------------


def _check_group(group: Group, asked: Mapping[str, Asked], path: str, mistakes: list[Mistake]) -> Group:
    items: list[Condition | Group] = []
    for number, item in enumerate(group.items):
        here = f"{path}.{number}" if path else str(number)
        if isinstance(item, Group):
            items.append(_check_group(item, asked, here, mistakes))
            continue
        try:
            items.append(_check_condition(item, asked))
        except ValueError as problem:
            mistakes.append(Mistake(here, str(problem)))
    return Group(match=group.match, items=tuple(items))


def _check_condition(condition: Condition, asked: Mapping[str, Asked]) -> Condition:
    field = asked.get(condition.field)
    if field is None:
        raise ValueError("Choose what this condition asks about; the field it names does not exist here.")
    if condition.op not in OPERATORS[field.type]:
        raise ValueError(f"“{field.label}” cannot be compared in this way. Choose another operator.")
    values = tuple(value.strip() for value in condition.values if value.strip())
    least, most = field.takes(condition.op)
    if len(values) < least:
        raise ValueError("Both ends are needed." if least > 1 else f"Say what “{field.label}” is compared with.")
    if len(values) > most:
        raise ValueError(
            f"{len(values):,} values are too many here; {most:,} can be used."
            if most
            else "This operator takes no value."
        )
    clean = tuple(_clean(value, condition.op, field) for value in values)
    if condition.op is Op.BETWEEN and _order(clean[0], field) > _order(clean[1], field):
        clean = (clean[1], clean[0])
    return condition.model_copy(update={"values": clean})


def _clean(value: str, op: Op, field: Asked) -> str:
    if len(value) > LONGEST:
        raise ValueError(f"This value is too long; {LONGEST} letters can be used.")
    if "\x00" in value:
        raise ValueError("This value has a character in it that no text can have.")
    if op in {Op.LAST_DAYS, Op.LAST_HOURS}:
        return _whole(value, "hours" if op is Op.LAST_HOURS else "days")
    if field.choices and value not in dict(field.choices):
        raise ValueError(f"“{field.label}” is one of: {', '.join(label for _, label in field.choices)}.")
    cleaner = _CLEANERS.get(field.type)
    return cleaner(value) if cleaner else _text(value, field)


def _text(value: str, field: Asked) -> str:
    """As the door would write it, so that people may type it their own way."""
    if field.name in {"email", "company_domain", "company.company_domain", "mobile_ad_id"}:
        return value.lower()
    if field.name == "phone":
        return "".join(letter for letter in value if letter.isdigit() or letter == "+")
    return value.upper() if field.name in {"country", "company.country"} else value


def _whole(value: str, unit: str) -> str:
    if not value.isdigit() or not 1 <= int(value) <= 36_500:  # noqa: PLR2004 - a hundred years of days
        raise ValueError(f"Give a whole number of {unit}, from 1 on.")
    return str(int(value))


def _number(value: str) -> str:
    try:
        number = Decimal(value.replace(",", "."))
    except InvalidOperation:
        raise ValueError(f"“{value}” is not a number.") from None
    if not number.is_finite():
        raise ValueError(f"“{value}” is not a number.")
    return str(number)


def _date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError(f"“{value}” is not a day. Write it as 2026-12-31.") from None


def _segment(value: str) -> str:
    if not value.isdigit():
        raise ValueError("Choose a segment.")
    return str(int(value))


_CLEANERS: Mapping[Type, Callable[[str], str]] = {
    Type.NUMBER: _number,
    Type.DATE: _date,
    Type.MOMENT: _date,
    Type.SEGMENT: _segment,
}


def _order(value: str, field: Asked) -> Decimal | str:
    return Decimal(value) if field.type is Type.NUMBER else value
