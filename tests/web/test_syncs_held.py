"""Held removals, thresholds and tries, as people see them."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select, update

from segsync.actions import slices
from segsync.actions.alerts import Cause, open_alert
from segsync.actions.decided_by import decided_by
from segsync.models import AdAccount, AuditEvent, Organization, Run, SegmentMember, Sync
from segsync.rules.terms import Acts
from tests.builders import NOW, make_contact, make_integration, make_segment, make_sync
from tests.fakes import FakeChannel

FOUND = {"leaving": 1200, "held": 2000, "left": 800, "to_nobody": False, "held_back": True,
         "causes": [{"kind": "segment", "by": "Max", "name": "Customers"}]}  # fmt: skip


@pytest.fixture
def sync(runtime, session, workspace, ada) -> Sync:
    """Ada's sync of three people."""
    runtime._connectors["meta"] = FakeChannel()
    segment = make_segment(session, workspace, "Customers", ada)
    signin = make_integration(session, ada, access_sealed=runtime.vault.seal("token"))
    made = make_sync(session, segment, signin, account_id="act-1", account_name="Northwind EU")
    session.add(
        AdAccount(integration_id=signin.id, remote_id="act-2", name="Northwind US", seen_at=NOW, checked_at=NOW)
    )
    for number in range(3):
        contact = make_contact(session, workspace, email=f"wilma{number}@example.org", first_name="Wilma")
        session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    session.commit()
    return made


@pytest.fixture
def held(session, sync) -> Run:
    """It would have lost 1,200 of 2,000."""
    sync.status, sync.detail, sync.problem_code = "failed", "held", "run.held"
    found = FOUND | {"decided_by": decided_by(session, sync)}
    run = Run(organization_id=sync.organization_id, sync_id=sync.id, why="schedule", state="failed", members=800,
              problem_code="run.held", findings=found, created_at=NOW, finished_at=NOW)  # fmt: skip
    session.add(run)
    session.commit()
    return run


def text(response, status=200):
    assert response.status_code == status, response.text
    return " ".join(response.text.split())


def test_ada_reads_why_it_is_held_and_who_can_release(sign_in, ada, sync, held):
    """Whose sync it is sees the figures and who can; the button is there and says so (B2, S17)."""
    shown = text(sign_in(ada).get(f"/syncs/{sync.public_id}"))
    assert "Failed · held for an administrator" in shown
    assert (
        "would have taken 1,200 members of 2,000 out of the audience, so that 800 are left. Nothing was sent." in shown
    )
    assert "Only an administrator can release removals that are held" in shown
    assert sign_in(ada).get(f"/syncs/{sync.public_id}/release").status_code == 403
    assert sign_in(ada).post(f"/syncs/{sync.public_id}/release", data={"run": held.id}).status_code == 403


def test_alan_releases_what_he_looked_at(sign_in, session, alan, sync, held):
    """An administrator reads figures and cause, releases, and the run starts at once (B2)."""
    cause = "Max changed the segment “Customers” since the last good run."
    assert cause in text(sign_in(alan).get(f"/syncs/{sync.public_id}/runs/{held.id}"))
    page = text(sign_in(alan).get(f"/syncs/{sync.public_id}/release"))
    assert cause in page
    assert "Release and remove 1,200 members" in page
    answer = sign_in(alan).post(f"/syncs/{sync.public_id}/release", data={"run": held.id}, follow_redirects=True)
    assert "The removals are released, and the run has started." in text(answer)
    session.expire_all()
    assert (sync.release["removals"], sync.status) == (1200, "syncing")
    assert session.scalars(select(AuditEvent.event)).all() == ["sync.release"]


@pytest.mark.parametrize("typed", ["", "x", "999999", "９"])
def test_a_release_of_other_figures_is_refused(sign_in, alan, sync, held, typed):
    """What was not looked at is not released, and the page says so with today's figures (B2)."""
    page = text(sign_in(alan).post(f"/syncs/{sync.public_id}/release", data={"run": typed}), 422)
    assert "Another run was held meanwhile" in page
    assert "1,200" in page


def test_the_alert_leads_to_where_it_is_decided(sign_in, session, alan, ada, sync, held):
    """Who can release reads in the alert where to; to anybody else the alert says who acts, and offers no door that is shut (B2)."""
    cause = Cause(f"sync:{sync.id}:run.held", "run.held", Acts.ADMIN, channel="meta")
    open_alert(session, sync.organization_id, cause, now=NOW, sync_ids=[sync.id], run_id=held.id)
    session.commit()
    door = f'href="/syncs/{sync.public_id}/release"'
    assert door in text(sign_in(alan).get("/alerts"))
    assert door not in text(sign_in(ada).get("/alerts"))


def test_what_is_held_is_said_once(sign_in, session, alan, sync, held):
    """The sync's page has one panel with figures, cause and what can be done, and no card beside it that says the same (B2, S7)."""
    causes = [
        Cause(f"sync:{sync.id}:{code}", code, Acts.ADMIN, channel="meta") for code in ("run.held", "segment.empty")
    ]
    for cause in causes:
        open_alert(session, sync.organization_id, cause, now=NOW, sync_ids=[sync.id], run_id=held.id)
    session.commit()
    page = text(sign_in(alan).get(f"/syncs/{sync.public_id}"))
    assert page.count("Nothing was sent.") == 1
    assert page.count('class="alert-card') == 1
    assert "Max changed the segment “Customers” since the last good run." in page


def test_where_nothing_is_held_there_is_nothing_to_release(sign_in, alan, sync):
    """An old link leads to the sync (B2)."""
    assert sign_in(alan).get(f"/syncs/{sync.public_id}/release").location.endswith(sync.public_id)
    page = text(sign_in(alan).post(f"/syncs/{sync.public_id}/release", data={"run": 1}), 422)
    assert "Nothing is held here any more." in page


def test_thresholds_of_the_organization_are_an_administrators(sign_in, session, organization, alan, ada):
    """Alan sets from when on removals are held; Ada reads it; nonsense is refused beside the field (B2, B16)."""
    figures = {"hold_percent": "10", "hold_count": "50", "unusual_percent": "40"}
    answer = sign_in(alan).post("/settings/thresholds", data=figures, follow_redirects=True)
    assert "Saved. The next run of every sync goes by it." in text(answer)
    row = session.get_one(Organization, organization.id, populate_existing=True)
    assert (row.hold_percent, row.hold_count, row.unusual_percent) == (10, 50, 40)
    wrong = text(sign_in(alan).post("/settings/thresholds", data=figures | {"hold_percent": "101"}), 422)
    assert "Give a whole number from 1 to 100." in wrong
    assert 'value="10"' in text(sign_in(ada).get("/settings"))
    assert sign_in(ada).post("/settings/thresholds", data=figures).status_code == 403


def test_thresholds_of_a_sync_are_an_administrators(sign_in, session, alan, ada, sync):
    """A sync may have figures of its own; an empty field goes by the organization (B2, B16)."""
    address = f"/syncs/{sync.public_id}/thresholds"
    assert "A field that is empty goes by the organization: more than 20 % and at least 500 people" in text(
        sign_in(ada).get(address)
    )
    assert sign_in(ada).post(address, data={"hold_count": "5"}).status_code == 403
    assert sign_in(alan).post(address, data={"hold_count": "5"}).status_code == 302
    session.expire_all()
    assert (sync.hold_percent, sync.hold_count, sync.unusual_percent) == (None, 5, None)
    assert "above 20 % and from 5 removals on" in text(sign_in(ada).get(f"/syncs/{sync.public_id}"))


# -- trying ------------------------------------------------------------------------------------------------------


def tried(runtime, client, address, data=None):
    """Pressed, and worked out by a worker."""
    page = client.post(address, data=data or {})
    assert page.status_code == 302, page.text
    slices.work_slice(runtime, int(page.location.rpartition("/")[2]))
    return page.location


def test_ada_tries_her_sync_without_sending(runtime, sign_in, ada, vera, sync):
    """What would be sent, in how many requests, and a few members, masked; the run stands in the history by its own name (B3)."""
    client = sign_in(ada)
    assert "Try without sending" in text(client.get(f"/syncs/{sync.public_id}"))
    address = tried(runtime, client, f"/syncs/{sync.public_id}/try")
    page = text(client.get(address))
    assert "Nothing was sent, made or renamed at Meta." in page
    assert '<dt>Requests</dt><dd><span class="figure">2</span></dd>' in page
    assert "w•••@e•••.org" in page
    assert "wilma0@example.org" not in page
    assert "Tried without sending" in text(client.get(f"/syncs/{sync.public_id}"))
    assert "w•••@e•••.org" in text(sign_in(vera).get(address))


def test_a_try_and_a_run_say_the_same_in_the_same_words(runtime, session, sign_in, ada, sync):
    """Members and requests of what was tried, and of the run right after it, stand under the same words with the same figures (B3)."""
    client = sign_in(ada)
    pages = [text(client.get(tried(runtime, client, f"/syncs/{sync.public_id}/try")))]
    client.post(f"/syncs/{sync.public_id}/now")
    run_id = session.scalar(select(func.max(Run.id)))
    slices.work_slice(runtime, run_id)
    pages.append(text(client.get(f"/syncs/{sync.public_id}/runs/{run_id}")))
    told = r"<dt>(In the segment|Added|Changed|Removed|As before|Requests)</dt><dd>(.*?)</dd>"
    facts = [dict(re.findall(told, page)) for page in pages]
    two = '<span class="figure">2</span>'
    assert facts[1].pop("Requests") == f"{two} of {facts[0].pop('Requests')}"
    assert facts[0] == facts[1]
    assert len(facts[0]) == 5


def test_the_page_says_how_far_it_is(sign_in, ada, sync):
    """While it is worked out the page asks again and again; then it is quiet (B3)."""
    client = sign_in(ada)
    address = client.post(f"/syncs/{sync.public_id}/try").location
    live = client.get(f"{address}/live")
    assert (live.headers["X-Live"], "Queued" in live.text) == ("busy", True)
    assert "Being tried" in text(client.get(f"/syncs/{sync.public_id}"))
    assert client.get(f"{address}9/live").status_code == 404


def test_only_a_try_is_followed_as_one(sign_in, ada, sync, held):
    """A run that sent has a page of its own, and nothing to follow in the way of a try (B3)."""
    assert sign_in(ada).get(f"/syncs/{sync.public_id}/runs/{held.id}/live").status_code == 404


def test_who_may_not_try_reads_who_can(sign_in, max_, vera, sync):
    """Max and Vera see the button, with the reason (B3, S17)."""
    for person in (max_, vera):
        assert "Only Ada or an administrator can try this sync." in text(
            sign_in(person).get(f"/syncs/{sync.public_id}")
        )
        assert sign_in(person).post(f"/syncs/{sync.public_id}/try").status_code == 403


def test_while_a_run_is_under_way_the_page_says_so(sign_in, ada, sync):
    """Pressing all the same leads back with the reason (B3)."""
    client = sign_in(ada)
    client.post(f"/syncs/{sync.public_id}/now")
    assert "A run is under way and says what it does." in text(client.get(f"/syncs/{sync.public_id}"))
    answer = client.post(f"/syncs/{sync.public_id}/try", follow_redirects=True)
    assert "Try again when it has ended." in text(answer)


def test_create_tries_before_anything_exists(runtime, sign_in, session, ada, sync):
    """From Create: the result, a way back with all choices, nothing in the list, and no sync (B3)."""
    client = sign_in(ada)
    choices = {"segment": sync.segment_id, "channel": "meta", "account": "act-2"}
    assert "Try without sending" in text(client.get("/syncs/new", query_string=choices))
    address = tried(runtime, client, "/syncs/new/try", choices)
    page = text(client.get(address))
    assert "Everybody would be sent: the audience is new." in page
    assert f"/syncs/new?segment={sync.segment_id}&amp;channel=meta&amp;account=act-2" in page
    trial = session.scalars(select(Sync).where(Sync.trial)).one()
    assert client.get(f"/syncs/{trial.public_id}").location == address
    assert "All <strong>0</strong>" in text(client.get(f"/syncs?text={trial.public_id}"))
    assert text(client.get("/syncs")).count("Northwind US") == 0


def test_link_of_a_try_leads_to_the_sync_that_came_of_it(runtime, sign_in, session, ada, sync):
    """Once the sync exists, an old link of its try leads there; without one it leads nowhere, and breaks nothing (B3)."""
    client = sign_in(ada)
    tried(runtime, client, "/syncs/new/try", {"segment": sync.segment_id, "channel": "meta", "account": "act-2"})
    trial = session.scalars(select(Sync).where(Sync.trial)).one()
    session.execute(update(Run).where(Run.sync_id == trial.id).values(sync_id=sync.id))
    session.commit()
    assert client.get(f"/syncs/{trial.public_id}").status_code == 404
    session.execute(update(Sync).where(Sync.id == sync.id).values(account_id="act-2"))
    session.commit()
    assert client.get(f"/syncs/{trial.public_id}").location == f"/syncs/{sync.public_id}"


def test_choices_that_cannot_be_tried_are_said_beside_them(sign_in, ada, sync):
    """Somebody who sends nothing chosen, or an ad account of nobody, reads what is missing (B3)."""
    assert "Choose a segment." in text(sign_in(ada).post("/syncs/new/try"), 422)
    choices = {"segment": sync.segment_id, "channel": "meta", "account": "act-9"}
    assert "does not see this ad account" in text(sign_in(ada).post("/syncs/new/try", data=choices), 422)
