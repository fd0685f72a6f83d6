"""Conditions of a segment's rules as SQL expressions over a contact or a company.

A condition is true or not, never unknown: negated, it means exactly everybody else. Nested segments are written into the
expression itself, because a subquery of a million ids would be searched once for every contact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Exists, FromClause, and_, exists, func, literal, or_, select, true
from sqlalchemy import inspect as inspected
from sqlalchemy.orm import aliased

from segsync.audience.columns import Asked, asked_of
from segsync.audience.comparisons import COMPARISONS
from segsync.models import Company, Contact, LinkedDevice, Segment, SegmentMember
from segsync.rules.segment_fields import COMPANY, STANDARD_SORTS, Operator, Sort
from segsync.rules.segment_rules import Condition, Group, read
from segsync.rules.terms import SegmentKind

Names = Callable[[int], Segment]
DEEPEST_NESTING: Final = 20
"""Segments inside segments. Saving refuses far less; this only keeps a mistake from running for ever."""


class Circle(ValueError):  # noqa: N818 - read aloud as "circle"
    """Segments that ask for each other. Saving refuses them, so this is a mistake of ours."""


class Gone(ValueError):  # noqa: N818 - read aloud as "gone"
    """A segment is asked for that was deleted or lies elsewhere. Deleting refuses it, so this is a mistake of ours.

    Answering "nobody" would turn "not in that segment" into everybody, and send them. `name` is '' for one elsewhere.
    """

    def __init__(self, segment_id: int, name: str) -> None:
        super().__init__(f"Segment {segment_id} is asked for, and cannot be.")
        self.name = name

    @property
    def told(self) -> str:
        """What is wrong and what helps, for people."""
        which = f"the segment “{self.name}”" if self.name else "a segment"
        return f"The rules ask for {which}, which was deleted. Restore it, or take it out of the rules."


@dataclass
class Joins:
    """What a statement has to join because its conditions ask for it."""

    company: bool = False
    people: bool = False


@dataclass(frozen=True)
class Scope:
    """Where a condition is asked: of a contact, or of a company, which may be the one where a contact works."""

    workspace_id: int
    now: datetime
    names: Names
    members: str
    company: Any
    people: Any
    joins: Joins = field(default_factory=Joins)
    inside: tuple[int, ...] = ()
    """The segments that this one is asked for by."""

    @classmethod
    def of(cls, segment: Segment, now: datetime, names: Names) -> Scope:
        """The outermost scope of a segment's rules."""
        workspace_id = segment.workspace_id
        company = Company if segment.members == "companies" else aliased(Company, name="employer")
        counted = (
            select(Contact.company_id, func.count().label("people"))
            .where(Contact.workspace_id == workspace_id, Contact.company_id.is_not(None))
            .group_by(Contact.company_id)
            .subquery("staff")
        )
        inside = (segment.id,) if segment.id else ()
        return cls(workspace_id, now, names, segment.members, company, counted, inside=inside)

    @property
    def table(self) -> Any:
        """What the conditions are asked of."""
        return self.company if self.members == "companies" else Contact

    def at_company(self) -> Scope:
        """The same of the company where the contact works."""
        self.joins.company = True
        return replace(self, members="companies")

    def within(self, segment: Segment) -> Scope:
        """The same inside a segment that is asked for. Raises Circle."""
        if segment.id in self.inside or len(self.inside) >= DEEPEST_NESTING:
            raise Circle(f"Segment {segment.id} asks for itself.")
        return replace(self, inside=(*self.inside, segment.id))


def joined(scope: Scope) -> FromClause:
    """The table of the members, with what the conditions in this scope turned out to need."""
    tables: FromClause = (Company if scope.members == "companies" else Contact).__table__
    if scope.joins.company:
        employer = inspected(scope.company).selectable
        tables = tables.outerjoin(employer, employer.c.id == Contact.company_id)
    if scope.joins.people:
        tables = tables.outerjoin(scope.people, scope.people.c.company_id == scope.company.id)
    return tables


def of_group(group: Group, scope: Scope) -> ColumnElement[bool]:
    """A group as an expression; everybody where it asks nothing."""
    parts = [of_group(item, scope) if isinstance(item, Group) else of_condition(item, scope) for item in group.items]
    if not parts:
        return true()
    return and_(*parts) if group.match == "all" else or_(*parts)


def of_condition(condition: Condition, scope: Scope) -> ColumnElement[bool]:
    """A condition as an expression. What is not known is no yes, so the negation takes it in."""
    positive = _positive(condition, scope)
    if not condition.negated:
        return positive
    # both mean the same, but only the first can be worked out by joining
    return ~positive if isinstance(positive, Exists) else positive.is_not(true())


def _positive(condition: Condition, scope: Scope) -> ColumnElement[bool]:
    if condition.field.startswith(COMPANY) and scope.members == "people":
        inner = condition.model_copy(update={"field": condition.field.removeprefix(COMPANY)})
        there = scope.at_company()
        return _positive(inner, there)
    subject = "company" if scope.members == "companies" else "contact"
    sort = condition.sort or STANDARD_SORTS[subject][condition.field]
    if sort is Sort.SEGMENT:
        return and_(*(_in_segment(int(value), scope) for value in condition.values))
    if sort is Sort.FLAG:
        return _FLAGS[condition.field](scope)
    if condition.field == "people":
        scope.joins.people = True
        asked = Asked(func.coalesce(scope.people.c.people, literal(0)), sort)
    else:
        asked = asked_of(scope.table, condition.field, sort)
    return COMPARISONS[sort](asked, Operator(condition.operator), condition.values, scope.workspace_id, scope.now)


def _in_segment(segment_id: int, scope: Scope) -> ColumnElement[bool]:
    segment = scope.names(segment_id)
    fits = segment.workspace_id == scope.workspace_id and segment.members == scope.members
    if segment.deleted_at is not None or not fits:
        raise Gone(segment_id, segment.name if segment.workspace_id == scope.workspace_id else "")
    if segment.kind == SegmentKind.LIST:
        return exists().where(SegmentMember.segment_id == segment.id, SegmentMember.member_id == scope.table.id)
    # somebody without a company is in no segment of companies, whatever its rules
    return and_(scope.table.id.is_not(None), of_group(read(segment.rules), scope.within(segment)))


_FLAGS: Final[Mapping[str, Callable[[Scope], ColumnElement[bool]]]] = {
    "company": lambda scope: scope.table.company_id.is_not(None),
    "linked_device": lambda scope: exists().where(LinkedDevice.contact_id == scope.table.id),
}
