"""The contracted limit, as figures and as sentences."""

import pytest

from segsync.rules.limit import Use, after_this, refusal


@pytest.mark.parametrize(
    ("used", "contracted", "word"),
    [(0, 40, ""), (31, 40, ""), (32, 40, "near"), (39, 40, "near"), (40, 40, "reached"), (41, 40, "exceeded")],
)
def test_near_begins_at_four_fifths(used, contracted, word):
    """The card says near from 80 % on, reached at the limit, and exceeded after a contract was lowered (S9)."""
    assert Use(used, contracted).word == word


def test_places_left_never_go_below_none():
    """Lowering the contract below the use leaves nothing free, and takes nothing away (S9)."""
    assert Use(41, 40).left == 0
    assert Use(35, 40).left == 5


def test_whoever_creates_is_told_when_it_becomes_near():
    """Before the last click one reads the use after it, and how many places are left once that is near (S8, S9)."""
    assert after_this(Use(3, 40)) == "4 of 40 contracted syncs after this."
    assert after_this(Use(31, 40)) == "32 of 40 contracted syncs after this: 8 places left."
    assert after_this(Use(38, 40)) == "39 of 40 contracted syncs after this: 1 place left."
    assert after_this(Use(39, 40)) == "40 of 40 contracted syncs after this: it takes the last place."


def test_a_refusal_says_why_and_what_would_help():
    """At the limit nothing new starts, what runs goes on, and one reads what frees a place (S9)."""
    assert refusal(Use(40, 40)) == (
        "All 40 contracted syncs are in use, so nothing new can start. What runs goes on. "
        "Switching off or deleting a sync frees its place at once."
    )
    assert refusal(Use(12, 10)).startswith("12 syncs are in use and 10 are contracted")
    assert "no contracted syncs yet" in refusal(Use(0, 0))
