"""What browsers are told, what is refused at the door, and what a session survives."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import request

from segsync.app import create_app
from segsync.config import Settings
from segsync.web.frame import safe_next
from tests.builders import PASSWORD


def test_every_page_carries_a_strict_policy(client):
    """Nothing inline, nothing from elsewhere, in nobody's frame; forms may lead to the channels' consent pages."""
    headers = client.get("/sign-in").headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert "https://accounts.google.com" in policy["form-action"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "no-cache" in headers["Cache-Control"]


def test_files_are_kept_for_a_year_under_an_address_of_their_own(client):
    """Pages load fast: a browser asks for our files once for each release."""
    address = re.search(r'href="(/static/segsync\.css\?v=[^"]+)"', client.get("/sign-in").text)[1]
    with client.get(address) as answer:
        assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_a_form_sent_from_elsewhere_is_refused(runtime, ada):
    """A form without our secret changes nothing, and says why (bad input)."""
    app = create_app(runtime)
    answer = app.test_client().post("/sign-in", data={"email": ada.email, "password": PASSWORD})
    assert answer.status_code == 400
    assert "This form is too old" in answer.text


def test_a_session_shares_nothing_with_the_one_before(client, ada):
    """Whatever was planted in a browser before signing in is gone after it."""
    with client.session_transaction() as session:
        session["planted"] = "yes"
    client.post("/sign-in", data={"email": ada.email, "password": PASSWORD})
    with client.session_transaction() as session:
        assert "planted" not in session


def test_a_copied_cookie_is_worth_nothing_after_signing_out(app, client, ada):
    """Whoever took a copy of Ada's cookie is out when she signs out (S1)."""
    client.post("/sign-in", data={"email": ada.email, "password": PASSWORD})
    copied = client.get_cookie("segsync").value
    thief = app.test_client()
    thief.set_cookie("segsync", copied)
    assert thief.get("/profile").status_code == 200
    client.post("/sign-out")
    assert thief.get("/profile").status_code == 302


def test_a_deactivated_person_is_out_at_once(client, sign_in, session, ada, clock):
    """Whoever leaves cannot go on in a browser that is still open."""
    sign_in(ada)
    ada.deactivated_at = clock()
    session.commit()
    assert client.get("/profile").status_code == 302


def test_with_a_public_address_cookies_travel_encrypted_only(runtime, settings):
    """Under https the cookie is bound to the host and to https, and other hosts are refused."""
    public = Settings(**settings.model_dump() | {"public_url": "https://segsync.example.com"})
    app = create_app(replace(runtime, settings=public))
    assert app.config["SESSION_COOKIE_SECURE"] is True
    assert app.config["SESSION_COOKIE_NAME"].startswith("__Host-")
    client = app.test_client()
    answer = client.get("/sign-in", base_url="https://segsync.example.com")
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert client.get("/sign-in", base_url="https://elsewhere.example").status_code == 400


@pytest.mark.parametrize(
    ("asked", "followed"),
    [("/syncs?status=failed", True), ("", False), ("//x.example", False), ("https://x.example", False),
     ("/\\x.example", False), ("/a\nb", False), ("javascript:1", False), ("syncs", False)],
)  # fmt: skip
def test_only_addresses_inside_the_product_are_followed(asked, followed):
    """After signing in, one goes on inside the product only."""
    assert safe_next(asked, "/") == (asked if followed else "/")


def test_signing_out_empties_the_session_and_what_the_browser_kept(client, sign_in, ada):
    """On a shared machine nothing is left behind."""
    sign_in(ada)
    answer = client.post("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert client.get("/profile").status_code == 302


@pytest.mark.parametrize(("proxies", "address"), [(0, "10.0.0.1"), (1, "203.0.113.9")])
def test_only_known_proxies_are_believed(runtime, settings, proxies, address):
    """Whoever tries passwords cannot pretend to come from elsewhere, and a proxy does not make everybody one address."""
    behind = Settings(**settings.model_dump() | {"proxies": proxies})
    app = create_app(replace(runtime, settings=behind))
    seen = []
    app.before_request(lambda: seen.append(request.remote_addr))
    app.test_client().get(
        "/sign-in", headers={"X-Forwarded-For": "203.0.113.9"}, environ_base={"REMOTE_ADDR": "10.0.0.1"}
    )
    assert seen == [address]
