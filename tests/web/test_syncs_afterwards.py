"""After the first run: what the channel does next, the way to its own pages, and what the creator is told once."""

from __future__ import annotations

import pytest

from connectors.contract import State
from connectors.registry import CHANNELS
from segsync.config import LinkedInSettings
from segsync.models import Sync
from tests.builders import NOW, make_integration, make_segment, make_sync

SIMULATED = LinkedInSettings(options={"simulated": "yes"}, bases={"pages": "http://127.0.0.1:8090/pages/linkedin"})


@pytest.fixture
def sync(session, workspace, ada) -> Sync:
    segment = make_segment(session, workspace, "Customers", ada)
    made = make_sync(session, segment, make_integration(session, ada, "linkedin"), account_name="Northwind EU", account_id="77",
                     audience_id="4711", audience_name="Customers", audience_state="building", audience_seen_at=NOW)  # fmt: skip
    session.commit()
    return made


def text(response, status=200):
    assert response.status_code == status, response.text
    return " ".join(response.text.split())


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_says_what_it_does_next(channel):
    """For each state that every audience goes through there is a sentence, and the smallest size stands in it (B21)."""
    capabilities = CHANNELS[channel].capabilities
    assert {State.NOT_KNOWN, State.BUILDING, State.READY, State.TOO_SMALL} <= set(capabilities.afterwards)
    assert str(capabilities.smallest_audience) in capabilities.afterwards[State.TOO_SMALL]
    assert all(
        said.startswith((capabilities.label, "The audience can be used")) for said in capabilities.afterwards.values()
    )


def test_the_page_says_what_the_channel_does_next(sign_in, ada, sync, session):
    """After the first good run the page says what LinkedIn does now and how long that usually takes; before it nothing (B21)."""
    client = sign_in(ada)
    assert "LinkedIn matches, which usually takes up to 48 hours." in text(client.get(f"/syncs/{sync.public_id}"))
    sync.in_step_since = None
    session.commit()
    assert "which usually takes up to 48 hours" not in text(client.get(f"/syncs/{sync.public_id}"))


def test_the_audience_opens_in_the_channels_own_pages(sign_in, ada, sync):
    """A link leads to the channel, in a tab of its own that learns nothing of us (B21)."""
    page = text(sign_in(ada).get(f"/syncs/{sync.public_id}"))
    link = 'href="https://www.linkedin.com/campaignmanager/accounts/77" target="_blank" rel="noopener noreferrer"'
    assert f'{link}>Open it at LinkedIn<span class="visually-hidden"> (opens in a new tab)</span>' in page


def test_an_audience_of_a_simulated_channel_opens_at_the_simulator(runtime, sign_in, ada, sync):
    """In the demo the same link leads to the simulator's page of that audience (B21, B8)."""
    runtime.settings.channels["linkedin"] = SIMULATED
    page = text(sign_in(ada).get(f"/syncs/{sync.public_id}"))
    assert 'href="http://127.0.0.1:8090/pages/linkedin/audiences/4711" target="_blank"' in page


def test_the_creator_is_told_once_where_they_begin(sign_in, ada, max_, sync, session):
    """Ada reads on Segment Syncs that her audience can be used, says that she read it, and is not told again; Max never is (B21)."""
    sync.audience_state, sync.told_state, sync.told_at = "ready", "ready", NOW
    session.commit()
    hers = sign_in(ada)
    for address in ("/syncs", "/syncs/live/top"):
        assert "can be used in campaigns: LinkedIn has it ready" in text(hers.get(address))
    assert "News of your audiences" not in text(sign_in(max_).get("/syncs"))
    hers = sign_in(ada)
    assert hers.post("/syncs/news", data={"sync": [sync.public_id]}).status_code == 302
    assert "News of your audiences" not in text(hers.get("/syncs"))
