"""Reads a segment's rules in plain Python, one person at a time: what the statement in the database is held against."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from segsync.rules.segment_rules import Condition, Group, read

MOMENTS = ("created_at", "updated_at")


class Reader:
    """Answers whether a person (a dict) is meant. `segments` are rules, or sets of ids, by id; a company is a dict under `company`."""

    def __init__(self, now: datetime, zone: str, segments=None):
        self.now, self.zone, self.segments = now, ZoneInfo(zone), segments or {}

    def meant(self, rules: Group, person: dict) -> bool:
        answers = [self.meant(i, person) if isinstance(i, Group) else self.asked(i, person) for i in rules.items]
        return (all(answers) if rules.match == "all" else any(answers)) if answers else True

    def asked(self, condition: Condition, person: dict) -> bool:
        return self.positive(condition, person) != condition.negated

    def positive(self, condition: Condition, person: dict) -> bool:
        name = condition.field
        if name.startswith("company."):
            person, name = person.get("company") or {}, name.removeprefix("company.")
        if name == "segment":
            return bool(person) and self.member(int(condition.values[0]), person)
        if name in {"linked_device", "company"}:
            return bool(person.get(name))
        value = person.get("custom", {}).get(name.removeprefix("custom:")) if ":" in name else person.get(name)
        empty = value is None or value == []
        if condition.operator == "empty":
            return empty
        return not empty and self.compared(condition, name, value)

    def member(self, segment_id: int, person: dict) -> bool:
        segment = self.segments[segment_id]
        return person["id"] in segment if isinstance(segment, set) else self.meant(read(segment), person)

    def compared(self, condition: Condition, name: str, value) -> bool:
        if name in MOMENTS:
            return self.moment(condition, value)
        if isinstance(value, date) or condition.sort == "date":
            return self.day(condition, value if isinstance(value, date) else date.fromisoformat(value))
        if isinstance(value, bool):
            return value == (condition.values[0] == "yes")
        if isinstance(value, int | float):
            return self.number(condition, Decimal(str(value)))
        if isinstance(value, list):
            return bool({each.lower() for each in value} & {each.lower() for each in condition.values})
        return self.text(condition, value.lower(), [each.lower() for each in condition.values])

    def text(self, condition, value, wanted) -> bool:
        return {
            "equals": value == wanted[0],
            "one_of": value in wanted,
            "contains": wanted[0] in value,
            "starts": value.startswith(wanted[0]),
            "ends": value.endswith(wanted[0]),
        }[condition.operator]

    def number(self, condition, value) -> bool:
        wanted = [Decimal(each) for each in condition.values]
        return {
            "equals": value == wanted[0],
            "one_of": value in wanted,
            "less": value < wanted[0],
            "at_most": value <= wanted[0],
            "more": value > wanted[0],
            "at_least": value >= wanted[0],
            "between": wanted[0] <= value <= wanted[-1],
        }[condition.operator]

    def day(self, condition, value) -> bool:
        if condition.operator == "last_days":
            today = self.now.astimezone(self.zone).date()
            return today - timedelta(days=int(condition.values[0]) - 1) <= value <= today
        wanted = [date.fromisoformat(each) for each in condition.values]
        return {
            "equals": value == wanted[0],
            "before": value < wanted[0],
            "after": value > wanted[0],
            "between": wanted[0] <= value <= wanted[-1],
        }[condition.operator]

    def moment(self, condition, value) -> bool:
        if condition.operator == "last_hours":
            return self.now - timedelta(hours=int(condition.values[0])) < value <= self.now
        return self.day(condition, value.astimezone(self.zone).date())
