"""What the rules of a segment may ask for in a workspace: its fields and segments, and which of them would make a circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.orm import Session

from segsync.actions import fields
from segsync.actions.actor import Refused
from segsync.models import CustomField, Segment, Workspace
from segsync.rules.cleaning import Door
from segsync.rules.import_mapping import CUSTOM, Custom
from segsync.rules.segment_check import Problem, Vocabulary, check
from segsync.rules.segment_fields import COMPANY, fields_of
from segsync.rules.segment_rules import Group, conditions, read, segments_in

MOST_TOGETHER: Final = 400
"""Conditions of a segment and of all segments that it asks for, also through others."""
_ASKS: Final = 'strict $.**.operator ? (@ == "in_segment")'
_OPERATORS: Final = "strict $.**.operator"
"""Strict, so that an array is not looked through twice."""


class RulesRefused(Refused):
    """Rules that cannot be kept. `problems` has a sentence for each condition at fault."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        more = len(problems) - 1
        which = "A condition is" if not more else f"{more + 1} conditions are"
        super().__init__(
            f"{which} not right yet. What is missing stands beside {'them' if more else 'it'}.", field="rules"
        )
        self.problems = problems


def vocabulary(
    session: Session, workspace: Workspace, members: str, *, now: datetime, own_id: int | None = None
) -> Vocabulary:
    """What rules of people, or of companies, may ask for. `own_id` is the segment that they belong to."""
    custom = {subject: fields.of(session, workspace, subject, archived=True) for subject in ("contact", "company")}
    segments = session.execute(
        select(Segment.id, Segment.name, Segment.members, Segment.deleted_at)
        .where(Segment.workspace_id == workspace.id, Segment.kind != "warehouse")  # its members are no contacts
        .order_by(func.lower(Segment.name), Segment.id)
    ).all()
    barred = {
        row.id: f"The segment “{row.name}” was deleted. Restore it, or remove this."
        for row in segments
        if row.deleted_at
    }
    return Vocabulary(
        fields=fields_of(
            members, _customs(custom["contact"]), _customs(custom["company"]), archived=_archived(members, custom)
        ),
        segments={row.id: row.name for row in segments},
        segments_of_companies=frozenset(row.id for row in segments if row.members == "companies"),
        barred=barred | (_circles(session, workspace, own_id) if own_id else {}),
        members=members,
        door=Door(workspace.country, today=now.date()),
    )


def checked(
    session: Session, workspace: Workspace, rules: Group, known: Vocabulary, own_id: int | None = None
) -> Group:
    """The rules in the form in which they are kept. Raises RulesRefused, or Refused for too much at once."""
    canonical, problems = check(rules, known)
    if problems:
        raise RulesRefused(problems)
    _not_too_much(session, workspace, canonical, own_id)
    return canonical


def asking(session: Session, workspace_id: int) -> dict[int, Group]:
    """The rules of the living segments that ask for other segments, by id."""
    rows = session.execute(
        select(Segment.id, Segment.rules).where(
            Segment.workspace_id == workspace_id,
            Segment.deleted_at.is_(None),
            Segment.kind == "rule",
            func.jsonb_path_exists(Segment.rules, cast(_ASKS, JSONPATH)),
        )
    )
    return {segment_id: read(rules) for segment_id, rules in rows}


def users_of(segment_id: int, asked: Mapping[int, Sequence[int]]) -> set[int]:
    """The segments that ask for this one, also through others."""
    users: set[int] = set()
    waiting = [segment_id]
    while waiting:
        current = waiting.pop()
        found = {user for user, wanted in asked.items() if current in wanted} - users
        users |= found
        waiting += found
    return users


def _circles(session: Session, workspace: Workspace, own_id: int) -> dict[int, str]:
    asked = {segment_id: segments_in(rules) for segment_id, rules in asking(session, workspace.id).items()}
    circle = "That segment asks for this one already, so the two would go round in a circle."
    return dict.fromkeys(users_of(own_id, asked), circle) | {own_id: "A segment cannot ask for itself."}


def _not_too_much(session: Session, workspace: Workspace, rules: Group, own_id: int | None) -> None:
    known = asking(session, workspace.id)
    mine = own_id or 0
    known[mine] = rules
    asked = {segment_id: segments_in(each) for segment_id, each in known.items()}
    reached = sorted({mine} | users_of(mine, asked))
    everything = _sizes(session, workspace)
    everything[mine] = sum(1 for _ in conditions(rules))
    heaviest: dict[int, int] = {}
    if any(_together(each, asked, everything, heaviest) > MOST_TOGETHER for each in reached):
        raise Refused(
            f"Together with the segments it asks for, a segment can have {MOST_TOGETHER} conditions. Ask for fewer segments.",
            field="rules",
        )


def _sizes(session: Session, workspace: Workspace) -> dict[int, int]:
    count = func.jsonb_array_length(func.jsonb_path_query_array(Segment.rules, cast(_OPERATORS, JSONPATH)))
    rows = session.execute(select(Segment.id, count).where(Segment.workspace_id == workspace.id))
    return {segment_id: size or 1 for segment_id, size in rows}


def _together(
    segment_id: int, asked: Mapping[int, Sequence[int]], sizes: Mapping[int, int], known: dict[int, int]
) -> int:
    if segment_id not in known:
        inner = asked.get(segment_id, ())
        known[segment_id] = sizes.get(segment_id, 1) + sum(_together(each, asked, sizes, known) for each in inner)
    return known[segment_id]


def _customs(custom: Sequence[CustomField]) -> tuple[Custom, ...]:
    return tuple(Custom(each.key, each.label, each.type) for each in custom)


def _archived(members: str, custom: Mapping[str, Sequence[CustomField]]) -> frozenset[str]:
    own = "company" if members == "companies" else "contact"
    prefixes = {own: "", "company": "" if own == "company" else COMPANY}
    return frozenset(
        f"{prefix}{CUSTOM}{each.key}"
        for subject, prefix in prefixes.items()
        for each in custom[subject]
        if each.archived_at is not None
    )
