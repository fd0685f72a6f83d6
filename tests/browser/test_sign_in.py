"""The journey from the door to one's own page, and what the door does to those who may not pass."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.builders import PASSWORD

pytestmark = pytest.mark.browser


def test_ada_signs_in_renames_herself_and_signs_out(page, ada, no_barriers):
    """Ada signs in by keyboard, changes her name, signs out, and Back shows nothing of hers (S1)."""
    page.goto("/profile")
    no_barriers()
    page.keyboard.type(ada.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_role("button", name="Change my name").click()
    expect(page.get_by_role("status")).to_contain_text("Your name was changed.")
    no_barriers()
    page.locator("summary", has_text="Ada Lovelace").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/profile")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_wrong_password_keeps_the_address_and_puts_the_cursor_on_the_password(page, ada, no_barriers):
    """What was typed stays, and the cursor stands where it has to be mended."""
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(ada.email)
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value(ada.email)
    expect(page.get_by_label("Password")).to_be_focused()
    no_barriers()


def test_the_left_side_folds_away_on_a_phone(page, sign_in, ada, fits):
    """On a phone the places are behind one button, and nothing is cut off."""
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(ada)
    side = page.locator("#side")
    expect(side).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(side).to_be_visible()
    fits()
