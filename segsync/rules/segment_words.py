"""The rules of a segment read as a sentence: "Contacts whose country is DE and who have the tag “vip”."."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from segsync.rules.import_mapping import CUSTOM
from segsync.rules.masking import DOTS
from segsync.rules.segment_check import Vocabulary
from segsync.rules.segment_fields import COMPANY, MOMENTS, Field, Operator, Sort, small
from segsync.rules.segment_rules import Condition, Group

_PLAIN: Final[Mapping[Operator, tuple[str, str]]] = {
    Operator.EQUALS: ("is", "is not"),
    Operator.CONTAINS: ("contains", "does not contain"),
    Operator.STARTS: ("starts with", "does not start with"),
    Operator.ENDS: ("ends with", "does not end with"),
    Operator.ONE_OF: ("is one of", "is none of"),
    Operator.EMPTY: ("is empty", "is not empty"),
    Operator.LESS: ("is less than", "is not less than"),
    Operator.AT_MOST: ("is at most", "is not at most"),
    Operator.MORE: ("is more than", "is not more than"),
    Operator.AT_LEAST: ("is at least", "is not at least"),
    Operator.BETWEEN: ("is between", "is not between"),
    Operator.BEFORE: ("is before", "is not before"),
    Operator.AFTER: ("is after", "is not after"),
    Operator.LAST_HOURS: ("in the last hours", "not in the last hours"),
    Operator.LAST_DAYS: ("in the last calendar days", "not in the last calendar days"),
    Operator.HAS: ("has", "does not have"),
    Operator.IN_SEGMENT: ("is", "is not"),
    Operator.PRESENT: ("yes", "no"),
}
_DAYS: Final[Mapping[Operator, tuple[str, str]]] = {
    Operator.EQUALS: ("is on", "is not on"),
    Operator.LAST_HOURS: ("in the last … hours", "not in the last … hours"),
    Operator.LAST_DAYS: ("in the last … days", "not in the last … days"),
}
_LISTS: Final[Mapping[Operator, tuple[str, str]]] = {
    Operator.ONE_OF: ("has any of", "has none of"),
}


def operator_label(sort: Sort, operator: Operator, *, negated: bool) -> str:
    """A comparison as the editor offers it."""
    special = _DAYS if sort in {Sort.DATE, Sort.MOMENT} else _LISTS if sort is Sort.LIST else {}
    return special.get(operator, _PLAIN[operator])[negated]


def sentence(rules: Group, vocabulary: Vocabulary) -> str:
    """Who is meant, as one sentence."""
    who = "companies" if vocabulary.members == "companies" else "contacts"
    if not rules.items:
        return f"All {who} of this workspace."
    return f"{who.capitalize()} {_group(rules, vocabulary)}."


def masked(rules: Group) -> Group:
    """The same rules to be read by whoever may not see values, and to be kept for ever: without what names somebody."""
    return rules.model_copy(update={"items": tuple(_masked(item) for item in rules.items)})


def _masked(item: Group | Condition) -> Group | Condition:
    if isinstance(item, Group):
        return masked(item)
    plain = item.field.removeprefix(COMPANY)
    if plain not in _NAMES_SOMEBODY and not plain.startswith(CUSTOM):
        return item
    # wholly: a value asked for can be as short as what a mask lets through
    return item.model_copy(update={"values": tuple(DOTS for _ in item.values)})


def _group(group: Group, vocabulary: Vocabulary) -> str:
    clauses = [_item(item, vocabulary, alone=len(group.items) == 1) for item in group.items]
    word = " and " if group.match == "all" else " or "
    return word.join([", ".join(clauses[:-1]), clauses[-1]]) if len(clauses) > 1 else "".join(clauses)


def _item(item: Group | Condition, vocabulary: Vocabulary, *, alone: bool) -> str:
    if isinstance(item, Condition):
        return clause(item, vocabulary)
    told = _group(item, vocabulary) if item.items else "…"
    return told if alone or len(item.items) == 1 else f"({told})"


def clause(condition: Condition, vocabulary: Vocabulary) -> str:
    """One condition: "whose city is “Berlin”"."""
    asked = vocabulary.fields.get(condition.field)
    operator = next((each for each in Operator if each == condition.operator), None)
    if asked is None or operator is None or operator not in asked.operators:
        return "with a condition that is not complete"
    words = _who(asked, vocabulary)
    teller = _TELLERS.get(asked.sort, _whose)
    return (
        teller(asked, operator, condition, words)
        if asked.sort is not Sort.SEGMENT
        else _member(asked, condition, vocabulary)
    )


def _who(asked: Field, vocabulary: Vocabulary) -> str:
    if vocabulary.members == "companies":
        return "that"
    return "whose company" if asked.name.startswith(COMPANY) else "who"


def _whose(asked: Field, operator: Operator, condition: Condition, _who: str) -> str:
    phrase = _PLAIN[operator][condition.negated]
    return " ".join(
        part for part in (f"whose {_name(asked)}", phrase, _told(asked, operator, condition.values)) if part
    )


def _day(asked: Field, operator: Operator, condition: Condition, who: str) -> str:
    if operator is Operator.EMPTY:
        return _whose(asked, operator, condition, who)
    when = _when(operator, condition.values)
    if asked.plain in MOMENTS:
        verb = "added" if asked.plain == "created_at" else "changed"
        return f"{who} were {'not ' if condition.negated else ''}{verb} {when}"
    return f"whose {_name(asked)} is {'not ' if condition.negated else ''}{when}"


def _when(operator: Operator, values: Sequence[str]) -> str:
    if operator in {Operator.LAST_HOURS, Operator.LAST_DAYS}:
        return _ago(operator, int(values[0])) if values and values[0].isdecimal() else "in the last …"
    days = [_spelled(value) for value in values] or ["…"]
    if operator is Operator.BETWEEN:
        return f"from {days[0]} to {days[-1]}"
    return {Operator.BEFORE: "before", Operator.AFTER: "after"}.get(operator, "on") + f" {days[0]}"


def _ago(operator: Operator, number: int) -> str:
    if operator is Operator.LAST_HOURS:
        return f"in the last {number:,} hours" if number > 1 else "in the last hour"
    return f"today or in the {number - 1:,} {'days' if number > 2 else 'day'} before" if number > 1 else "today"  # noqa: PLR2004


def _spelled(value: str) -> str:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return value or "…"
    return f"{day.day} {day:%B %Y}"


def _list(asked: Field, operator: Operator, condition: Condition, who: str) -> str:
    if asked.plain != "tags":
        verb = {Operator.HAS: ("has", "does not have"), Operator.ONE_OF: ("has any of", "has none of")}
        phrase = verb.get(operator, _PLAIN[operator])[condition.negated]
        return f"whose {_name(asked)} {phrase} {_told(asked, operator, condition.values)}".rstrip()
    has = "has" if who == "whose company" else "have"
    if operator is Operator.EMPTY:
        return f"{who} {has} {'a tag' if condition.negated else 'no tag'}"
    tags = _told(asked, operator, condition.values)
    if operator is Operator.ONE_OF:
        return f"{who} {has} {'none' if condition.negated else 'any'} of the tags {tags}"
    does = {"has": "does not have", "have": "do not have"}[has] if condition.negated else has
    return f"{who} {does} the tag {tags}"


def _flag(asked: Field, _operator: Operator, condition: Condition, who: str) -> str:
    if asked.name == "company":
        return f"{who} {'do not work' if condition.negated else 'work'} at a known company"
    return f"{who} have {'no' if condition.negated else 'a'} linked device"


def _member(asked: Field, condition: Condition, vocabulary: Vocabulary) -> str:
    who = _who(asked, vocabulary)
    verb = "is" if who == "whose company" else "are"
    name = next((vocabulary.segments.get(int(value), "…") for value in condition.values if value.isdecimal()), "…")
    return f"{who} {verb} {'not ' if condition.negated else ''}in the segment “{name}”"


def _name(asked: Field) -> str:
    label = _SPOKEN.get(asked.plain, asked.label.removeprefix("Company: "))
    own = f"“{label}”" if asked.custom else small(label)
    return f"company’s {own}" if asked.name.startswith(COMPANY) else own


def _told(asked: Field, operator: Operator, values: Sequence[str]) -> str:
    if operator.values == 0:
        return ""
    quoted = asked.sort in {Sort.TEXT, Sort.LIST}
    shown = [f"“{value}”" if quoted else value for value in values if value] or ["…"]
    if operator is Operator.BETWEEN:
        return f"{shown[0]} and {shown[-1]}"
    more = f" and {len(shown) - _MOST_TOLD:,} more" if len(shown) > _MOST_TOLD else ""
    shown = shown[:_MOST_TOLD]
    return ", ".join(shown) + more if more or len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


_SPOKEN: Final = {
    "employees": "number of employees",
    "ad_user_data": "consent to the use of their data for advertising",
    "ad_personalization": "consent to personalised advertising",
}
"""Labels that do not read well inside a sentence."""
_NAMES_SOMEBODY: Final = frozenset(
    {
        "email",
        "phone",
        "first_name",
        "last_name",
        "external_id",
        "mobile_ad_id",
        "birth_date",
        "postal_code",
    }
)
"""Fields whose values name somebody, or nearly. Own fields count among them: nobody knows what stands in them."""
_MOST_TOLD: Final = 6
_TELLERS: Final[Mapping[Sort, Callable[[Field, Operator, Condition, str], str]]] = {
    Sort.DATE: _day,
    Sort.MOMENT: _day,
    Sort.LIST: _list,
    Sort.FLAG: _flag,
}
