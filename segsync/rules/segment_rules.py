"""The rules of a segment: a tree of groups and conditions, as it is kept and as it comes from the editor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from segsync.rules.segment_fields import Operator, Sort

MOST_CONDITIONS: Final = 100
DEEPEST: Final = 5
"""Groups inside groups, the outermost counted."""
MOST_VALUES: Final = 1_000
LONGEST_VALUE: Final = 500
LARGEST_JSON: Final = 400_000

Path = tuple[int, ...]
"""Where an item stands in the tree: the position in each group from the outermost on."""


class BadRules(ValueError):  # noqa: N818 - read aloud as "bad rules"
    """What came is no rule tree, or too much of one. The message is for people."""


class Condition(BaseModel):
    """One question. `sort` says how a custom field is compared; it is filled in when the rules are checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str = Field(max_length=120)
    operator: str = Field(default="", max_length=20)
    negated: bool = False
    values: tuple[str, ...] = Field(default=(), max_length=MOST_VALUES)
    sort: Sort | None = None


def _shape(item: Any) -> str:
    return "condition" if isinstance(item, Condition) or (isinstance(item, dict) and "field" in item) else "group"


class Group(BaseModel):
    """Questions of which all, or any, have to be answered with yes. Without any question it means everybody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: Literal["all", "any"] = "all"
    items: tuple[
        Annotated[Annotated[Group, Tag("group")] | Annotated[Condition, Tag("condition")], Discriminator(_shape)], ...
    ] = Field(default=(), max_length=MOST_CONDITIONS)

    def as_json(self) -> dict[str, Any]:
        """For keeping it."""
        return {"match": self.match} | self.model_dump(mode="json", exclude_defaults=True)


def read(kept: Mapping[str, Any]) -> Group:
    """Rules that were checked when they were kept. Raises ValidationError (a ValueError) for anything else."""
    return Group.model_validate(kept)


def parse(text: str) -> Group:
    """Rules as the editor sends them. Raises BadRules."""
    if len(text) > LARGEST_JSON:
        raise BadRules("These rules are too long. Put long lists of values into a static list, and ask for that.")
    try:
        rules = Group.model_validate_json(text or "{}")
    except ValidationError as error:
        raise BadRules(_why(error)) from None
    if depth(rules) > DEEPEST:
        raise BadRules(
            f"Groups can be nested {DEEPEST} deep. Make a segment of the inner ones, and ask for that segment."
        )
    if sum(1 for _ in conditions(rules)) > MOST_CONDITIONS:
        raise BadRules(_TOO_MANY)
    return rules


_TOO_MANY: Final = f"A segment can have {MOST_CONDITIONS} conditions. Make segments of some, and ask for those."


def _why(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "too_long":
        values = first["loc"][-1] == "values"
        return (
            f"A condition can have {MOST_VALUES:,} values. Put them into a static list instead."
            if values
            else _TOO_MANY
        )
    return "The rules did not arrive whole. Change a condition and save again."


def depth(group: Group) -> int:
    """How deep groups are nested; 1 for a group without groups."""
    return 1 + max((depth(item) for item in group.items if isinstance(item, Group)), default=0)


def conditions(group: Group, at: Path = ()) -> Iterator[tuple[Path, Condition]]:
    """All conditions with where they stand."""
    for number, item in enumerate(group.items):
        if isinstance(item, Group):
            yield from conditions(item, (*at, number))
        else:
            yield (*at, number), item


def segments_in(group: Group) -> list[int]:
    """The segments that the rules ask for, each as often as they do."""
    asked = (condition for _, condition in conditions(group) if condition.operator == Operator.IN_SEGMENT)
    return [int(value) for condition in asked for value in condition.values if value.isascii() and value.isdecimal()]
