"""Alerts, the catalogue, audit, people, workspaces and settings, as people of each role meet them in a browser."""

from __future__ import annotations

import csv

import pytest
from playwright.sync_api import expect

from segsync.actions.actor import Actor
from segsync.actions.alerts import Cause, open_alert
from segsync.actions.audit import Subject, record
from segsync.models import AuditEvent
from segsync.rules.catalogue import entry
from tests.builders import make_integration, make_segment, make_sync

pytestmark = pytest.mark.browser
LONG = "Enterprise" * 8
PAGES = ("/alerts", "/alerts?which=closed", "/alerts/catalogue", "/settings", "/profile")
OF_ADMINISTRATORS = ("/audit", "/people", "/people/invite", "/people/{max}", "/people/{max}/deactivate",
                     "/workspaces", "/workspaces/new", "/workspaces/{workspace}")  # fmt: skip


@pytest.fixture
def busy(session, organization, workspace, grace, max_, clock):
    """Max's sign-in ended, the terms of an account are not accepted, and Grace did a few things. Names are long."""
    signin = make_integration(session, max_, "meta")
    syncs = [make_sync(session, make_segment(session, workspace, name), signin, account_name="Northwind EU")
             for name in (LONG, "Fintech", "Churned", "Prospects")]  # fmt: skip
    for code in ("signin.expired", "terms.not_accepted"):
        facts = {"person": "Max", "account": "Northwind EU", "segment": LONG}
        cause = Cause(code, code, entry(code).acts, max_.id, "meta", facts=facts, raw="190/463", reference="A" * 60)
        open_alert(session, organization.id, cause, now=clock(), sync_ids=[sync.id for sync in syncs])
    off = Subject("sync", syncs[0].id, f"{LONG} → Meta · Northwind EU", syncs[0].public_id)
    for number in range(60):
        change = ({"status": "synced"}, {"status": "inactive"})
        record(session, Actor.person(grace, f"rq-{number}"), "sync.off", off, change=change, reason="Campaign ended")
    session.commit()


def test_every_page_is_without_barriers_and_fits(
    page, sign_in, busy, grace, max_, workspace, no_barriers, fits, screenshot
):
    """Each page, in light and dark, wide and on a phone, with long names: nothing is cut off, nothing is in the way."""
    sign_in(grace)
    for address in PAGES + OF_ADMINISTRATORS:
        page.goto(address.format(max=max_.id, workspace=workspace.id))
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.set_viewport_size({"width": 1280, "height": 900})
            no_barriers(*([] if theme == "light" else ["color-contrast"]))
            fits()
            page.set_viewport_size({"width": 390, "height": 844})
            fits()
            screenshot(f"{address.strip('/').replace('/', '-').replace('?', '-')}-{theme}")
        no_barriers()


def test_max_sees_at_once_what_waits_for_him(page, sign_in, busy, max_):
    """The count at the top leads to the alerts; the first says what happened, the steps, and which syncs wait (S13)."""
    sign_in(max_, "/profile")
    page.get_by_role("link", name="2 wait for you").click()
    card = page.locator(".alert-card").first
    expect(card).to_contain_text("Max has to reconnect. 4 syncs wait.")
    expect(card).to_contain_text("Waits for you")
    expect(card.get_by_role("listitem").first).to_contain_text("Open Integrations")
    card.get_by_role("link", name="About “Sign-in expired”").click()
    expect(page.locator(":target h3")).to_contain_text("Sign-in expired")


def test_view_only_sees_all_of_it_and_can_change_nothing(page, sign_in, busy, vera):
    """Vera reads alerts, catalogue and settings; the one control there is disabled and says who can (S17)."""
    sign_in(vera)
    expect(page.locator(".alert-card")).to_have_count(2)
    expect(page.get_by_text("Waits for Max")).to_have_count(2)
    expect(page.get_by_role("link", name="Audit")).to_have_count(0)
    page.goto("/settings")
    expect(page.get_by_label("An unknown advertising consent counts as granted")).to_be_disabled()
    expect(page.get_by_text("Only an administrator can decide what unknown consent means.")).to_be_visible()
    page.get_by_role("button", name="Save what unknown means").click(force=True)
    expect(page.get_by_role("heading", name="Settings of Northwind")).to_be_visible()
    page.goto("/audit")
    expect(page.get_by_role("heading", name="You cannot open this")).to_be_visible()
    expect(page.get_by_text("Only an administrator can read the audit trail.")).to_be_visible()


def test_an_administrator_filters_the_trail_and_takes_it_along(page, sign_in, busy, session, grace, tmp_path):
    """A filter goes into the address and keeps its focus, Back works, and the export holds what was filtered (S14)."""
    sign_in(grace, "/audit")
    page.get_by_label("About").select_option("Syncs")
    page.wait_for_url("**/audit?kind=sync")
    expect(page.get_by_label("About")).to_be_focused()
    expect(page.get_by_text("1 to 50 of 60 events")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("51 to 60 of 60 events")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1 to 50 of 60 events")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("button", name="Export 60 events as CSV").click()
    started.value.save_as(tmp_path / "audit.csv")
    rows = list(csv.DictReader((tmp_path / "audit.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 60
    assert session.query(AuditEvent).filter_by(event="audit.export").count() == 1


def test_grace_invites_lin_who_joins(page, sign_in, grace, workspace):
    """Grace makes a link, Lin opens it, sets a password, and is in with the role that was given."""
    sign_in(grace, "/people")
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("Name").fill("Lin")
    page.get_by_label("E-mail").fill("lin@northwind.example")
    page.get_by_role("checkbox", name="Main").check()
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_label("New invitation").locator("code").inner_text()
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_label("Password", exact=True).fill("four unrelated words")
    page.get_by_label("The same password again").fill("four unrelated words")
    page.get_by_role("button", name="Set the password and sign in").click()
    page.goto("/profile")
    expect(page.locator("main").get_by_text("lin@northwind.example")).to_be_visible()
    expect(page.locator("main").get_by_text("Marketing User")).to_be_visible()


def test_a_search_in_the_catalogue_is_by_keyboard_alone(page, sign_in, vera):
    """Type, Enter, read: the entries that hold all words, with their number."""
    sign_in(vera, "/alerts/catalogue")
    page.get_by_label("Search").focus()
    page.keyboard.type("terms business")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=terms+business")
    expect(page.get_by_text("1 entry")).to_be_visible()
    expect(page.get_by_label("Search")).to_be_focused()
