"""Whole journeys in real Chromium, with the real connectors against the channels' simulators."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from connectors.simulators import Simulators
from segsync.actions import asks, schedule, slices, turns
from segsync.config import ChannelSettings
from segsync.models import Ask, SegmentMember, Sync
from segsync.rules.terms import Status
from segsync.runtime import utc_now
from segsync.servers import wait_until
from tests.builders import make_company, make_contact, make_integration, make_segment, make_sync

pytestmark = pytest.mark.browser

ACCOUNTS = {"google": "Northwind Search", "linkedin": "Northwind Global", "meta": "Northwind EU"}
OPTIONS = {"simulated": "yes", "poll_seconds": "1", "source_platform": "SEGSYNC", "pause_after_create": "2.5"}


@pytest.fixture
def clock():
    """The machine's own: browsers and simulators do not stand still."""
    return utc_now


@pytest.fixture(scope="module")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


@pytest.fixture(autouse=True)
def channels(runtime, simulators) -> Simulators:
    """All channels are set up, and reached through their simulators."""
    runtime.settings.__dict__["channels"] = {
        name: ChannelSettings(client_id="journey", client_secret="journey-secret", bases=bases, options=OPTIONS)
        for name, bases in simulators.urls.items()
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
                run_ids = list(turns.pick(session, self.runtime.clock(), at_most=8))
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


PEOPLE, COMPANIES = "Enterprise prospects", "Enterprise companies"


@pytest.fixture
def segment(session, workspace, ada):
    """Thirty people in a list of Ada's, who agreed to advertising; a thirty-first is not on it."""
    made = make_segment(session, workspace, PEOPLE, ada, size=30)
    for number in range(31):
        contact = make_contact(session, workspace, email=f"prospect{number}@journey.example", **CONSENT)
        if number < 30:
            session.add(SegmentMember(segment_id=made.id, member_id=contact.id))
    session.commit()
    return made


@pytest.fixture
def companies(session, workspace, ada):
    """Ten companies in a list of Ada's; an eleventh is not on it."""
    made = make_segment(session, workspace, COMPANIES, ada, size=10, members="companies")
    for number in range(11):
        company = make_company(session, workspace, company_domain=f"firm{number}.example")
        if number < 10:
            session.add(SegmentMember(segment_id=made.id, member_id=company.id))
    session.commit()
    return made


CONSENT = {"ad_user_data": "granted", "ad_personalization": "granted"}
EXACTLY = {
    PEOPLE: {f"email:{sha256(f'prospect{number}@journey.example'.encode()).hexdigest()}" for number in range(30)},
    COMPANIES: {f"domain:firm{number}.example" for number in range(10)},
}
"""Whom a simulator has to hold, as it writes them down."""
WORKED_OFF = 20
"""Seconds."""


def connect(page: Page, label: str) -> None:
    """From Integrations through the channel's consent page and back."""
    page.goto("/integrations")
    page.get_by_role("link", name=f"Connect {label}").click()
    page.get_by_role("button", name=f"Continue to {label}").click()
    page.get_by_label("Ada Byron").check()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text(f"{label} is connected as ")).to_be_visible()


def create_sync(page: Page, name: str, label: str, account: str) -> None:
    """Segment, channel, ad account, statements, start."""
    page.goto("/syncs")
    page.get_by_role("link", name="Create sync").first.click()
    page.get_by_label(name).check()
    page.get_by_role("radio", name=re.compile(label)).check()
    page.get_by_role("radio", name=re.compile(account)).check()
    start = page.get_by_role("button", name="Start syncing")
    expect(start).to_be_visible()
    for box in page.get_by_role("checkbox").all():
        box.check()
    start.click()
    expect(page.get_by_role("heading", name=re.compile(name))).to_be_visible()


@pytest.mark.parametrize(
    ("channel", "label", "names"),
    [
        ("google", "Google", [PEOPLE]),
        ("linkedin", "LinkedIn", [PEOPLE, COMPANIES]),
        ("meta", "Meta", [PEOPLE]),
    ],
    ids=["google", "linkedin", "meta"],
)
def test_from_sign_in_to_a_synced_audience(
    page, sign_in, ada, segment, companies, workers, channels, session, screenshot, channel, label, names
):
    """A Marketing User connects a channel, creates a sync, watches it, and the channel holds exactly the segment (S2, S8, S12)."""
    sign_in(ada, "/syncs")
    connect(page, label)
    for name in names:
        create_sync(page, name, label, ACCOUNTS[channel])
        expect(page.locator(".one-state").get_by_text("Synced", exact=True)).to_be_visible(timeout=60_000)
        screenshot(f"journey-{channel}-{names.index(name)}")
    synced = session.scalars(select(Sync).options(joinedload(Sync.segment))).all()
    assert sorted(sync.segment.name for sync in synced) == sorted(names)
    for sync in synced:
        # Google has answered everything before it has worked it off
        wait_until(lambda sync=sync: held(channels, sync) == EXACTLY[sync.segment.name], WORKED_OFF)
        assert held(channels, sync) == EXACTLY[sync.segment.name]


def held(channels: Simulators, sync: Sync) -> set[str]:
    """Whom the simulator has in the sync's audience."""
    return set(channels.world.members(sync.channel, sync.audience_id)["keys"])


def test_administrator_finds_failed_syncs_and_switches_one_off(page, sign_in, grace, ada, segment, session, workers):
    """An administrator filters failed syncs, opens another's, and switches it off with a reason (S5, S10, B12)."""
    failed = make_sync(
        session,
        segment,
        make_integration(session, ada),
        status="failed",
        detail="needs a person",
        problem_code="signin.revoked",
        next_run_at=None,
    )
    make_sync(session, segment, failed.integration, account_name="Northwind US", next_run_at=None)
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
