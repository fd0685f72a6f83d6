"""What the audit trail, which cannot be changed, keeps of segments: what was done, and nobody's values."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from segsync.actions import segments
from segsync.actions.segments import Draft
from segsync.models import AuditEvent
from segsync.rules.segment_rules import read
from tests.actions.northwind import Northwind


@pytest.fixture
def northwind(session):
    return Northwind(session)


@pytest.fixture
def ada_s(session, northwind, clock):
    """What comes before everything that Ada does with segments."""
    return session, northwind.actor("Ada"), northwind.workspace


def named(email: str) -> Draft:
    """A segment that asks for somebody's e-mail."""
    condition = {"field": "email", "operator": "equals", "values": [email]}
    return Draft("Named", rules=read({"items": [condition]}))


def test_the_trail_names_nobody_whom_rules_name(session, ada_s, clock):
    """Rules that ask for an e-mail leave a sentence without it in the trail, before and after a change (S14, B15)."""
    segment = segments.create(*ada_s, named("ada@secret.example"), now=clock())
    segments.change(*ada_s, segment.id, named("alan@secret.example"), now=clock())
    segments.duplicate(*ada_s, segment.id, now=clock())
    events = session.scalars(select(AuditEvent).where(AuditEvent.event.startswith("segment."))).all()
    assert {event.after["rules"] for event in events} == {"Contacts whose e-mail is “•••”."}
    assert "secret.example" not in "".join(f"{event.before} {event.after}" for event in events)


def test_another_value_is_a_change_in_the_trail(session, ada_s, clock):
    """Where only a value that is not kept differs, the trail still tells that the rules changed, by their version (S14)."""
    segment = segments.create(*ada_s, named("ada@secret.example"), now=clock())
    segments.change(*ada_s, segment.id, named("alan@secret.example"), now=clock())
    event = session.scalars(select(AuditEvent).where(AuditEvent.event == "segment.change")).one()
    assert (event.before["version"], event.after["version"]) == (1, 2)
