"""Whole journeys in real Chromium, with the real connector against Meta's simulator."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from connectors.simulators import Simulators
from segsync.actions import asks, schedule, slices
from segsync.actions.schedule import pick_runs
from segsync.config import ChannelSettings
from segsync.models import Ask, Contact, SegmentMember, Sync
from segsync.rules.terms import Status
from tests.builders import make_contact, make_integration, make_segment, make_sync

pytestmark = pytest.mark.browser

ACCOUNT = "Northwind EU"


@pytest.fixture(scope="module")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


@pytest.fixture(autouse=True)
def meta(runtime, simulators) -> Simulators:
    """Meta is set up, and reached through its simulator."""
    runtime.settings.__dict__["channels"] = runtime.settings.channels | {
        "meta": ChannelSettings(
            client_id="journey",
            client_secret="journey-secret",
            bases=simulators.urls["meta"],
            options={"simulated": "yes", "poll_seconds": "1"},
        )
    }
    return simulators


@dataclass
class Hands:
    """Does what the scheduler and the workers do, in a thread of this process."""

    runtime: object
    ended: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        while not self.ended.wait(0.1):
            with self.runtime.sessions.begin() as session:
                schedule.start_due(session, self.runtime.clock())
                run_ids = list(pick_runs(session, self.runtime.clock()))
                ask_ids = list(session.scalars(select(Ask.id).where(Ask.state == "queued")))
            for ask_id in ask_ids:
                asks.answer(self.runtime, ask_id)
            for run_id in run_ids:
                slices.work_slice(self.runtime, run_id)


@pytest.fixture
def workers(runtime, live_server) -> Iterator[Hands]:
    """Workers at their work; and the channels know where people come back to."""
    runtime.settings.port = int(live_server.url.rpartition(":")[2])
    hands = Hands(runtime)
    thread = threading.Thread(target=hands.work, name="hands")
    thread.start()
    yield hands
    hands.ended.set()
    thread.join()


@pytest.fixture
def segment(session, workspace, ada):
    """Thirty people in a list of Ada's."""
    made = make_segment(session, workspace, "Enterprise prospects", ada, size=30)
    for number in range(30):
        contact = make_contact(session, workspace, email=f"prospect{number}@journey.example")
        session.add(SegmentMember(segment_id=made.id, member_id=contact.id))
    session.commit()
    return made


def connect_meta(page: Page) -> None:
    """From Integrations through the consent page and back."""
    page.goto("/integrations")
    page.get_by_role("link", name="Connect Meta").click()
    page.get_by_role("button", name="Continue to Meta").click()
    page.get_by_label("Ada Byron").check()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("Meta is connected as Ada Byron.")).to_be_visible()


def create_sync(page: Page) -> None:
    """Segment, channel, ad account, statements, start."""
    page.goto("/syncs")
    page.get_by_role("link", name="Create sync").first.click()
    page.get_by_label("Enterprise prospects").check()
    page.get_by_role("radio", name=re.compile("Meta")).check()
    page.get_by_role("radio", name=re.compile(ACCOUNT)).check()
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Start syncing").click()


def test_from_sign_in_to_a_synced_audience(page, sign_in, ada, segment, workers, meta, session, screenshot):
    """A Marketing User connects Meta, creates a sync, watches it, and Meta holds exactly the segment's people (S2, S8, S12)."""
    sign_in(ada, "/syncs")
    connect_meta(page)
    create_sync(page)
    expect(page.get_by_role("heading", name=re.compile("Enterprise prospects"))).to_be_visible()
    expect(page.get_by_text("Synced", exact=True).first).to_be_visible(timeout=60_000)
    screenshot("journey-synced")
    session.expire_all()
    sync = session.scalars(select(Sync)).one()
    held = set(meta.world.members("meta", sync.audience_id)["keys"])
    assert held == {key_of(contact.email) for contact in session.scalars(select(Contact))}


def key_of(email: str) -> str:
    """As Meta's simulator writes it down: SHA-256 of the address."""
    return f"email:{hashlib.sha256(email.encode()).hexdigest()}"


def test_administrator_finds_failed_syncs_and_switches_one_off(page, sign_in, grace, ada, segment, session, workers):
    """An administrator filters failed syncs, opens another's, and switches it off with a reason (S5, S10, B12)."""
    failed = make_sync(
        session,
        segment,
        make_integration(session, ada),
        status="failed",
        detail="needs a person",
        problem_code="signin.revoked",
    )
    make_sync(session, segment, failed.integration, account_name="Northwind US")
    session.commit()
    sign_in(grace, "/syncs")
    page.get_by_role("link", name=re.compile("^Failed")).click()
    expect(page).to_have_url(re.compile("status=failed"))
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Enterprise prospects").click()
    page.get_by_role("link", name="Switch off").first.click()
    page.get_by_label("Reason").fill("The campaign is over")
    page.get_by_role("button", name="Switch off, audience goes stale").click()
    expect(page.get_by_text("The campaign is over").first).to_be_visible()
    session.expire_all()
    assert session.get_one(Sync, failed.id).status == Status.INACTIVE


def test_view_only_sees_everything_and_changes_nothing(page, sign_in, vera, ada, segment, session, no_barriers):
    """View-only people see the same pages, with the controls explained instead of broken (S1, S17)."""
    made = make_sync(session, segment, make_integration(session, ada))
    session.commit()
    sign_in(vera, "/syncs")
    expect(page.get_by_role("link", name="Enterprise prospects")).to_be_visible()
    page.goto(f"/syncs/{made.public_id}")
    expect(page.get_by_role("heading", name=re.compile("Enterprise prospects"))).to_be_visible()
    for name in ("Sync now", "Switch off", "Delete"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    no_barriers()
