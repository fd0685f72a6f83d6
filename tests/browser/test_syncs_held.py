"""Held removals and tries in a real browser: pressed by mouse, read without barriers, on any width."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from segsync.actions import runs, slices
from segsync.rules.terms import Purpose
from tests.web.test_syncs_held import held, sync  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser


def test_ada_tries_and_reads_what_would_be_sent(sign_in, page, runtime, session, ada, sync, no_barriers, fits):  # noqa: F811
    """She presses, the page follows the worker by itself, and shows the figures with a masked sample (B3)."""
    sign_in(ada, f"/syncs/{sync.public_id}")
    page.get_by_role("button", name="Try without sending").click()
    expect(page.get_by_text("Queued")).to_be_visible()
    slices.work_slice(runtime, runs.open_run(session, sync.id, Purpose.TRY).id)
    expect(page.get_by_role("heading", name="For instance")).to_be_visible()
    expect(page.get_by_text("w•••@e•••.org").first).to_be_visible()
    no_barriers()
    page.set_viewport_size({"width": 390, "height": 844})
    fits()


def test_alan_looks_at_held_removals_and_releases_them(sign_in, page, alan, sync, held, no_barriers, fits):  # noqa: F811
    """From the sync to the figures to the run, in two clicks; the button says what it does (B2)."""
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(alan, f"/syncs/{sync.public_id}")
    no_barriers()
    page.get_by_role("link", name="Look at the removals and release them").click()
    expect(page.get_by_text("Max changed the segment “Customers” since the last good run.")).to_be_visible()
    no_barriers()
    fits()
    page.get_by_role("button", name="Release and remove 1,200 members").click()
    expect(page.get_by_text("The removals are released, and the run has started.")).to_be_visible()


@pytest.mark.parametrize("address", ["/settings", "/syncs/{}/thresholds"])
def test_thresholds_are_set_without_barriers(sign_in, page, alan, sync, no_barriers, fits, address):  # noqa: F811
    """The figures have labels, help and room on a phone (B2, B16)."""
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(alan, address.format(sync.public_id))
    no_barriers()
    fits()
