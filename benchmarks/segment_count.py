"""How long counting the members of typical segments, and comparing large ones, takes, in a database of its own with richer contacts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.channel import Channel
from benchmarks.report import Figure
from benchmarks.stage import Stage
from segsync import migrate
from segsync.actions.segment_counts import count
from segsync.actions.segment_overlap import overlap
from segsync.db import make_engine, make_sessions
from segsync.models import Organization, Segment, Workspace
from segsync.postgres_server import EmbeddedPostgres

FILL = """
insert into company (workspace_id, name, company_domain, industry, employees, country)
select 1, 'Company ' || n, 'company' || n || '.example', (array['Software', 'Retail', 'Energy', 'Health'])[1 + n % 4],
       n % 5000, (array['DE', 'FR', 'US'])[1 + n % 3]
from generate_series(1, :companies) n;
insert into contact (workspace_id, email, phone, first_name, last_name, gender, birth_date, city, country, external_id,
                     company_id, custom, tags, subscription, ad_user_data, created_at)
select 1,
       case when n % 10 > 0 then 'person' || n || '@' || (array['mail', 'post', 'web'])[1 + n % 3] || '.example' end,
       case when n % 3 = 0 then '+49151' || (10000000 + n) end,
       (array['Ada', 'Max', 'Grace', 'Zoë', 'Søren'])[1 + n % 5], 'Family' || n % 50000,
       (array['female', 'male', null])[1 + n % 3], date '1950-01-01' + (n % 20000)::int,
       (array['Berlin', 'Paris', 'Köln', 'Boston', 'Łódź'])[1 + n % 5], (array['DE', 'FR', 'US'])[1 + n % 3], 'c' || n,
       case when n % 2 = 0 then 1 + n / 2 % :companies end,
       jsonb_build_object('score', n % 100, 'plan', (array['free', 'Pro', 'Team'])[1 + n % 3], 'since', '2025-01-01'),
       case when n % 20 = 0 then array['VIP', 'newsletter'] when n % 4 = 0 then array['newsletter'] else '{}' end,
       (array['yes', 'no', 'unknown'])[1 + n % 3], (array['granted', 'denied', 'unknown'])[1 + n % 3],
       now() - n % 1000 * interval '1 hour'
from generate_series(1, :contacts) n
"""


def condition(field: str, operator: str, *values: str, **more: Any) -> dict[str, Any]:
    """A condition as it is kept."""
    return {"field": field, "operator": operator, "values": list(values), **more}


CASES: dict[str, dict[str, Any]] = {
    "everybody": {},
    "country is DE": {"items": [condition("country", "equals", "DE")]},
    "e-mail ends with": {"items": [condition("email", "ends", "@post.example")]},
    "e-mail contains": {"items": [condition("email", "contains", "999")]},
    "first name is zoë": {"items": [condition("first_name", "equals", "zoë")]},
    "first name contains": {"items": [condition("first_name", "contains", "ø")]},
    "has tag": {"items": [condition("tags", "has", "vip")]},
    "does not have tag": {"items": [condition("tags", "has", "vip", negated=True)]},
    "own number": {"items": [condition("custom:score", "at_least", "50", sort="number")]},
    "own text": {"items": [condition("custom:plan", "one_of", "pro", "team", sort="text")]},
    "own date": {"items": [condition("custom:since", "before", "2025-06-01", sort="date")]},
    "added in the last 7 days": {"items": [condition("created_at", "last_days", "7")]},
    "company's industry": {"items": [condition("company.industry", "equals", "software")]},
    "in a list of a tenth": {"items": [condition("segment", "in_segment", "1")]},
    "not in a list of a tenth": {"items": [condition("segment", "in_segment", "1", negated=True)]},
    "linked device": {"items": [condition("linked_device", "present")]},
    "nested": {
        "match": "all",
        "items": [
            condition("country", "one_of", "DE", "FR"),
            condition("subscription", "equals", "no", negated=True),
            {
                "match": "any",
                "items": [
                    condition("tags", "has", "vip"),
                    condition("company.employees", "more", "1000"),
                    {
                        "items": [
                            condition("custom:score", "more", "90", sort="number"),
                            condition("city", "starts", "K"),
                        ]
                    },
                ],
            },
            condition("created_at", "last_days", "30"),
        ],
    },
}


def counts(stage: Stage, _: Channel) -> list[Figure]:
    """How long counting the members of typical segments takes: each case three times, the best of them."""
    folder = stage.runtime.settings.data / "count"
    folder.mkdir()
    with EmbeddedPostgres(folder, {"fsync": "off", "synchronous_commit": "off"}) as postgres:
        engine = make_engine(postgres.url)
        migrate.upgrade(engine)
        with make_sessions(engine)() as session:
            fill(session, stage.members)
            figures = [*measure(session), *compared(session)]
        engine.dispose()
    return figures


def fill(session: Session, contacts: int) -> None:
    """Contacts, companies and a static list."""
    organization = Organization(name="Northwind", contracted_limit=40)
    session.add(organization)
    session.flush()
    session.add(Workspace(organization_id=organization.id, name="Main", time_zone="Europe/Berlin"))
    session.flush()
    session.execute(text("set local statement_timeout = 0"))
    for statement in FILL.split(";"):
        session.execute(text(statement), {"companies": contacts // 50, "contacts": contacts})
    session.add(Segment(organization_id=1, workspace_id=1, name="List", kind="list", members="people"))
    session.flush()
    session.execute(
        text("insert into segment_member (segment_id, member_id) select 1, id from contact where id % 10 = 0")
    )
    session.execute(
        text(
            "insert into linked_device (workspace_id, contact_id, kind, value) select 1, id, 'idfv', 'd' || id from contact where id % 20 = 0"
        )
    )
    session.commit()
    session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("vacuum analyze"))
    session.rollback()


def measure(session: Session) -> Iterator[Figure]:
    """Counts every case."""
    now = datetime.now(UTC)
    for name, rules in CASES.items():
        segment = Segment(organization_id=1, workspace_id=1, name=name, kind="rule", members="people", rules=rules)
        best, found = min(timed(session, segment, now) for _ in range(3))
        yield Figure(f"counting: {name}", best, "s", "", reached=True, more={"members": found})


LARGE: dict[str, dict[str, Any]] = {
    "everybody": {},
    "has an e-mail": {"items": [condition("email", "empty", negated=True)]},
    "score of 1 or more": {"items": [condition("custom:score", "at_least", "1", sort="number")]},
}
"""Nearly everybody is in each of these."""


def compared(session: Session) -> Iterator[Figure]:
    """Two and three segments of about as many members as there are contacts, held against each other."""
    session.execute(
        text("insert into segment_member (segment_id, member_id) select 1, id from contact on conflict do nothing")
    )
    session.commit()
    session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(
        text("vacuum analyze segment_member")
    )
    session.rollback()
    ruled = [
        Segment(organization_id=1, workspace_id=1, name=name, kind="rule", members="people", rules=rules)
        for name, rules in LARGE.items()
    ]
    listed = session.get_one(Segment, 1)
    for name, segments in {"two by rules": ruled[1:], "three, one of them a list": [listed, *ruled[1:]]}.items():
        best, members = min(_timed_overlap(session, segments) for _ in range(3))
        yield Figure(f"overlap: {name}", best, "s", "under 2", reached=best < 2, more={"members": members})


def _timed_overlap(session: Session, segments: Sequence[Segment]) -> tuple[float, int]:
    began = time.perf_counter()
    found = overlap(session, segments, datetime.now(UTC))
    took = time.perf_counter() - began
    session.rollback()
    return took, found.members if found else 0


def timed(session: Session, segment: Segment, now: datetime) -> tuple[float, int]:
    """Seconds and members."""
    began = time.perf_counter()
    found = count(session, segment, now)
    session.rollback()
    return time.perf_counter() - began, found
