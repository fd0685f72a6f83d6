"""Pages of syncs and integrations in real Chromium: without barriers, never too wide, updating themselves, usable by keyboard."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from segsync.actions.alerts import Cause, open_alert
from segsync.models import AdAccount, LimitScope, Run, SegmentSize
from segsync.rules.terms import Acts, Status
from segsync.runtime import utc_now
from tests.builders import make_integration, make_segment, make_sync

pytestmark = pytest.mark.browser
LONG = "Newsletter-readers-who-never-bought-anything-and-have-a-name-of-eighty-letters-2"


@pytest.fixture
def clock():
    """The machine's own: browsers do not stand still."""
    return utc_now


@pytest.fixture
def hers(session, ada, runtime):
    runtime.settings.channels["meta"].client_id = "our-application"
    made = make_integration(session, ada, "meta", name="ada@meta.example", accounts_at=utc_now())
    rows = [("act-77", "Northwind EU", []), ("act-99", "Northwind US", [{"code": "account.view_only", "facts": {}}])]
    for number, name, blocked in rows:
        session.add(AdAccount(integration_id=made.id, remote_id=number, name=name, blocked=blocked, role="admin",
                              seen_at=utc_now(), checked_at=utc_now()))  # fmt: skip
    session.commit()
    return made


@pytest.fixture
def busy(session, ada, hers, workspace, organization):
    """A sync of each status, with names of 80 letters, an alert, a run under way and some history."""
    now = utc_now()
    made = {}
    for status in Status:
        segment = make_segment(session, workspace, f"{LONG} {status.value}", ada, size=1204, refreshed_at=now)
        made[status] = make_sync(session, segment, hers, status=status.value, audience_id="aud-1", members_held=1204,
                                 audience_name=LONG, audience_state="building", audience_seen_at=now)  # fmt: skip
        for hours in (30, 24, 18, 12, 6):
            at = now - timedelta(hours=hours)
            session.add(Run(organization_id=organization.id, sync_id=made[status].id, why="schedule", state="done",
                            members=1204, rows_added=hours, rows_removed=3, created_at=at, started_at=at,
                            finished_at=at + timedelta(seconds=31), skipped={"no_identifier": 7}))  # fmt: skip
            session.add(SegmentSize(segment_id=segment.id, at=at, size=1200 + hours))
    failed, syncing, off = made[Status.FAILED], made[Status.SYNCING], made[Status.INACTIVE]
    failed.problem_code, failed.detail = "audience.gone", "needs a person"
    off.off_by, off.off_at, off.off_reason, off.stale_since = ada.id, now, "season is over", now
    cause = Cause("sync:x", "audience.gone", Acts.OWNER, ada.id, "meta", raw="100/2654", reference="trace-9")
    open_alert(session, organization.id, cause, now=now, sync_ids=[failed.id])
    session.add(Run(organization_id=organization.id, sync_id=syncing.id, why="now", state="working", phase="adding",
                    rows_to_add=200, rows_done=84, batches=4, batches_done=2, created_at=now, started_at=now))  # fmt: skip
    session.commit()
    return made


def addresses(busy):
    segment = busy[Status.SYNCED].segment_id
    pages = ["/syncs", "/syncs/limit", "/integrations", "/integrations/meta/connect", "/integrations/meta/disconnect"]
    pages += ["/syncs/new", f"/syncs/new?segment={segment}&channel=meta&account=act-77"]
    pages += [f"/syncs/{sync.public_id}" for sync in busy.values()]
    pages += [f"/syncs/{busy[Status.SYNCED].public_id}/{deed}" for deed in ("off", "delete", "schedule")]
    return [*pages, f"/syncs/{busy[Status.INACTIVE].public_id}/on"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_no_page_has_barriers_or_is_too_wide(sign_in, page, ada, busy, no_barriers, fits, screenshot, width, scheme):
    """Every page of syncs can be used with assistive technology, at desktop and phone width, in light and dark. (S4, S7, S8)."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    sign_in(ada)
    for number, address in enumerate(addresses(busy)):
        page.goto(address)
        fits()
        no_barriers()
        screenshot(f"syncs-{number:02}-{width}-{scheme}")


def test_progress_moves_without_reloading(sign_in, page, ada, busy, session):
    """What a batch committed appears in the list and on the sync's page, without a reload. (S12)."""
    sync = busy[Status.SYNCING]
    sign_in(ada, f"/syncs/{sync.public_id}")
    page.evaluate("window.untouched = true")
    expect(page.get_by_text("84 of 200 rows answered by Meta")).to_be_visible()
    run = session.query(Run).filter_by(sync_id=sync.id, state="working").one()
    run.rows_done, run.batches_done = 150, 3
    session.commit()
    expect(page.get_by_text("150 of 200 rows answered by Meta · 3 of 4 batches")).to_be_visible()
    assert page.evaluate("window.untouched")


def test_filters_go_into_the_address_and_back_works(sign_in, page, ada, busy):
    """Choosing a filter keeps it in the address; Back brings the list before. (S5)."""
    sign_in(ada, "/syncs")
    page.get_by_label("Creator").select_option("me")
    page.wait_for_url("**/syncs?creator=me")
    page.get_by_role("link", name="Failed 1").click()
    page.wait_for_url("**status=failed**")
    expect(page.get_by_role("row")).to_have_count(2)
    page.go_back()
    expect(page.get_by_role("row")).to_have_count(5)
    expect(page.get_by_label("Creator")).to_have_value("me")


def test_an_open_menu_stays_open_while_the_list_moves(sign_in, page, ada, busy, session):
    """A menu that one has opened is not closed by the list's own updates. (S12)."""
    sync = busy[Status.SYNCING]
    sign_in(ada, "/syncs")
    page.locator(f"#menu-{sync.public_id} summary").click()
    run = session.query(Run).filter_by(sync_id=sync.id, state="working").one()
    run.rows_done = 150
    session.commit()
    expect(page.get_by_text("Syncing · sending, 75 %")).to_be_visible()
    expect(page.get_by_role("link", name="Switch off")).to_be_visible()


def test_the_three_choices_work_by_keyboard(sign_in, page, ada, busy):
    """Segment, channel and ad account are chosen by keyboard alone, and each choice stays. (S8)."""
    segment = busy[Status.SYNCED].segment
    sign_in(ada, "/syncs/new")
    page.locator(f"#segment-{segment.id}").focus()
    page.keyboard.press("Space")
    page.wait_for_url("**segment=**")
    page.locator("#channel-meta").focus()
    page.keyboard.press("Space")
    page.wait_for_url("**channel=meta**")
    page.locator("#account-act-77").focus()
    page.keyboard.press("Space")
    page.wait_for_url("**account=act-77**")
    expect(page.get_by_role("button", name="Start syncing")).to_be_visible()
    expect(page.locator(f"#segment-{segment.id}")).to_be_checked()
    expect(page.get_by_text("You can only view it.")).to_be_visible()


def test_a_control_that_is_not_allowed_says_who_can(sign_in, page, max_, busy):
    """Max sees the button with its reason; pressing it does nothing. (S10, S17)."""
    sign_in(max_, f"/syncs/{busy[Status.SYNCED].public_id}")
    page.get_by_role("button", name="Switch off").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Only Ada or an administrator can switch this off.")).to_be_visible()
    assert page.url.endswith(busy[Status.SYNCED].public_id)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_is_slowed_down_is_told_without_barriers(
    session, sign_in, ada, hers, workspace, no_barriers, fits, screenshot, scheme, width
):
    """A limit of a channel is told on the overview and on the sync, however long the ad account's name and the line (S12)."""
    now = utc_now()
    for per, name, number in (("account", f"{LONG} EU", 3), ("application", "Northwind", 1)):
        scope = LimitScope(
            name=f"meta:{per}", channel="meta", per=per, code="wait.daily_limit", opens_at=now + timedelta(hours=9)
        )
        session.add(scope)
        for index in range(number):
            segment = make_segment(session, workspace, f"Segment {per} {index}", ada)
            sync = make_sync(session, segment, hers, account_id=f"act-{per}", account_name=name, status=Status.SYNCING)
            run = Run(
                organization_id=sync.organization_id, sync_id=sync.id, why="schedule", state="waiting", phase="adding"
            )
            run.scope, run.not_before, run.cursor = scope.name, scope.opens_at, {"waits_for": scope.code}
            session.add(run)
    session.commit()
    page = sign_in(ada, "/syncs")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for place, path in (("overview", "/syncs"), ("one", f"/syncs/{sync.public_id}")):
        page.goto(path)
        expect(page.get_by_text("nobody has to do anything").first).to_be_visible()
        no_barriers()
        fits()
        screenshot(f"slowed-{place}-{width}-{scheme}")


def test_a_schedule_is_changed_by_keyboard(sign_in, page, ada, busy, no_barriers, fits):
    """Ada makes a sync run on Mondays and Thursdays at half past seven, without a mouse, and reads it on its page. (B23)."""
    sync = busy[Status.SYNCED]
    sign_in(ada, f"/syncs/{sync.public_id}")
    page.get_by_role("link", name="Change when it runs").press("Enter")
    expect(page.get_by_label("At", exact=True)).to_be_hidden()
    page.get_by_label("How often").press("End")
    expect(page.get_by_text("Nothing is sent unless somebody presses Sync now")).to_be_visible()
    page.get_by_label("How often").press("ArrowUp")
    page.get_by_label("Thursday").press("Space")
    page.get_by_label("At", exact=True).fill("07:30")
    page.get_by_label("By the clocks of").select_option("Europe/Paris")
    fits()
    no_barriers()
    page.get_by_role("button", name="Save when it runs").press("Enter")
    expect(page.get_by_text("Every Monday and Thursday at 07:30, Europe/Paris").first).to_be_visible()
