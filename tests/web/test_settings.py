"""What an unknown subscription and consent mean: decided by administrators, known to everybody."""

from __future__ import annotations

from segsync.models import AuditEvent
from tests.builders import make_contact


def test_an_administrator_decides_what_unknown_means(client, sign_in, session, organization, alan):
    """Alan lets unknown consent count; it is saved, told, and in the audit trail (consent)."""
    sign_in(alan).post("/settings", data={"unknown_consent_counts": "y"})
    session.refresh(organization)
    assert (organization.unknown_subscription_counts, organization.unknown_consent_counts) == (False, True)
    assert "Saved. The next run of every sync goes by it." in client.get("/settings").text
    event = session.query(AuditEvent).filter_by(event="organization.consent").one()
    assert event.after == {"unknown_subscription_counts": False, "unknown_consent_counts": True}


def test_the_page_says_how_many_contacts_it_is_about(client, sign_in, session, workspace, alan):
    """Before anybody decides, the figures are there (consent)."""
    make_contact(session, workspace)
    make_contact(session, workspace, subscription="yes", ad_user_data="granted", ad_personalization="granted")
    session.commit()
    text = sign_in(alan).get("/settings").text
    assert "Of 2 contacts, the subscription of 1 and the advertising consent of 1 is unknown." in text


def test_others_see_it_and_who_can_change_it(client, sign_in, session, organization, ada, vera):
    """Ada and Vera read what holds; sending the form all the same changes nothing (S17)."""
    for person in (ada, vera):
        text = sign_in(person).get("/settings").text
        assert "Only an administrator can decide what unknown consent means." in text
        assert "<fieldset disabled>" in text
        assert client.post("/settings", data={"unknown_consent_counts": "y"}).status_code == 403
    session.refresh(organization)
    assert organization.unknown_consent_counts is False
