"""Building a segment in a real browser: nested rules, the count beside them, saving, its page; with the keyboard alone."""

from __future__ import annotations

import os
import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from segsync.models import SegmentSize
from tests.builders import NOW, make_contact, make_integration, make_segment, make_sync

pytestmark = pytest.mark.browser
LONG = "Enterprise" * 8


@pytest.fixture
def people(session, workspace):
    """Three from Berlin, one of them with a tag and one without subscription, and one from Paris."""
    make_contact(session, workspace, city="Berlin", tags=["VIP"], first_name="Ada")
    make_contact(session, workspace, city="Berlin", subscription="no", first_name="Max")
    make_contact(session, workspace, city="Berlin", country="DE", first_name="Zoë")
    make_contact(session, workspace, city="Paris", tags=["VIP"], first_name="Grace")
    session.commit()


def condition(page: Page, number: str):
    return page.get_by_role("group", name=f"Condition {number}", exact=True)


def ask(page: Page, number: str, field: str, comparison: str, value: str) -> None:
    row = condition(page, number)
    row.get_by_label("Field").select_option(label=field)
    row.get_by_label("Comparison").select_option(label=comparison)
    row.get_by_label("Value").fill(value)


def test_a_segment_with_nested_rules(page, sign_in, ada, workspace, people, no_barriers, fits, screenshot):
    """Rules inside rules, the count changing as one types, mistakes beside the condition, and the segment's page (S5)."""
    sign_in(ada, f"/w/{workspace.id}/segments")
    page.get_by_role("link", name="Build a segment").first.click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("4 people now")
    page.get_by_label("Name").fill("Berliners with a reason")
    page.get_by_role("button", name="Add a condition").click()
    ask(page, "1", "City", "is", "berlin")
    expect(preview).to_contain_text("3 people now")
    page.get_by_role("button", name="Add a group").first.click()
    ask(page, "2.1", "Tags", "has", "vip")
    expect(preview).to_contain_text("1 person now")
    page.get_by_role("group", name="Group 2").get_by_role("button", name="Add a condition").click()
    ask(page, "2.2", "Country", "is", "Atlantis")
    page.get_by_label("Name").focus()
    expect(condition(page, "2.2")).to_contain_text("This country is not known")
    screenshot("segment-editor-problem")
    condition(page, "2.2").get_by_label("Value").fill("Germany")
    expect(preview).to_contain_text("2 people now")
    expect(preview).to_contain_text(
        "Contacts whose city is “berlin” and (who have the tag “vip” or whose country is DE)."
    )
    no_barriers()
    fits()
    screenshot("segment-editor")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Berliners with a reason")
    expect(page.locator(".segment-figures")).to_contain_text("2 of 2")
    no_barriers()
    screenshot("segment-page")


def test_everything_by_keyboard(page, sign_in, ada, workspace, people):
    """A condition is added, filled and removed, and the segment saved, without a mouse (S5)."""
    sign_in(ada, f"/w/{workspace.id}/segments/new")
    page.get_by_label("Name").focus()
    page.keyboard.type("By keyboard")
    page.get_by_role("button", name="Add a condition").focus()
    page.keyboard.press("Enter")
    expect(condition(page, "1").get_by_label("Field")).to_be_focused()
    page.keyboard.type("City")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("Paris")
    expect(page.locator("#preview")).to_contain_text("1 person now")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add a condition")).to_be_focused()
    expect(page.locator("#preview")).to_contain_text("4 people now")
    page.get_by_label("Name").press("Enter")
    page.wait_for_url(re.compile(r"/segments/\d+$"))


def test_a_refused_save_keeps_everything(page, sign_in, ada, workspace, people):
    """A mistake at saving: rules and name stay, the sentence stands beside the condition, and the cursor is there (S5)."""
    sign_in(ada, f"/w/{workspace.id}/segments/new")
    page.get_by_label("Name").fill("Not yet")
    page.get_by_role("button", name="Add a condition").click()
    ask(page, "1", "E-mail", "is", "nobody")
    page.get_by_role("button", name="Save the segment").click()
    expect(condition(page, "1")).to_contain_text("An e-mail address needs")
    expect(condition(page, "1").get_by_label("Value")).to_have_value("nobody")
    expect(condition(page, "1").get_by_label("Value")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("Not yet")


@pytest.fixture
def many(session, workspace, ada):
    """Enough segments for a full page, one of them with a long name, a year of sizes with a gap, and syncs."""
    for number in range(60):
        make_segment(session, workspace, f"Segment {number}", ada, size=number * 997, refreshed_at=NOW)
    long = make_segment(session, workspace, LONG, ada, kind="rule", rules={}, size=12_480, refreshed_at=NOW)
    for day in (*range(40), *range(50, 85)):
        session.add(SegmentSize(segment_id=long.id, at=NOW - timedelta(days=day), size=12_480 - day * 37 % 900))
    signin = make_integration(session, ada)
    for status in ("synced", "syncing", "failed", "inactive"):
        make_sync(session, long, signin, status=status, account_name=LONG if status == "failed" else "Northwind EU")
    session.commit()
    return long


@pytest.mark.parametrize("width", [1280, 390])
def test_segments_fit_every_screen(page, sign_in, ada, workspace, many, people, no_barriers, fits, screenshot, width):
    """List, page, editor and dialog at desk and phone width, in the dark too, with a name of 80 letters (S5)."""
    sign_in(ada, f"/w/{workspace.id}/segments")
    page.set_viewport_size({"width": width, "height": 900})
    for name, where in {
        "list": "",
        "page": f"/{many.id}",
        "new": "/new",
        "edit": f"/{many.id}/edit",
        "delete": f"/{many.id}/delete",
    }.items():
        page.goto(f"/w/{workspace.id}/segments{where}")
        page.wait_for_load_state("networkidle")
        fits()
        no_barriers()
        screenshot(f"segments-{name}-{width}")
    if os.environ.get("SEGSYNC_PICTURES"):
        page.emulate_media(color_scheme="dark")
        for name, where in {"list": "", "page": f"/{many.id}", "edit": f"/{many.id}/edit"}.items():
            page.goto(f"/w/{workspace.id}/segments{where}")
            page.wait_for_load_state("networkidle")
            screenshot(f"segments-{name}-{width}-dark")
