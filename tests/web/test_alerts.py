"""The page of alerts, and the catalogue."""

from __future__ import annotations

import pytest

from segsync.actions import alert_lists
from segsync.actions.alerts import Cause, close_cause, open_alert
from segsync.rules.catalogue import CATALOGUE, entry
from tests.builders import make_integration, make_organization, make_segment, make_sync


@pytest.fixture
def opened(session, organization, workspace, max_, clock):
    """Opens an alert of a code that concerns so many syncs of Max."""
    signin = make_integration(session, max_, "meta")

    def open_one(code, person=max_, syncs=1, **facts):
        concerned = [
            make_sync(
                session, make_segment(session, workspace, f"Segment {number}"), signin, account_name="Northwind EU"
            )
            for number in range(syncs)
        ]
        told = {"channel": "meta", "person": max_.name, "account": "Northwind EU", **facts}
        cause = Cause(
            f"test:{code}", code, entry(code).acts, person.id if person else None, "meta", facts=told,
            raw="190/463", reference="AbC-123",
        )  # fmt: skip
        open_alert(session, organization.id, cause, now=clock(), sync_ids=[sync.id for sync in concerned])
        session.commit()
        return concerned

    return open_one


def test_one_cause_is_one_alert_that_counts_its_syncs(client, sign_in, opened, max_):
    """Max reads that his sign-in ended, that he has to reconnect, and that four syncs wait (S13, S16)."""
    opened("signin.expired", syncs=4)
    text = sign_in(max_).get("/alerts").text
    assert "Max&#39;s sign-in at Meta has run out. Max has to reconnect. 4 syncs wait." in text
    assert "Waits for you" in text
    assert "Open Integrations, choose Meta and press Reconnect." in text
    assert "AbC-123" in text


def test_others_read_for_whom_it_waits(client, sign_in, opened, ada, vera):
    """Ada and Vera see the same alert, and that it is Max who has to act (S13, S17)."""
    opened("signin.expired")
    for person in (ada, vera):
        assert "Waits for Max" in sign_in(person).get("/alerts").text
        assert "Nothing waits for you" in sign_in(person).get("/alerts?which=mine").text


def test_those_that_wait_for_me_come_first(client, sign_in, opened, max_, ada):
    """The page begins with what I have to do (S13)."""
    opened("account.no_role", person=None)
    opened("wait.outage", person=None)
    text = sign_in(max_).get("/alerts").text
    assert text.index("Waiting for you") < text.index("No access to the ad account") < text.index("Waiting for others")
    assert text.index("Waiting for others") < text.index("The channel has an outage")


def test_it_waits_for_whoever_owns_one_of_its_syncs(sign_in, opened, max_, grace, ada, session):
    """An ad account's admin is reached through the owners of its syncs: each of them reads that it waits for them (S13)."""
    *_, last = opened("account.no_role", person=None, syncs=3)
    last.owner_id = grace.id
    session.commit()
    for person, who in (
        (max_, "Waits for you"),
        (grace, "Waits for you"),
        (ada, "Waits for an admin of the ad account"),
    ):
        text = sign_in(person).get("/alerts").text
        assert who in text
        assert ("Waits for you" in text) == (who == "Waits for you")


def test_the_count_at_the_top_is_of_those_that_wait_for_me(client, sign_in, opened, max_, grace, vera, session):
    """Each person's own count stands on every page (S13)."""
    opened("signin.expired")
    opened("app.wrong", person=None)
    assert [alert_lists.count_waiting(session, person) for person in (max_, grace, vera)] == [1, 1, 0]
    assert '<span class="count">1</span> waits for you' in sign_in(max_).get("/alerts").text


def test_a_settled_alert_leaves_the_list_and_is_remembered(client, sign_in, opened, session, organization, max_, clock):
    """When the cause is gone the alert closes by itself, and can be looked up for 30 days (S13)."""
    opened("signin.expired")
    close_cause(session, organization.id, "test:signin.expired", now=clock())
    session.commit()
    assert "Nothing needs anybody" in sign_in(max_).get("/alerts").text
    assert "Settled" in client.get("/alerts?which=closed").text
    clock.forward(days=31)
    assert "Nothing was settled lately" in sign_in(max_).get("/alerts?which=closed").text


@pytest.mark.parametrize("code", ["signin.expired", "never.heard.of"])
def test_nothing_missing_breaks_the_page(client, sign_in, session, organization, clock, vera, code):
    """An alert without any fact, or of a cause that this release does not know, is a sentence all the same."""
    open_alert(session, organization.id, Cause("bare", code, entry(code).acts), now=clock())
    session.commit()
    answer = sign_in(vera).get("/alerts")
    assert answer.status_code == 200
    assert "{" not in answer.text.partition("<main")[2]


def test_no_alert_of_another_organization_is_seen(client, sign_in, opened, session, max_):
    """No query crosses the organization."""
    opened("signin.expired")
    assert "Max" in sign_in(max_).get("/alerts").text
    max_.organization_id = make_organization(session, "Contoso").id
    session.commit()
    assert "Nothing needs anybody" in sign_in(max_).get("/alerts").text


def test_the_catalogue_shows_every_cause_with_an_address(client, sign_in, vera):
    """Everybody can look up what can go wrong and link to it (S13)."""
    text = sign_in(vera).get("/alerts/catalogue").text
    assert [code for code in CATALOGUE if f'id="{code}"' not in text] == []


def test_the_catalogue_is_searched_by_all_words(client, sign_in, vera):
    """'terms business' finds the one entry about both."""
    text = sign_in(vera).get("/alerts/catalogue?q=Terms+BUSINESS").text
    assert 'id="terms.business"' in text
    assert 'id="disk.full"' not in text
    assert "Nothing fits" in client.get("/alerts/catalogue?q=unicorn").text
