"""Rules from the editor made canonical, with a clear sentence beside each condition that is not right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from segsync.rules.cleaning import COMPANY as COMPANY_CLEANERS
from segsync.rules.cleaning import CONTACT as CONTACT_CLEANERS
from segsync.rules.cleaning import Door, Unusable, clean
from segsync.rules.cleaning_text import tidy
from segsync.rules.cleaning_values import any_date, number
from segsync.rules.segment_fields import COMPANY, Field, Operator, Sort
from segsync.rules.segment_rules import LONGEST_VALUE, Condition, Group, Path

MOST_HOURS, MOST_DAYS = 24 * 366 * 10, 366 * 100
_STRICT: Final = frozenset({"email", "phone", "company_domain", "mobile_ad_id", "organization_urn", "country"})
"""Fields where a value that cannot be cleaned can never be equal to anything."""
_LOWER: Final = frozenset({"email", "company_domain", "mobile_ad_id", "organization_urn"})
"""Fields that are kept in lower case."""
_PARTS: Final = frozenset({Operator.CONTAINS, Operator.STARTS, Operator.ENDS})


class Wrong(ValueError):  # noqa: N818 - read aloud: "wrong, because …"
    """What is wrong with a condition, as a sentence."""


@dataclass(frozen=True)
class Vocabulary:
    """What may be asked in this workspace. `segments` are names by id; `barred` says why one of them cannot be asked for here."""

    fields: Mapping[str, Field]
    segments: Mapping[int, str] = field(default_factory=dict)
    segments_of_companies: frozenset[int] = frozenset()
    barred: Mapping[int, str] = field(default_factory=dict)
    members: str = "people"
    door: Door = field(default_factory=Door)


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where it stands."""

    at: Path
    message: str


def check(rules: Group, vocabulary: Vocabulary) -> tuple[Group, list[Problem]]:
    """The same rules with canonical values, and everything that is wrong with them; conditions at fault stay as they were."""
    problems: list[Problem] = []
    return _group(rules, vocabulary, (), problems), problems


def _group(group: Group, vocabulary: Vocabulary, at: Path, problems: list[Problem]) -> Group:
    items: list[Group | Condition] = []
    for position, item in enumerate(group.items):
        here = (*at, position)
        if isinstance(item, Group):
            if not item.items:
                problems.append(Problem(here, "Add a condition to this group, or remove it."))
            items.append(_group(item, vocabulary, here, problems))
            continue
        try:
            items.append(_condition(item, vocabulary))
        except Wrong as wrong:
            problems.append(Problem(here, str(wrong)))
            items.append(item)
    return Group(match=group.match, items=tuple(items))


def _condition(condition: Condition, vocabulary: Vocabulary) -> Condition:
    asked = vocabulary.fields.get(condition.field)
    if asked is None:
        raise Wrong(
            "Choose a field." if not condition.field else "There is no such field any more. Choose another one."
        )
    operator = next((each for each in asked.operators if each == condition.operator), None)
    if operator is None:
        raise Wrong("Choose how to compare.")
    values = _values(asked, operator, condition.values, vocabulary)
    return Condition(
        field=asked.name,
        operator=operator,
        negated=condition.negated,
        values=values,
        sort=asked.sort if asked.custom else None,
    )


def _values(asked: Field, operator: Operator, typed: tuple[str, ...], vocabulary: Vocabulary) -> tuple[str, ...]:
    given = [tidy(value) for value in typed]
    if operator.values is None:
        given = list(dict.fromkeys(value for value in given if value))
    elif operator.values == 0:
        return ()
    else:
        given = given[: operator.values]
    if not given or not all(given) or (operator.values is not None and len(given) < operator.values):
        raise Wrong(_missing(asked, operator))
    values = tuple(dict.fromkeys(_canonical(asked, operator, value, vocabulary) for value in given))
    return _in_order(asked, values) if operator is Operator.BETWEEN else values


def _missing(asked: Field, operator: Operator) -> str:
    if operator is Operator.BETWEEN:
        return "Give both values."
    if asked.sort is Sort.SEGMENT:
        return "Choose a segment."
    if operator in {Operator.LAST_HOURS, Operator.LAST_DAYS}:
        return "Give a number."
    if asked.sort in {Sort.DATE, Sort.MOMENT}:
        return "Give a day."
    return "Give a value to compare with."


def _in_order(asked: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    low, high = values[0], values[-1]
    backwards = number(low) > number(high) if asked.sort is Sort.NUMBER else low > high
    if backwards:
        raise Wrong("The first value comes after the second one. Turn them around.")
    return low, high


def _canonical(asked: Field, operator: Operator, value: str, vocabulary: Vocabulary) -> str:
    if len(value) > LONGEST_VALUE:
        raise Wrong(f"A value can have {LONGEST_VALUE} characters.")
    if operator in {Operator.LAST_HOURS, Operator.LAST_DAYS}:
        return _count(value, MOST_HOURS if operator is Operator.LAST_HOURS else MOST_DAYS)
    return _BY_SORT[asked.sort](asked, operator, value, vocabulary)


def _count(value: str, most: int) -> str:
    if not (value.isascii() and value.isdecimal() and len(value) < 8 and 1 <= int(value) <= most):  # noqa: PLR2004
        raise Wrong(f"Give a whole number from 1 to {most:,}.")
    return str(int(value))


def _text(asked: Field, operator: Operator, value: str, vocabulary: Vocabulary) -> str:
    if asked.custom:
        return value
    if operator in _PARTS:
        return _part(asked.plain, operator, value)
    table = COMPANY_CLEANERS if _of_company(asked, vocabulary) else CONTACT_CLEANERS
    cell = clean(table[asked.plain], value, vocabulary.door)
    if cell.value is None and asked.plain in _STRICT:
        raise Wrong(cell.reason.sentence if cell.reason else "Give a value to compare with.")
    return str(cell.value) if cell.value is not None else value


def _of_company(asked: Field, vocabulary: Vocabulary) -> bool:
    return vocabulary.members == "companies" or asked.name.startswith(COMPANY)


def _part(name: str, operator: Operator, value: str) -> str:
    if name == "phone":
        return _part_of_phone(operator, value)
    return value.lower() if name in _LOWER else value


def _part_of_phone(operator: Operator, value: str) -> str:
    digits = "".join(c for c in value if c not in " -()/.")
    digits = "+" + digits[2:] if operator is Operator.STARTS and digits.startswith("00") else digits
    if not digits.removeprefix("+").isdecimal() or not digits.isascii():
        raise Wrong("Give digits only.")
    if operator is Operator.STARTS and not digits.startswith("+"):
        raise Wrong("Phone numbers are kept with their country code. Begin with it, such as +49 151.")
    if operator is Operator.ENDS and digits.startswith("+"):
        raise Wrong("Give the last digits, without a plus sign.")
    return digits


def _choice(asked: Field, _operator: Operator, value: str, _vocabulary: Vocabulary) -> str:
    known = {name for name, _ in asked.choices}
    if value.lower() not in known:
        raise Wrong("Choose one of the values.")
    return value.lower()


def _number(_asked: Field, _operator: Operator, value: str, _vocabulary: Vocabulary) -> str:
    try:
        found = number(value)
    except Unusable as unusable:
        raise Wrong(unusable.reason.sentence) from None
    return f"{int(found)}" if found == int(found) else f"{found.normalize():f}"


def _day(_asked: Field, _operator: Operator, value: str, vocabulary: Vocabulary) -> str:
    try:
        return any_date(value, vocabulary.door)
    except Unusable:
        raise Wrong("Give a day, such as 2026-03-31.") from None


def _yes_no(_asked: Field, _operator: Operator, value: str, _vocabulary: Vocabulary) -> str:
    if value not in {"yes", "no"}:
        raise Wrong("Choose yes or no.")
    return value


def _as_it_is(_asked: Field, _operator: Operator, value: str, _vocabulary: Vocabulary) -> str:
    return value


def _segment(asked: Field, _operator: Operator, value: str, vocabulary: Vocabulary) -> str:
    chosen = int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else 0  # noqa: PLR2004 - a 64-bit number
    if chosen in vocabulary.barred:
        raise Wrong(vocabulary.barred[chosen])
    companies = _of_company(asked, vocabulary)
    if chosen not in vocabulary.segments or (chosen in vocabulary.segments_of_companies) != companies:
        raise Wrong("Choose a segment of this workspace.")
    return str(chosen)


_BY_SORT: Final[Mapping[Sort, Callable[[Field, Operator, str, Vocabulary], str]]] = {
    Sort.TEXT: _text,
    Sort.CODE: _text,
    Sort.CHOICE: _choice,
    Sort.NUMBER: _number,
    Sort.DATE: _day,
    Sort.MOMENT: _day,
    Sort.YES_NO: _yes_no,
    Sort.LIST: _as_it_is,
    Sort.SEGMENT: _segment,
}
