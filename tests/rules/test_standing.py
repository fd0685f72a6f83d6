"""Where one person stands at one audience."""

from __future__ import annotations

import pytest

from segsync.rules.standing import HELD, REFUSED, SKIPPED, UNSURE, Meant, Row, Stands, standing

MEMBER = Meant(member=True)
GONE = Meant(member=False)


@pytest.mark.parametrize(
    ("meant", "states", "planned", "stands"),
    [
        (MEMBER, [HELD], "", Stands.IN),
        (MEMBER, [UNSURE], "", Stands.WAITING),
        (MEMBER, [], "add", Stands.WAITING),
        (MEMBER, [], "", Stands.NEXT_RUN),
        (MEMBER, [REFUSED], "", Stands.REFUSED),
        (MEMBER, [UNSURE, HELD], "", Stands.IN),
        (GONE, [HELD], "", Stands.REMOVAL_DUE),
        (GONE, [], "", Stands.OUT),
        (GONE, [REFUSED], "", Stands.OUT),
        (Meant(member=True, barred="excluded"), [HELD], "", Stands.REMOVAL_DUE),
        (Meant(member=True, has_key=False), [SKIPPED], "", Stands.OUT),
    ],
)
def test_every_case_has_its_word(meant, states, planned, stands):
    """In it, waiting, coming, refused, on the way out, or out: told apart by what is meant and what our books hold (B4)."""
    assert standing(meant, [Row(state) for state in states], planned).stands is stands


@pytest.mark.parametrize(
    ("meant", "why"),
    [
        (GONE, "not_member"),
        (Meant(member=True, barred="no_consent"), "no_consent"),
        (Meant(member=True, has_key=False), "no_identifier"),
        (MEMBER, ""),
    ],
)
def test_reason_why_not_is_the_first_that_counts(meant, why):
    """Why somebody is not in an audience is one reason, the first that counts (B4)."""
    assert standing(meant, []).why == why


def test_first_and_last_sent_are_over_all_versions():
    """First sent is the earliest of all versions of the person, last sent the latest; identifiers are named once (B4)."""
    found = standing(MEMBER, [Row(HELD, "", ("EMAIL",), 10, 20), Row(HELD, "", ("EMAIL", "PHONE"), 5, 30)])
    assert (found.first_sent, found.last_sent, found.keys) == (5, 30, ("EMAIL", "PHONE"))
