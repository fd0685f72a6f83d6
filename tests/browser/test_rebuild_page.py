"""What was lost can be rebuilt: the panel says what pressing does, without barriers, in a narrow window too."""

from datetime import timedelta

import pytest

from segsync.runtime import utc_now
from tests.builders import make_integration, make_segment, make_sync

pytestmark = pytest.mark.browser
LONG = "Newsletter-readers-who-never-bought-anything-and-have-a-name-of-eighty-letters-2"


@pytest.fixture
def clock():
    """The machine's own: browsers do not stand still."""
    return utc_now


@pytest.mark.parametrize("how", ["records", "again"])
def test_rebuilding_is_said_and_fits(sign_in, page, ada, workspace, session, fits, no_barriers, screenshot, how):
    """A damaged ledger: the page says what rebuilding will do, and fits a window of 390 (B17)."""
    hers = make_integration(session, ada, "meta")
    sync = make_sync(session, make_segment(session, workspace, LONG, ada), hers, status="failed")
    sync.problem_code, sync.oldest_sent_at = "ledger.unreadable", utc_now() - timedelta(days=12)
    sync.problem_facts = {"rebuild": how, "as_of": (utc_now() - timedelta(days=2)).isoformat()}
    session.commit()
    sign_in(ada, f"/syncs/{sync.public_id}")
    page.get_by_role("button", name="Rebuild").wait_for()
    no_barriers()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        fits()
        screenshot(f"rebuild-{how}-{width}")
    page.emulate_media(color_scheme="dark")
    screenshot(f"rebuild-{how}-dark")
