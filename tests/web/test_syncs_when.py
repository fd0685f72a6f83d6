"""When a sync runs, as people choose and read it."""

from __future__ import annotations

from datetime import time

import pytest
from sqlalchemy import select

from segsync.actions.alerts import OVERDUE, Cause, open_alert
from segsync.models import AuditEvent, Sync
from segsync.rules.terms import Acts
from tests.builders import NOW, make_integration, make_segment, make_sync

DAILY = {"how": "day", "at": "07:00", "zone": "Europe/London"}


@pytest.fixture
def sync(session, workspace, ada) -> Sync:
    workspace.time_zone = "Europe/Berlin"
    segment = make_segment(session, workspace, "Customers", ada)
    made = make_sync(session, segment, make_integration(session, ada, "linkedin"), account_name="Northwind EU")
    session.commit()
    return made


def text(response, status=200):
    assert response.status_code == status, response.text
    return " ".join(response.text.split())


def change(client, sync, **form):
    return client.post(f"/syncs/{sync.public_id}/schedule", data=form, follow_redirects=True)


def test_a_time_of_the_day_is_chosen_and_read_as_a_sentence(sign_in, ada, sync, session):
    """Ada chooses seven in London; the page says so with the next run, and the trail what it was before (B23)."""
    client = sign_in(ada)
    shown = text(client.get(f"/syncs/{sync.public_id}/schedule"))
    assert '<option selected value="6">Every 6 hours</option>' in shown
    assert '<option selected value="Europe/Berlin">' in shown
    page = text(change(client, sync, **DAILY))
    assert "Saved. Every day at 07:00, Europe/London. The next run is in 22 h." in page
    assert "<dt>Runs</dt><dd>Every day at 07:00, Europe/London" in page
    (event,) = session.scalars(select(AuditEvent).where(AuditEvent.event == "sync.schedule"))
    assert (event.before, event.after) == ({"runs": "Every 6 hours"}, {"runs": "Every day at 07:00, Europe/London"})


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"how": "week", "at": "19:30", "zone": "UTC", "days": ["0", "3"]}, "Every Monday and Thursday at 19:30, UTC"),
        ({"how": "1"}, "Every hour"),
        ({"how": "hand"}, "Only by hand"),
    ],
)
def test_every_way_to_run_can_be_chosen(sign_in, ada, sync, form, said):
    """Hours, chosen days, and only by hand (B23)."""
    assert f"<dt>Runs</dt><dd>{said}" in text(change(sign_in(ada), sync, **form))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"how": "week", "at": "19:30", "zone": "UTC"}, "Choose at least one day."),
        ({"how": "day", "at": "", "zone": "UTC"}, "Say at what time"),
        ({"how": "day", "at": "07:00", "zone": "Atlantis"}, "Choose a time zone"),
        ({"how": "0.1"}, "Choose how often it runs."),
    ],
)
def test_what_is_missing_is_said_beside_it(sign_in, ada, sync, session, form, said):
    """Half a schedule changes nothing, and says what is missing (B23)."""
    assert said in text(change(sign_in(ada), sync, **form), 422)
    session.expire_all()
    assert (sync.every_seconds, sync.run_at, sync.by_hand) == (21_600, None, False)


def test_who_may_not_switch_it_off_may_not_change_when_it_runs(sign_in, max_, vera, grace, sync, session):
    """The creator and administrators change when it runs; to others the page says who can (B23, S17)."""
    for person in (max_, vera):
        client = sign_in(person)
        assert change(client, sync, **DAILY).status_code == 403
        assert "Only Ada or an administrator can change when this runs." in text(client.get(f"/syncs/{sync.public_id}"))
    change(sign_in(grace), sync, **DAILY)
    session.expire_all()
    assert sync.run_at == time(7)


def test_a_sync_that_only_people_start_says_what_lapses_when(sign_in, ada, sync, session):
    """Only by hand: the page says that nobody is renewed, and when LinkedIn lets go of the first (B23)."""
    sync.by_hand, sync.next_run_at, sync.overdue_at, sync.oldest_sent_at = True, None, None, NOW
    session.commit()
    page = text(sign_in(ada).get(f"/syncs/{sync.public_id}"))
    assert "LinkedIn lets go of the first members" in page
    assert "31 May" in page
    assert "<dt>Next run</dt><dd>when somebody presses Sync now" in page
    assert '<span class="quiet">by hand</span>' in text(sign_in(ada).get("/syncs"))


def test_what_is_overdue_is_said_in_the_list_and_can_be_filtered_for(sign_in, ada, sync, session, organization):
    """An overdue sync says so in its row, and a filter shows only those (B23, S5)."""
    other = make_sync(session, make_segment(session, sync.workspace, "In time"), sync.integration)
    sync.overdue_at = NOW.replace(hour=8)
    cause = Cause("syncs:overdue", OVERDUE, Acts.ADMIN)
    open_alert(session, organization.id, cause, now=NOW, sync_ids=[sync.id])
    session.commit()
    page = text(sign_in(ada).get("/syncs?overdue=yes"))
    assert "overdue since" in page
    assert (sync.public_id in page, other.public_id in page) == (True, False)
