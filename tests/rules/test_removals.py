"""How many removals are too many, and what a release holds for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from segsync.rules.removals import Release, Removals, Thresholds, likely, too_many
from segsync.rules.sizes import unusual, usual

USUAL = Thresholds(20, 500)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("leaving", "held", "held_back"),
    [(500, 2499, True), (500, 2500, False), (499, 600, False), (0, 5000, False), (100_000, 1_000_000, False)],
)
def test_both_thresholds_must_be_passed(leaving, held, held_back):
    """More than a fifth, and at least 500: a large share of a small audience and a small share of a large one go through (B2)."""
    assert too_many(Removals(leaving, held, held - leaving), USUAL) is held_back


def test_a_fall_to_nobody_is_always_too_many():
    """Whatever the thresholds say, an audience that loses its last member waits; one that is empty already does not (B2)."""
    never = Thresholds(100, 10**9)
    assert too_many(Removals(1, 1, 0), never)
    assert not too_many(Removals(0, 0, 0), never)
    assert not too_many(Removals(2, 2, 1), never)


def test_an_audience_that_holds_nobody_for_sure_is_judged_too():
    """Where more leave than the books hold for sure, that is no small share (B2)."""
    assert too_many(Removals(600, 0, 3), USUAL)


@pytest.mark.parametrize(("leaving", "hours", "lets_through"), [(1050, 23, True), (1051, 0, False), (900, 24, False)])
def test_a_release_holds_for_what_was_looked_at(leaving, hours, lets_through):
    """For these removals and five per cent more, for 24 hours, and not for another thousand (B2)."""
    release = Release(1000, to_nobody=False, until=NOW + timedelta(hours=24), decided_by="x")
    assert release.covers(Removals(leaving, 2000, 5), NOW + timedelta(hours=hours), "x") is lets_through
    assert Release.read(release.stored()) == release
    assert Release.read({}) is None


def test_everybody_leaves_only_where_that_was_released():
    """Whoever let 1,000 of 1,010 go did not let everybody go (B2)."""
    until = NOW + timedelta(hours=24)
    everybody = Removals(1010, 1010, 0)
    assert not Release(1000, to_nobody=False, until=until, decided_by="x").covers(everybody, NOW, "x")
    assert Release(1010, to_nobody=True, until=until, decided_by="x").covers(everybody, NOW, "x")


def test_a_release_is_for_what_was_looked_at_only():
    """A segment or an exclusion list that was changed since, or while the run read it, means other people (B2)."""
    release = Release(1000, to_nobody=False, until=NOW + timedelta(hours=24), decided_by="x")
    found = Removals(1000, 2000, 1000)
    assert [release.covers(found, NOW, decided_by) for decided_by in ("x", "y", "")] == [True, False, False]


def test_a_release_of_before_an_update_covers_nothing():
    """What was released by the segment's version alone is looked at again (B2)."""
    old = {
        "removals": 1000,
        "to_nobody": True,
        "until": (NOW + timedelta(hours=24)).isoformat(),
        "by": 7,
        "segment_version": 3,
    }
    assert not Release.read(old).covers(Removals(1, 2, 1), NOW, "")


def test_a_release_that_was_used_in_part_covers_the_rest_alone():
    """Of 1,000 that were released 900 went: another 100 may go, and not everybody; where nothing is due nothing is released (B2)."""
    until = NOW + timedelta(hours=24)
    rest = Release.read(Release(1000, to_nobody=True, until=until, by=7, decided_by="x").after(100))
    assert rest == Release(100, to_nobody=False, until=until, by=7, decided_by="x")
    assert rest.after(0) == {}
    assert rest.after(5000)["removals"] == 100


def test_what_lies_behind_is_said_or_said_to_be_unknown():
    """An administrator reads who changed what, or that nothing was found (B2)."""
    causes = [{"kind": "segment", "by": "Ada", "name": "VIP"}, {"kind": "consent", "count": 1200}]
    assert likely(causes) == (
        "Ada changed the segment “VIP” since the last good run. "
        "1,200 more people than at the last good run may not be sent: not subscribed, no consent, or excluded."
    )
    assert likely([]) == "What lies behind it is not known."


@pytest.mark.parametrize(
    ("size", "said"), [(1300, False), (1301, True), (700, False), (699, True), (0, True), (1000, False)]
)
def test_a_size_far_from_the_usual_one_is_unusual(size, said):
    """A third more or less than the median of the last seven good runs is said (B16)."""
    usually = usual([1000, 900, 1100, 1000, 5, 9999, 1000, 1])
    assert usually == 1000
    assert unusual(size, usually, 30) is said


def test_nothing_is_unusual_while_nothing_is_usual():
    """Two runs make no habit, and nobody is no size to be measured by (B16)."""
    assert not unusual(500, usual([10, 10]), 30)
    assert not unusual(500, usual([0, 0, 0]), 30)
