"""Segments as people make, change, delete and restore them; static lists; sizes over time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors.registry import CHANNELS
from segsync.actions import segment_counts, segment_lists, segment_overlap, segments
from segsync.actions.actor import NotAllowed, Refused
from segsync.actions.chores import do
from segsync.actions.schedule import tick
from segsync.actions.segment_uses import Wanted, listed, who_uses
from segsync.actions.segment_vocabulary import RulesRefused
from segsync.actions.segments import Draft
from segsync.audience.reach import everywhere, reach
from segsync.models import AuditEvent, Run, Segment, SegmentMember, SegmentSize
from segsync.rules.segment_rules import read
from segsync.rules.terms import SegmentKind
from tests.actions.northwind import Northwind
from tests.builders import make_company, make_contact, make_sync, make_workspace

BERLIN = {"match": "all", "items": [{"field": "city", "operator": "equals", "values": ["Berlin"]}]}


@pytest.fixture
def northwind(session):
    return Northwind(session)


@pytest.fixture
def now(clock):
    return clock()


@pytest.fixture
def make(session, northwind, now):
    """Makes a segment as Ada would."""

    def made(name="Berliners", rules=BERLIN, **more) -> Segment:
        draft = Draft(name, rules=read(rules), **more)
        return segments.create(session, northwind.actor("Ada"), northwind.workspace, draft, now=now)

    return made


def asking_for(*others: Segment) -> dict:
    return {"items": [{"field": "segment", "operator": "in_segment", "values": [str(each.id)]} for each in others]}


@pytest.fixture
def change(session, northwind, now):
    def changed(segment: Segment, rules: dict, name: str | None = None, who: str = "Ada", version=None) -> Segment:
        draft = Draft(name or segment.name, rules=read(rules), version=version)
        return segments.change(session, northwind.actor(who), northwind.workspace, segment.id, draft, now=now)

    return changed


# -- making and changing ---------------------------------------------------------------------------------------


def test_a_new_segment_is_counted_and_audited(session, northwind, make, now):
    """Whoever makes a segment sees its size at once, the chart has its first point, and the trail says who it was (S5)."""
    make_contact(session, northwind.workspace, city="berlin")
    make_contact(session, northwind.workspace, city="Paris")
    segment = make()
    assert (segment.size, segment.refreshed_at) == (1, now)
    assert session.scalars(select(SegmentSize.size).where(SegmentSize.segment_id == segment.id)).all() == [1]
    event = session.scalars(select(AuditEvent).where(AuditEvent.event == "segment.create")).one()
    assert event.after["rules"] == "Contacts whose city is “Berlin”."


@pytest.mark.parametrize(
    ("name", "told"), [("", "Give the segment a name"), ("x" * 121, "120"), ("berliners", "already")]
)
def test_a_name_is_needed_and_its_own(session, make, name, told):
    """Two segments of a workspace cannot be mistaken for each other (S5)."""
    make()
    with pytest.raises(Refused, match=told) as refused:
        make(name)
    assert refused.value.field == "name"


def test_wrong_rules_are_not_kept(session, make):
    """Rules with a mistake are refused, each mistake with its place, and nothing is made (S5)."""
    with pytest.raises(RulesRefused) as refused:
        make(rules={"items": [*BERLIN["items"], {"field": "email", "operator": "equals", "values": ["x"]}]})
    assert [each.at for each in refused.value.problems] == [(1,)]
    assert session.scalar(select(Segment.id).where(Segment.name == "Berliners")) is None


def test_view_only_changes_nothing(session, northwind, make, now):
    """Vera may look at segments; making, changing and deleting them is refused with who can (S3)."""
    segment, vera = make(), northwind.actor("Vera")
    place = (session, vera, northwind.workspace)
    with pytest.raises(NotAllowed, match="Marketing User"):
        segments.create(*place, Draft("Mine"), now=now)
    with pytest.raises(NotAllowed):
        segments.change(*place, segment.id, Draft("Mine"), now=now)
    with pytest.raises(NotAllowed):
        segments.delete(*place, segment.id, confirmed=True, now=now)


def test_a_change_of_rules_is_a_new_version(session, northwind, make, change):
    """Other rules count again and are told before and after; the same rules change nothing (S5)."""
    segment = make()
    change(segment, BERLIN)
    assert segment.version == 1
    change(segment, {"items": [{"field": "city", "operator": "equals", "values": ["Paris"]}]})
    assert segment.version == 2
    event = session.scalars(select(AuditEvent).where(AuditEvent.event == "segment.change")).one()
    assert ("Berlin" in event.before["rules"], "Paris" in event.after["rules"]) == (True, True)


def test_two_people_changing_at_once_overwrite_nothing(make, change):
    """Who saves over a colleague's change is told, and what they typed stays (S5)."""
    segment = make()
    change(segment, {}, version=1)
    with pytest.raises(Refused, match="Somebody else changed"):
        change(segment, BERLIN, who="Max", version=1)


def test_a_segment_of_another_workspace_is_not_found(session, northwind, make, now):
    """What lies in a workspace stays there, whoever guesses its number (S4)."""
    segment = make()
    other = make_workspace(session, northwind.organization, "Other")
    with pytest.raises(Refused, match="no such segment"):
        segments.change(session, northwind.actor("Ada"), other, segment.id, Draft("Mine"), now=now)


def test_a_copy_has_the_same_members(session, northwind, make, now):
    """A copy has the rules, or the list, of its original and a name of its own (S5)."""
    contact = make_contact(session, northwind.workspace)
    original = make("List", kind=SegmentKind.LIST)
    segment_lists.add_members(session, original.id, [contact.id])
    ada = northwind.actor("Ada")
    copies = [segments.duplicate(session, ada, northwind.workspace, original.id, now=now) for _ in range(2)]
    assert [copy.name for copy in copies] == ["Copy of List", "Copy of List 2"]
    assert copies[0].size == 1


# -- circles ---------------------------------------------------------------------------------------------------


def test_a_segment_cannot_ask_for_itself(make, change):
    """A segment in its own rules is refused beside the condition (S5)."""
    segment = make()
    with pytest.raises(RulesRefused) as refused:
        change(segment, asking_for(segment))
    assert "itself" in refused.value.problems[0].message


def test_a_circle_through_others_is_refused(make, change):
    """A asks for B, B for C: C cannot ask for A, however it is tried (S5)."""
    last = make("C")
    middle = make("B", asking_for(last))
    first = make("A", asking_for(middle))
    for other in (first, middle):
        with pytest.raises(RulesRefused) as refused:
            change(last, asking_for(other))
        assert "circle" in refused.value.problems[0].message


def test_asking_for_many_segments_has_a_limit(make):
    """Segments of segments of segments cannot grow without end (S5)."""
    inner = make("0", {"items": BERLIN["items"] * 60})
    twice = make("twice", {"items": asking_for(inner)["items"] * 2})
    four_times = make("four times", {"items": asking_for(twice)["items"] * 2})
    with pytest.raises(Refused, match="400 conditions"):
        make("eight times", {"items": asking_for(four_times)["items"] * 2})


def test_a_segment_that_others_ask_for_cannot_outgrow_them(make, change):
    """Adding conditions inside is refused where a segment that asks for it would get too large (S5)."""
    inner = make("0", BERLIN)
    make("many", {"items": asking_for(inner)["items"] * 9})
    with pytest.raises(Refused, match="400 conditions"):
        change(inner, {"items": BERLIN["items"] * 60})


# -- deleting and restoring ------------------------------------------------------------------------------------


@pytest.fixture
def used(session, northwind, make):
    """A segment with a sync."""
    segment = make()
    sync = make_sync(session, segment, northwind.integrations["Ada"], account_name="Northwind EU")
    session.commit()
    return segment, sync


def test_what_uses_a_segment_is_named(session, used, make):
    """Its syncs with channel and ad account, and the segments that ask for it (S5)."""
    make("Others", asking_for(used[0]))
    uses = who_uses(session, used[0])
    assert uses.names == ["Meta · Northwind EU", "Others"]
    assert uses.told == "1 sync and 1 segment use it: Meta · Northwind EU, Others."


def test_deleting_what_is_used_asks_first(session, northwind, used, now):
    """Nothing is deleted before the person saw what uses it (S5)."""
    with pytest.raises(Refused, match="Northwind EU"):
        segments.delete(session, northwind.actor("Ada"), northwind.workspace, used[0].id, confirmed=False, now=now)
    assert used[0].deleted_at is None


def test_a_segment_that_others_ask_for_stays(session, northwind, make, now):
    """Nobody empties, or opens to everybody, a segment whose rules name another one by deleting that one (S5)."""
    inner, ada = make("Inner"), northwind.actor("Ada")
    make("Outer", asking_for(inner))
    with pytest.raises(Refused, match="1 segment asks for it in its rules: “Outer”"):
        segments.delete(session, ada, northwind.workspace, inner.id, confirmed=True, now=now)
    assert inner.deleted_at is None


def test_a_segment_comes_back_after_the_one_it_asks_for(session, northwind, make, now):
    """Restored before the segment that its rules name, it would mean others: it is refused, and said why (S5)."""
    inner, ada = make("Inner"), northwind.actor("Ada")
    outer = make("Outer", asking_for(inner))
    for each in (outer, inner):
        segments.delete(session, ada, northwind.workspace, each.id, confirmed=True, now=now)
    with pytest.raises(Refused, match="“Inner”, which was deleted too"):
        segments.restore(session, ada, northwind.workspace, outer.id, now=now)
    for each in (inner, outer):
        segments.restore(session, ada, northwind.workspace, each.id, now=now)
    assert (inner.deleted_at, outer.deleted_at) == (None, None)


def test_a_restored_segment_is_told_from_its_successor(session, northwind, make, now):
    """Where the name was given to another one meanwhile, the restored one says so in its own (S5)."""
    first, ada = make("Berliners"), northwind.actor("Ada")
    segments.delete(session, ada, northwind.workspace, first.id, confirmed=True, now=now)
    make("Berliners")
    segments.restore(session, ada, northwind.workspace, first.id, now=now)
    assert first.name == "Berliners (restored)"


def test_deleting_fails_its_syncs_and_restoring_starts_them(session, northwind, used, now):
    """A deleted segment's sync says who deleted it; restored, it goes on by itself (S5, S12)."""
    segment, sync = used
    ada = northwind.actor("Ada")
    segments.delete(session, ada, northwind.workspace, segment.id, confirmed=True, now=now)
    assert (sync.status, sync.detail, sync.problem_facts) == ("failed", "segment deleted", {"by": "Ada"})
    (run_id,) = segments.restore(session, ada, northwind.workspace, segment.id, now=now)
    assert session.get_one(Run, run_id).sync_id == sync.id
    assert (segment.deleted_at, sync.status) == (None, "syncing")


def test_after_30_days_a_segment_stays_deleted(session, northwind, make, now):
    """A segment can be restored for 30 days, and then no more (S5)."""
    segment, ada = make(), northwind.actor("Ada")
    segments.delete(session, ada, northwind.workspace, segment.id, confirmed=True, now=now)
    with pytest.raises(Refused, match="30 days"):
        segments.restore(session, ada, northwind.workspace, segment.id, now=now + timedelta(days=31))


# -- static lists ----------------------------------------------------------------------------------------------


def test_a_list_takes_only_people_of_its_workspace(session, northwind, make):
    """Ids of another workspace, or of nobody, are not put on a list; twice is once (S5)."""
    here = make_contact(session, northwind.workspace)
    there = make_contact(session, make_workspace(session, northwind.organization, "Other"))
    segment = make("List", kind=SegmentKind.LIST)
    assert segment_lists.add_members(session, segment.id, [here.id, there.id, 10**9]) == 1
    assert segment_lists.add_members(session, segment.id, [here.id]) == 0
    assert session.scalars(select(SegmentMember.member_id)).all() == [here.id]


def test_members_are_added_and_removed_by_hand(session, northwind, make, now):
    """Lines with an e-mail, phone or external id put people on a list; who is not here is named (S5)."""
    ada = make_contact(session, northwind.workspace, email="ada@x.example")
    make_contact(session, northwind.workspace, external_id="C-7")
    segment = make("List", kind=SegmentKind.LIST)
    place = (session, northwind.actor("Ada"), northwind.workspace, segment.id)
    done = segment_lists.add_by_hand(*place, " ADA@x.example \nC-7\n\nnobody@x.example", now=now)
    assert (done.added, done.unknown, segment.size) == (2, ("nobody@x.example",), 2)
    assert segment_lists.remove(*place, ada.id, now=now)
    assert not segment_lists.remove(*place, ada.id, now=now)
    assert (segment.size, segment.version) == (1, 3)


def test_a_list_of_companies_is_filled_by_domain(session, northwind, make, now):
    """Companies are put on a list by their domain (S14)."""
    make_company(session, northwind.workspace, company_domain="acme.example")
    segment = make("Accounts", kind=SegmentKind.LIST, members="companies")
    place = (session, northwind.actor("Ada"), northwind.workspace, segment.id)
    assert segment_lists.add_by_hand(*place, "https://www.acme.example/about", now=now).added == 1


def test_a_segment_with_rules_is_not_filled_by_hand(session, northwind, make, now):
    """Whom rules mean is in it, and nobody else (S5)."""
    segment = make()
    with pytest.raises(Refused, match="has rules"):
        segment_lists.add_by_hand(session, northwind.actor("Ada"), northwind.workspace, segment.id, "C-7", now=now)


# -- sizes and previews ----------------------------------------------------------------------------------------


def test_every_segment_is_counted_each_day(session, northwind, make, runtime, clock):
    """A segment without any sync still has a point a day, and counting twice at once adds one (S5)."""
    segment = make()
    session.commit()
    make_contact(session, northwind.workspace, city="Berlin")
    session.commit()
    clock.forward(hours=24)
    tick(runtime)
    assert f"segment:{segment.id}" in " ".join(key.decode() for key in runtime.queue.client.keys("segsync:woken:*"))
    for _ in range(2):
        do(runtime, "segment", segment.id)
    session.refresh(segment)
    history = segment_counts.history(session, segment, clock() - timedelta(days=9))
    assert [size for _, size in history] == [0, 1]


def test_a_preview_counts_shows_and_tells_who_cannot_be_reached(session, northwind, now):
    """Before anything is saved: how many, a few of them, and for each channel who is left out and why (S5)."""
    make_contact(session, northwind.workspace, city="Berlin", subscription="no")
    make_contact(session, northwind.workspace, city="Berlin", email=None, first_name=None, last_name=None)
    fine = make_contact(session, northwind.workspace, city="Berlin")
    seen = segment_counts.preview(session, northwind.workspace, "people", read(BERLIN), now)
    meta = seen.reach["meta"]
    assert (seen.members, meta.usable, meta.not_subscribed, meta.no_identifier) == (3, 1, 1, 1)
    assert fine in seen.sample
    assert session.scalars(select(Segment).where(Segment.name.is_(None))).all() == []


def test_what_three_segments_share_is_counted(session, northwind, make, now):
    """Every region of two or three segments with its figure, those that nobody is in as well (B19)."""
    for city, gender in (("Berlin", "male"), ("Berlin", "female"), ("Paris", "female")):
        make_contact(session, northwind.workspace, city=city, gender=gender)
    women = {"items": [{"field": "gender", "operator": "equals", "values": ["female"]}]}
    found = segment_overlap.overlap(session, [make(), make("Women", women), make("All", {})], now)
    assert {each.inside: each.members for each in found.regions if each.members} == {(0, 2): 1, (1, 2): 1, (0, 1, 2): 1}
    assert (len(found.regions), list(found.sizes), found.members) == (7, [2, 2, 3], 3)


@pytest.mark.parametrize(
    ("other", "told"),
    [({"members": "companies"}, "some companies"), ({"kind": SegmentKind.WAREHOUSE}, "rows of a warehouse")],
)
def test_what_cannot_be_compared_is_said(session, make, now, other, told):
    """People and companies, and rows of a warehouse, are not counted as if they were the same, and the page says why (B19)."""
    with pytest.raises(Refused, match=told):
        segment_overlap.overlap(session, [make(), make("Other", {}, **other)], now)


def test_whom_no_channel_takes_is_counted_by_reason(session, northwind, make, now):
    """Whoever is left out by every channel is counted once, by the reason, also where it is another one at each (B19)."""
    channels = [each.capabilities for each in CHANNELS.values()]
    place = northwind.workspace
    northwind.organization.unknown_consent_counts = True
    nothing = {"email": None, "first_name": None, "last_name": None}
    make_contact(session, place), make_contact(session, place, subscription="no")
    make_contact(session, place, **nothing), make_contact(session, place, **nothing, ad_user_data="denied")
    segment = make("All", {})
    found = everywhere(session, segment, channels, now=now, names=segment_counts.names(session))
    alone = {
        each.name: reach(session, segment, each, now=now, names=segment_counts.names(session)) for each in channels
    }
    assert found.by_channel == alone
    assert {reason: number for reason, number in found.nowhere.items() if number} == {
        "no_identifier": 1,
        "not_subscribed": 1,
        "at_each_another": 1,
    }


def test_the_list_of_segments_is_searched_sorted_and_filtered(session, northwind, make, now):
    """A segment is found by a part of its name, by its kind, and the largest comes first where asked (S5)."""
    make_contact(session, northwind.workspace)
    make("Small 100%", BERLIN), make("Large", {}), make("Accounts", {}, members="companies")
    names = lambda **asked: [  # noqa: E731
        each.name for each in session.scalars(listed(northwind.workspace, Wanted(**asked), now)) if each.kind == "rule"
    ]
    assert names(order="size") == ["Large", "Small 100%", "Accounts"]
    assert names(text="100%") == ["Small 100%"]
    assert names(which="companies") == ["Accounts"]
    assert names(deleted=True) == []
