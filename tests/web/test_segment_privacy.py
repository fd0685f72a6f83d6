"""Rules of segments name people: who may not see values reads the rules without them."""

from __future__ import annotations

import pytest

from tests.builders import make_segment

NAMING = {
    "items": [
        {"field": "email", "operator": "equals", "values": ["lovelace@secret.example"]},
        {"field": "city", "operator": "equals", "values": ["Berlin"]},
    ]
}


@pytest.fixture
def address(session, workspace):
    """A segment whose rules name somebody."""
    made = make_segment(session, workspace, "Named", kind="rule", rules=NAMING)
    session.commit()
    return f"/w/{workspace.id}/segments/{made.id}"


def test_view_only_reads_rules_without_values_that_name_people(sign_in, vera, address):
    """Vera reads what a segment asks for, but not whose e-mail; cities name nobody (S3)."""
    page = sign_in(vera).get(address).text
    assert "whose e-mail is “•••”" in page
    assert "Berlin" in page
    assert "lovelace" not in page
    assert "View-only people see counts and masked samples" in page


def test_nothing_is_said_of_hiding_where_nothing_is_hidden(session, workspace, sign_in, vera):
    """Rules that name nobody are read by Vera as they are (S3)."""
    made = make_segment(session, workspace, "Berlin", kind="rule", rules={"items": NAMING["items"][1:]})
    session.commit()
    assert "View-only people see counts" not in sign_in(vera).get(f"/w/{workspace.id}/segments/{made.id}").text


def test_who_may_see_values_reads_the_whole_rules(sign_in, ada, address):
    """Ada, who may see values, reads the e-mail that the rules ask for (S3)."""
    assert "lovelace@secret.example" in sign_in(ada).get(address).text
