"""The demo's segments: rules over contacts, over what they ordered, and over companies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from segsync.actions import segments
from segsync.actions.segments import Draft
from segsync.demo_stage import Stage
from segsync.models import Segment
from segsync.rules.segment_rules import Group
from segsync.rules.terms import SegmentKind

PEOPLE, COMPANIES = "people", "companies"


def _rule(field: str, operator: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "values": list(values), **more}


def _all(*items: Mapping[str, Any]) -> dict[str, Any]:
    return {"match": "all", "items": list(items)}


READERS: Final = _rule("subscription", "equals", "yes")
LAST_ORDER, PLAN, ORDERS = "custom:last_order", "custom:plan", "custom:orders"
SEGMENTS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "Newsletter readers, Germany": (PEOPLE, _all(READERS, _rule("country", "equals", "DE"))),
    "Ordered in the last 90 days": (PEOPLE, _all(_rule(LAST_ORDER, "last_days", "90"))),
    "VIP customers": (
        PEOPLE,
        {"match": "any", "items": [_rule("tags", "has", "vip"), _rule(ORDERS, "at_least", "15")]},
    ),
    "Churned, no order in 180 days": (
        PEOPLE,
        _all(READERS, _rule(LAST_ORDER, "last_days", "180", negated=True)),
    ),
    "Met at the trade fair": (PEOPLE, _all(_rule("tags", "has", "trade fair"))),
    "Enterprise plan": (PEOPLE, _all(_rule(PLAN, "equals", "Enterprise"))),
    "People at large employers": (PEOPLE, _all(_rule("company.employees", "at_least", "2000"))),
    "Large software companies": (
        COMPANIES,
        _all(_rule("industry", "equals", "Software"), _rule("employees", "at_least", "200")),
    ),
}


def make_segments(stage: Stage) -> None:
    """Ada builds them all."""
    now = stage.runtime.clock()
    with stage.runtime.sessions.begin() as session:
        ada, workspace = stage.actor(session, "Ada Byron"), stage.workspace(session)
        known = set(session.scalars(select(Segment.name).where(Segment.workspace_id == workspace.id)))
        for name, (members, rules) in SEGMENTS.items():
            if name not in known:
                draft = Draft(name, members, SegmentKind.RULE, Group.model_validate(rules))
                segments.create(session, ada, workspace, draft, now=now)
