"""Live parts and previews: what our script does in a page, tried on a page made for it."""

from __future__ import annotations

from itertools import count

import pytest
from flask import render_template_string, request
from playwright.sync_api import expect

from segsync.rules.rights import PUBLIC, ROUTES
from segsync.web.live import fragment

pytestmark = pytest.mark.browser
PAGE = """{% extends "base.html" %}{% block title %}Live{% endblock %}{% block content %}
<h1>Live</h1><div id="part" data-live="/live/part" data-every="1"><button id="kept">Still here</button></div>
<form data-preview="/live/preview" data-preview-into="answer"><input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<label>Words <input name="words"></label></form><output id="answer"></output>
<div data-wait></div>{% endblock %}"""


@pytest.fixture
def lab(live_server, monkeypatch):
    """A page with a live part that counts, and a preview that says back what it was sent."""
    asked, app = count(1), live_server.app
    seen = {"parts": [], "previews": []}

    def part():
        number = next(asked)
        seen["parts"].append(request.headers.get("If-None-Match"))
        if seen.get("status"):
            return "gone", seen["status"]
        text = "the same" if number > 2 else f"number {number}"
        return fragment(f'<button id="kept">Still here</button> <b>{text}</b>', busy=number < 4)

    def preview():
        seen["previews"].append(request.form["words"])
        return f"you typed {request.form['words']}"

    for endpoint, view, methods in (("page", lambda: render_template_string(PAGE), ["GET"]), ("part", part, ["GET"]),
                                    ("preview", preview, ["POST"])):  # fmt: skip
        app.add_url_rule(f"/live/{endpoint}", f"lab.{endpoint}", view, methods=methods)
        monkeypatch.setitem(ROUTES, f"lab.{endpoint}", PUBLIC)
    return seen


def test_a_live_part_changes_in_place_and_keeps_focus(page, lab):
    """What somebody has in hand stays in their hand while the page updates (S12)."""
    page.goto("/live/page")
    page.locator("#kept").focus()
    expect(page.locator("#part b")).to_have_text("number 1")
    expect(page.locator("#part b")).to_have_text("the same")
    expect(page.locator("#kept")).to_be_focused()


def test_nothing_is_sent_again_where_nothing_changed_and_an_idle_part_is_asked_seldom(page, lab):
    """The script says what it has; once nothing is going on it asks every 30 seconds only (S12)."""
    page.goto("/live/page")
    expect(page.locator("#part b")).to_have_text("the same")
    page.wait_for_timeout(3500)
    assert lab["parts"][0] is None
    assert lab["parts"][3] is not None
    assert len(lab["parts"]) == 4


def test_whoever_was_signed_out_meanwhile_is_told(page, lab):
    """A live part does not freeze in silence, nor fill with a sign-in page."""
    lab["status"] = 401
    page.goto("/live/page")
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(page.locator("#kept")).to_be_visible()


def test_a_preview_follows_the_typing_and_asks_once_for_a_burst(page, lab):
    """Figures beside a form follow a moment after the last key, by one request with our secret."""
    page.goto("/live/page")
    page.get_by_label("Words").press_sequentially("prospects", delay=20)
    expect(page.locator("#answer")).to_have_text("you typed prospects")
    assert lab["previews"] == ["prospects"]
