"""The statement that finds a segment's members: held against the same rules read in plain Python, and against nasty values."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from segsync.audience import filters
from segsync.audience.conditions import Circle, Gone
from segsync.models import Contact, LinkedDevice, Segment, SegmentMember
from segsync.rules.segment_fields import OPERATORS, Operator, Sort
from segsync.rules.segment_rules import read
from tests.audience.rule_reader import Reader
from tests.builders import make_company, make_contact, make_organization, make_segment, make_workspace

NOW = datetime(2026, 3, 29, 8, 30, tzinfo=UTC)
"""Europe/Berlin went over to summer time a few hours before."""
ZONE = "Europe/Berlin"
TEXTS = ["Ada", "ada", "ÉLAN", "élan", "elan", "50%", "a_b", "a\\b", "O'Brien", "", "x"]
TAGS = ["VIP", "vip", "Größe", "a,b", 'q"t', "{x}", "back\\slash", "NULL"]
DAYS = ["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-20", "1999-12-31"]
NUMBERS = ["0", "1", "2.5", "-3", "1000000"]
CUSTOM = {"note": "text", "score": "number", "seen": "date", "keen": "yes_no", "likes": "list"}


@pytest.fixture
def workspace(session):
    return make_workspace(session, make_organization(session), time_zone=ZONE)


@pytest.fixture
def members(session, workspace):
    """The ids that rules find now."""

    def found(rules: dict[str, Any], of: str = "people") -> set[int]:
        segment = Segment(workspace_id=workspace.id, kind="rule", members=of, rules=rules)
        return ids(session, segment)

    return found


def ids(session, segment) -> set[int]:
    names = lambda number: session.get_one(Segment, number)  # noqa: E731
    return set(session.scalars(filters.member_ids(segment, NOW, names)))


def one(field: str, operator: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"match": "all", "items": [{"field": field, "operator": operator, "values": list(values), **more}]}


# -- the same members as plain Python finds --------------------------------------------------------------------

texts = st.sampled_from([each for each in TEXTS if each])
moments = st.integers(-60, 60).map(lambda hours: NOW + timedelta(hours=hours, minutes=17))
custom_values = st.fixed_dictionaries(
    {},
    optional={
        "note": texts,
        "score": st.sampled_from([0, 1, 2.5, -3, 7]),
        "seen": st.sampled_from(DAYS),
        "keen": st.booleans(),
        "likes": st.lists(st.sampled_from(TAGS), max_size=2),
    },
)
a_company = st.fixed_dictionaries(
    {
        "industry": st.none() | texts,
        "employees": st.none() | st.sampled_from([0, 1, 2, 1000000]),
        "tags": st.lists(st.sampled_from(TAGS), max_size=2),
        "custom": custom_values,
    }
)
a_contact = st.fixed_dictionaries(
    {
        "email": st.none() | st.sampled_from(["ada@x.example", "50%@x.example", "a_b@y.example"]),
        "first_name": st.none() | texts,
        "gender": st.sampled_from([None, "female", "male"]),
        "country": st.sampled_from([None, "DE", "FR"]),
        "birth_date": st.none() | st.sampled_from([date.fromisoformat(day) for day in DAYS]),
        "tags": st.lists(st.sampled_from(TAGS), max_size=3),
        "subscription": st.sampled_from(["yes", "no", "unknown"]),
        "created_at": moments,
        "custom": custom_values,
        "company": st.none() | st.integers(0, 1),
        "linked_device": st.booleans(),
    }
)
VALUES = {
    Sort.TEXT: texts,
    Sort.CODE: st.sampled_from(["DE", "FR", "US"]),
    Sort.NUMBER: st.sampled_from(NUMBERS),
    Sort.DATE: st.sampled_from(DAYS),
    Sort.MOMENT: st.sampled_from(DAYS),
    Sort.YES_NO: st.sampled_from(["yes", "no"]),
    Sort.LIST: st.sampled_from(TAGS),
}
FIELDS = {
    "email": Sort.TEXT,
    "first_name": Sort.TEXT,
    "gender": Sort.CHOICE,
    "country": Sort.CODE,
    "birth_date": Sort.DATE,
    "tags": Sort.LIST,
    "subscription": Sort.CHOICE,
    "created_at": Sort.MOMENT,
    "linked_device": Sort.FLAG,
    "company": Sort.FLAG,
    "company.industry": Sort.TEXT,
    "company.employees": Sort.NUMBER,
    "company.tags": Sort.LIST,
    **{f"custom:{key}": Sort(sort) for key, sort in CUSTOM.items()},
    **{f"company.custom:{key}": Sort(sort) for key, sort in CUSTOM.items()},
}


@st.composite
def conditions(draw) -> dict[str, Any]:
    field, sort = draw(st.sampled_from(sorted(FIELDS.items())))
    operator = draw(st.sampled_from(OPERATORS[sort]))
    choices = ["female", "male"] if field == "gender" else ["yes", "no", "unknown"]
    values = VALUES[sort] if sort in VALUES else st.sampled_from(choices)
    if operator in {Operator.LAST_HOURS, Operator.LAST_DAYS}:
        values = st.integers(1, 30).map(str)
    size = operator.values if operator.values is not None else draw(st.integers(1, 3))
    asked = sorted(draw(st.lists(values, min_size=size, max_size=size)), key=lambda v: (len(v) < 9 and _number(v), v))
    kept = {"sort": sort.value} if "custom:" in field else {}
    return {"field": field, "operator": operator.value, "values": asked, "negated": draw(st.booleans()), **kept}


def _number(value: str) -> float:
    return float(value) if value in NUMBERS else 0.0


def groups(items):
    return st.fixed_dictionaries({"match": st.sampled_from(["all", "any"]), "items": st.lists(items, max_size=3)})


trees = st.recursive(groups(conditions()), lambda inner: groups(conditions() | inner), max_leaves=6)
SLOW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class World:
    """Contacts and companies in the database, and the same as plain dicts."""

    def __init__(self, session, workspace, people: list[dict[str, Any]], companies: list[dict[str, Any]]) -> None:
        self.companies = [
            {**each, "id": make_company(session, workspace, external_id=None, **each).id} for each in companies
        ]
        self.people = [self._person(session, workspace, dict(each)) for each in people]

    def _person(self, session, workspace, values: dict[str, Any]) -> dict[str, Any]:
        chosen, device = values.pop("company"), values.pop("linked_device")
        company = self.companies[chosen] if chosen is not None and chosen < len(self.companies) else None
        contact = make_contact(session, workspace, **values, company_id=company and company["id"])
        if device:
            device_row = LinkedDevice(
                workspace_id=workspace.id, contact_id=contact.id, kind="idfv", value=f"d{contact.id}"
            )
            session.add(device_row)
        return {**values, "id": contact.id, "company": company, "linked_device": device}


@pytest.mark.property
@SLOW
@given(people=st.lists(a_contact, max_size=6), companies=st.lists(a_company, max_size=2), rules=trees)
def test_rules_find_who_plain_reading_finds(session, workspace, members, people, companies, rules):
    """Whatever the rules and the contacts, a segment holds exactly the people its rules mean (S5)."""
    with session.begin_nested() as trial:
        world = World(session, workspace, people, companies)
        reader = Reader(NOW, ZONE)
        assert members(rules) == {each["id"] for each in world.people if reader.meant(read(rules), each)}
        trial.rollback()


@pytest.mark.property
@SLOW
@given(people=st.lists(a_contact, max_size=6), companies=st.lists(a_company, max_size=2), condition=conditions())
def test_negation_is_everybody_else(session, workspace, members, people, companies, condition):
    """Whoever does not fit a condition fits its negation, empty values too, and nobody fits both (S5)."""
    with session.begin_nested() as trial:
        world = World(session, workspace, people, companies)
        yes = members({"items": [condition | {"negated": False}]})
        no = members({"items": [condition | {"negated": True}]})
        assert yes | no == {each["id"] for each in world.people}
        assert not yes & no
        trial.rollback()


@pytest.mark.property
@settings(SLOW, max_examples=20)
@given(
    people=st.lists(a_contact, max_size=6),
    companies=st.lists(a_company, max_size=2),
    rules=st.lists(trees, min_size=1, max_size=2),
)
def test_segments_compared_agree_with_each_alone(session, workspace, people, companies, rules):
    """Whoever is counted in two or three segments at once is exactly who is in each of them by itself (B19)."""
    with session.begin_nested() as trial:
        world = World(session, workspace, people, companies)
        listed = make_segment(session, workspace)
        session.add_all(SegmentMember(segment_id=listed.id, member_id=each["id"]) for each in world.people[::2])
        session.flush()
        segments = [listed, *(make_segment(session, workspace, kind="rule", rules=each) for each in rules)]
        alone = [ids(session, each) for each in segments]
        mask = lambda member: sum(1 << place for place, each in enumerate(alone) if member in each)  # noqa: E731
        names = lambda number: session.get_one(Segment, number)  # noqa: E731
        counted = session.execute(filters.regions(segments, NOW, names)).all()
        assert dict(counted) == dict(Counter(mask(each["id"]) for each in world.people))
        trial.rollback()


# -- days and hours --------------------------------------------------------------------------------------------


def test_today_and_the_last_24_hours_are_told_apart(session, workspace, members):
    """Yesterday evening is within the last 24 hours, but it is not today; early today is both (S5)."""
    evening = make_contact(session, workspace, created_at=datetime(2026, 3, 28, 21, 0, tzinfo=UTC))
    early = make_contact(session, workspace, created_at=datetime(2026, 3, 28, 23, 30, tzinfo=UTC))
    assert members(one("created_at", "last_hours", "24")) == {evening.id, early.id}
    assert members(one("created_at", "last_days", "1")) == {early.id}


def test_days_are_days_of_the_workspace(session, workspace, members):
    """Half past midnight in Berlin is still the day before in London: the workspace's own zone decides (S5)."""
    contact = make_contact(session, workspace, created_at=datetime(2026, 3, 27, 23, 30, tzinfo=UTC))
    assert members(one("created_at", "equals", "2026-03-28")) == {contact.id}
    workspace.time_zone = "Europe/London"
    session.flush()
    assert members(one("created_at", "equals", "2026-03-28")) == set()


def test_a_day_of_23_hours_is_one_day(session, workspace, members):
    """On the day when clocks go forward, all of it and nothing else belongs to that day (S5)."""
    first = make_contact(session, workspace, created_at=datetime(2026, 3, 28, 23, 0, tzinfo=UTC))
    last = make_contact(session, workspace, created_at=datetime(2026, 3, 29, 21, 59, tzinfo=UTC))
    make_contact(session, workspace, created_at=datetime(2026, 3, 29, 22, 0, tzinfo=UTC))
    assert members(one("created_at", "equals", "2026-03-29")) == {first.id, last.id}


# -- segments in segments --------------------------------------------------------------------------------------


def test_rules_can_ask_for_another_segment(session, workspace, members):
    """Asking for “in the segment X” finds the people of X, whether X is a list or has rules (S5)."""
    inside, outside = (make_contact(session, workspace, city=city) for city in ("Berlin", "Paris"))
    listed = make_segment(session, workspace)
    session.add(SegmentMember(segment_id=listed.id, member_id=inside.id))
    ruled = make_segment(session, workspace, kind="rule", rules=one("segment", "in_segment", str(listed.id)))
    assert members(one("segment", "in_segment", str(ruled.id))) == {inside.id}
    assert members(one("segment", "in_segment", str(ruled.id), negated=True)) == {outside.id}


@pytest.mark.parametrize("negated", [False, True])
def test_asking_for_a_deleted_segment_is_never_guessed(session, workspace, members, negated):
    """Asking who is not in a segment that is gone must not become everybody: nothing is worked out at all (S5)."""
    gone = make_segment(session, workspace, kind="rule", rules={}, deleted_at=NOW)
    with pytest.raises(Gone):
        members(one("segment", "in_segment", str(gone.id), negated=negated))


def test_a_deleted_segment_still_holds_its_own_members(session, workspace):
    """Deleting a segment empties no audience: asked for itself, it still holds whom it held (S5)."""
    contact = make_contact(session, workspace)
    gone = make_segment(session, workspace, kind="rule", rules={}, deleted_at=NOW)
    assert ids(session, gone) == {contact.id}


def test_segments_of_another_workspace_stay_there(session, workspace, members):
    """A segment of another workspace cannot be asked for here (S4)."""
    other = make_workspace(session, make_organization(session, "Fabrikam"), "Other")
    foreign = make_segment(session, other, kind="rule", rules={})
    with pytest.raises(Gone):
        members(one("segment", "in_segment", str(foreign.id)))


def test_a_circle_is_noticed(session, workspace):
    """Should segments ever ask for each other, nothing runs for ever (S5)."""
    first = make_segment(session, workspace, kind="rule")
    first.rules = one("segment", "in_segment", str(first.id))
    session.flush()
    with pytest.raises(Circle):
        ids(session, first)


# -- companies -------------------------------------------------------------------------------------------------


def test_companies_by_how_many_people_work_there(session, workspace, members):
    """Companies with more than one known person are found, and those with none by "at most 0" (S14)."""
    big, small, none = (make_company(session, workspace) for _ in range(3))
    for company in (big, big, small):
        make_contact(session, workspace, company_id=company.id)
    assert members(one("people", "more", "1"), "companies") == {big.id}
    assert members(one("people", "at_most", "0"), "companies") == {none.id}


def test_people_of_a_segment_of_companies(session, workspace, members):
    """A segment of people can ask for those who work at the companies of another segment (S14)."""
    tech = make_company(session, workspace, industry="Tech")
    coder, _other = make_contact(session, workspace, company_id=tech.id), make_contact(session, workspace)
    rules = {"items": [*one("industry", "equals", "tech")["items"], *one("people", "at_least", "1")["items"]]}
    companies = make_segment(session, workspace, kind="rule", members="companies", rules=rules)
    assert members(one("company.segment", "in_segment", str(companies.id))) == {coder.id}


def test_companies_as_the_people_who_work_there(session, workspace):
    """A segment of companies becomes the people who work there, for channels that take only people (S14)."""
    tech = make_company(session, workspace, industry="Tech")
    coder, _other = make_contact(session, workspace, company_id=tech.id), make_contact(session, workspace)
    segment = Segment(
        workspace_id=workspace.id, kind="rule", members="companies", rules=one("industry", "equals", "TECH")
    )
    assert set(session.scalars(filters.members_as_people(segment, NOW, session.get_one))) == {coder.id}


# -- written out for readers that take no parameters -----------------------------------------------------------


@pytest.mark.parametrize(
    "nasty", ["O'Brien", "a\\'b", "100%", "%s", "%(x)s", "x'); drop table contact; --", "E'\\x00'"]
)
def test_values_are_quoted_whatever_they_hold(session, workspace, nasty):
    """Quotes, backslashes and percent signs in a rule find exactly the contact that has them (S5)."""
    contact = make_contact(session, workspace, first_name=nasty)
    make_contact(session, workspace, first_name="somebody else")
    for operator in ("equals", "contains", "starts", "ends"):
        segment = Segment(
            workspace_id=workspace.id, kind="rule", members="people", rules=one("first_name", operator, nasty)
        )
        written = filters.as_sql(filters.member_ids(segment, NOW, session.get_one), session)
        assert "%(" not in written.replace("%(x)s", "")
        rows = session.connection().connection.dbapi_connection.execute(written).fetchall()
        assert [row[0] for row in rows] == [contact.id]


def test_nul_is_refused(session, workspace):
    """A value that PostgreSQL cannot hold is refused, never cut or sent (S5)."""
    rules = one("first_name", "equals", "a\x00b")
    segment = Segment(workspace_id=workspace.id, kind="rule", members="people", rules=rules)
    with pytest.raises(psycopg.DataError):
        filters.as_sql(filters.member_ids(segment, NOW, session.get_one), session)


def test_rubbish_in_a_custom_field_stops_nothing(session, workspace, members):
    """A text where a number belongs is no number: the others are found all the same (S5)."""
    make_contact(session, workspace, custom={"score": "many"})
    contact = make_contact(session, workspace, custom={"score": 7})
    assert members(one("custom:score", "more", "5", sort="number")) == {contact.id}


def test_a_segment_without_rules_holds_everybody_of_its_workspace(session, workspace, members):
    """No rules means everybody of this workspace, and nobody of another (S4)."""
    contact = make_contact(session, workspace)
    make_contact(session, make_workspace(session, make_organization(session, "Fabrikam"), "Other"))
    assert members({}) == {contact.id}
    assert session.scalar(select(func.count()).select_from(Contact)) == 2
