"""The people of the demo: made up, and still as people are."""

from __future__ import annotations

from collections import Counter
from datetime import date

from segsync.demo_people import people

ADDRESS = ("first_name", "last_name", "country", "postal_code")


def shared(keys):
    """How many of them have something that somebody else has too."""
    return sum(number for number in Counter(keys).values() if number > 1)


def test_people_of_the_demo_can_be_told_apart():
    """Few share a phone or an address: otherwise audiences are larger at the simulated channels than in our books (B9)."""
    everybody = list(people(date(2026, 3, 2)))
    assert shared(person["email"] for person in everybody) == 0
    assert shared(person["phone"] for person in everybody) < len(everybody) * 0.01
    assert shared(tuple(person[name] for name in ADDRESS) for person in everybody) < len(everybody) * 0.1
