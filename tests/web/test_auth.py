"""Signing in and out, and what a session is worth."""

from __future__ import annotations

import pytest

from tests.builders import PASSWORD


def test_a_person_signs_in_and_goes_on_to_where_they_were_going(client, ada):
    """Ada opens her profile, signs in, and is on her profile (S1)."""
    first = client.get("/profile")
    assert first.status_code == 302
    answer = client.post(first.location, data={"email": ada.email, "password": PASSWORD})
    assert (answer.status_code, answer.location) == (302, "/profile")
    assert "Your profile" in client.get("/profile").text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_to_another_site_after_signing_in(client, ada, elsewhere):
    """A link to our sign-in page cannot lead to somebody else's site."""
    answer = client.post(f"/sign-in?next={elsewhere}", data={"email": ada.email, "password": PASSWORD})
    assert answer.location == "/"
