"""Signing in and out, accepting an invitation, and one's own profile."""

from __future__ import annotations

import re

import pytest

from segsync.actions import invitations
from segsync.actions.actor import Actor
from segsync.actions.invitations import Invited
from segsync.models import Person
from segsync.rules.terms import Role
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


def test_a_wrong_sign_in_says_so_and_keeps_the_address(client, ada):
    """The page answers 422, keeps the e-mail, and never tells whether it is known."""
    known = client.post("/sign-in", data={"email": ada.email, "password": "wrong"})
    unknown = client.post("/sign-in", data={"email": "nobody@northwind.example", "password": "wrong"})
    assert known.status_code == unknown.status_code == 422
    assert "The e-mail address or the password is wrong." in known.text
    assert "The e-mail address or the password is wrong." in unknown.text
    assert f'value="{ada.email}"' in known.text


def test_too_many_tries_are_told_to_wait(client, ada, clock):
    """After five wrong passwords even the right one has to wait, with the time told; then it works again."""
    for _ in range(5):
        client.post("/sign-in", data={"email": ada.email, "password": "wrong"})
    answer = client.post("/sign-in", data={"email": ada.email, "password": PASSWORD})
    assert answer.status_code == 429
    assert "Try again in 15 minutes." in answer.text
    clock.forward(minutes=16)
    assert client.post("/sign-in", data={"email": ada.email, "password": PASSWORD}).status_code == 302


@pytest.fixture
def invitation(session, grace, workspace, clock):
    """The secret of a link that Grace gave to Lin."""
    invited = Invited("lin@northwind.example", "Lin", Role.MARKETING_USER, (workspace.id,))
    _, token = invitations.invite(session, Actor.person(grace), invited, clock())
    session.commit()
    return token


def test_an_invited_person_sets_a_password_and_is_in(client, session, invitation):
    """Lin opens the link, types a name and a password, and is signed in with the role that was given."""
    assert "You join as Marketing User" in client.get(f"/join/{invitation}").text
    password = "unrelated words make sense"
    answer = client.post(f"/join/{invitation}", data={"name": "Lin Wu", "password": password, "again": password})
    assert answer.status_code == 302
    assert "Lin Wu" in client.get("/profile").text
    assert session.query(Person).filter_by(email="lin@northwind.example").one().role == "marketing_user"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "Lin", "password": "short", "again": "short"}, "Use at least 10 characters."),
        ({"name": "Lin", "password": "long enough 1", "again": "long enough 2"}, "The two passwords are not the same."),
        ({"name": "", "password": "long enough 1", "again": "long enough 1"}, "Type your name."),
    ],
)
def test_a_password_that_will_not_do_is_said_beside_the_field(client, invitation, typed, said):
    """The form answers 422 with the reason and keeps the name (bad input)."""
    answer = client.post(f"/join/{invitation}", data=typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{typed["name"]}"' in answer.text


def test_a_link_works_once_and_a_wrong_one_never(client, invitation):
    """A used or broken link says so on a page."""
    password = "unrelated words make sense"
    client.post(f"/join/{invitation}", data={"name": "Lin", "password": password, "again": password})
    client.post("/sign-out")
    used = client.get(f"/join/{invitation}")
    assert used.status_code == 404
    assert "used already" in used.text
    assert client.get("/join/broken").status_code == 404


def test_a_changed_password_keeps_this_browser_and_ends_the_others(app, client, sign_in, ada):
    """Ada changes her password: she goes on here, and is signed out elsewhere."""
    elsewhere = app.test_client()
    elsewhere.post("/sign-in", data={"email": ada.email, "password": PASSWORD})
    sign_in(ada)
    fresh = "another four words here"
    typed = {"current": PASSWORD, "password": fresh, "again": fresh}
    assert client.post("/profile/password", data=typed).status_code == 302
    assert client.get("/profile").status_code == 200
    assert elsewhere.get("/profile").status_code == 302


def test_a_wrong_current_password_changes_nothing(client, sign_in, ada):
    """Whoever finds an open browser cannot take the person's password."""
    sign_in(ada)
    typed = {"current": "a guess that is wrong", "password": "another four words", "again": "another four words"}
    answer = client.post("/profile/password", data=typed)
    assert answer.status_code == 422
    assert "This is not your current password." in answer.text


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/19.0 Safari/604.1"


@pytest.fixture
def elsewhere(app, ada):
    """Ada's telephone, signed in."""
    browser = app.test_client()
    browser.post("/sign-in", data={"email": ada.email, "password": PASSWORD}, headers={"User-Agent": SAFARI})
    return browser


@pytest.fixture
def here(client, ada, elsewhere, clock):
    """Ada's own machine, signed in two hours later."""
    clock.forward(hours=2)
    client.post("/sign-in", data={"email": ada.email, "password": PASSWORD}, headers={"User-Agent": FIREFOX})
    return client


def test_the_profile_lists_where_one_is_signed_in(here):
    """Ada sees her browsers in words she knows, which of them this one is, and when the others were used (S1)."""
    shown = " ".join(here.get("/profile").text.split())
    assert "<strong>Firefox on Linux</strong>" in shown
    assert "<strong>Safari on an iPhone</strong>" in shown
    assert shown.count("This browser") == 1
    assert shown.count("Sign out there") == 1
    assert "2 h ago" in shown


def test_one_signs_out_there(here, elsewhere):
    """The telephone that Ada lost is out at once, and only that (S1)."""
    address = re.search(r"/profile/browsers/\d+/sign-out", here.get("/profile").text)[0]
    assert here.post(address).location == "/profile"
    assert "Sign out there" not in here.get("/profile").text
    assert elsewhere.get("/profile").status_code == 302


def test_one_signs_out_everywhere_else(here, elsewhere):
    """All others are out, this browser goes on (S1)."""
    here.post("/profile/browsers/sign-out")
    assert "You are signed out of 1 other browser." in here.get("/profile").text
    assert elsewhere.get("/profile").status_code == 302


def test_signing_in_anew_in_the_same_browser_leaves_no_session_behind(client, session, ada, invitation):
    """Whoever joins in a browser where somebody was signed in ends what was there (S1)."""
    client.post("/sign-in", data={"email": ada.email, "password": PASSWORD})
    copied = client.get_cookie("segsync").value
    words = "unrelated words make sense"
    client.post(f"/join/{invitation}", data={"name": "Lin Wu", "password": words, "again": words})
    assert "Lin Wu" in client.get("/profile").text
    client.set_cookie("segsync", copied)
    assert client.get("/profile").status_code == 302
