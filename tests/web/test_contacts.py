"""Contacts, companies and fields in the browser."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from segsync.actions import fields
from segsync.actions.actor import Actor
from segsync.models import Company, Contact, LinkedDevice, SegmentMember
from tests.builders import make_company, make_contact, make_segment, make_workspace


@pytest.fixture
def place(workspace):
    return f"/w/{workspace.id}"


@pytest.fixture
def jose(session, workspace):
    made = make_contact(
        session, workspace, email="jose@acme.example", first_name="José", last_name="Müller", phone="+4930123456"
    )
    session.commit()
    return made


def test_contacts_are_listed_and_searched(sign_in, ada, place, session, workspace, jose):
    """One looks through contacts and finds one by the beginning of anything."""
    make_contact(session, workspace, email="grace@other.example", last_name="Hopper")
    session.commit()
    client = sign_in(ada)
    page = client.get(f"{place}/contacts").text
    assert "jose@acme.example" in page
    assert "1 to 2 of 2" in page
    found = client.post(f"{place}/contacts", data={"q": "müller"}, follow_redirects=True).text
    assert "jose@acme.example" in found
    assert "Hopper" not in found
    assert "Nobody found" in client.post(f"{place}/contacts", data={"q": "zzz"}, follow_redirects=True).text


def test_what_is_looked_for_stands_in_no_address(sign_in, ada, place, runtime, jose):
    """An e-mail that somebody types is sealed in the address, which can be loaded again; nothing else that is sealed opens there."""
    client = sign_in(ada)
    address = client.post(f"{place}/contacts", data={"q": "jose@acme.example"}).location
    assert ("jose" in address, "acme" in address) == (False, False)
    for _ in range(2):
        assert "1 contact found" in client.get(address).text
    token = runtime.vault.seal("a channel's token")
    for broken in (token, "é", "x" * 200, address.partition("find=")[2][:-4]):
        page = client.get(f"{place}/contacts", query_string={"find": broken}).text
        assert ("1 to 1 of 1" in page, "a channel" in page) == (True, False)


def test_an_empty_workspace_offers_the_first_step(sign_in, ada, place):
    """Empty is a start."""
    assert "No contacts yet" in sign_in(ada).get(f"{place}/contacts").text


def test_view_only_people_see_counts_and_masked_samples(sign_in, vera, place, jose):
    """Values are not for View-only people, and the page says who sees them (S17)."""
    client = sign_in(vera)
    page = client.get(f"{place}/contacts").text
    assert "This workspace has 1 contact." in page
    assert "j•••@a•••.example" in page
    assert "jose@acme.example" not in page
    assert "View-only people see counts and masked samples" in page
    assert client.get(f"{place}/contacts/{jose.id}").status_code == 403
    assert client.get(f"{place}/imports").status_code == 403
    assert client.post(f"{place}/contacts/{jose.id}/edit", data={"first_name": "X"}).status_code == 403


def test_somebody_elses_workspace_does_not_exist(sign_in, ada, session, organization, jose):
    """Not even by guessing an address."""
    other = make_workspace(session, organization, "Other")
    there = make_contact(session, other)
    session.commit()
    client = sign_in(ada)
    assert client.get(f"/w/{other.id}/contacts").status_code == 404
    assert client.get(f"/w/{jose.workspace_id}/contacts/{there.id}").status_code == 404


def test_a_contacts_page_shows_fields_company_lists_and_consent(sign_in, ada, place, session, workspace, jose):
    """Everything that is known of somebody on one page."""
    company = make_company(session, workspace, name="Acme")
    segment = make_segment(session, workspace, "Friends")
    session.add(SegmentMember(segment_id=segment.id, member_id=jose.id))
    jose.company_id = company.id
    session.commit()
    page = sign_in(ada).get(f"{place}/contacts/{jose.id}").text
    for text in ("José Müller", "+4930123456", "Acme", "Friends", "What they said"):
        assert text in page


def test_adding_a_contact_cleans_it_and_keeps_what_was_typed_when_something_is_wrong(sign_in, ada, place, session):
    """A form that fails keeps every field, with each problem beside its field."""
    client = sign_in(ada)
    wrong = client.post(f"{place}/contacts/new", data={"email": "nobody", "phone": "?", "first_name": "Ada"})
    assert wrong.status_code == 422
    assert "exactly one @" in wrong.text
    assert "not a phone number" in wrong.text
    assert 'value="Ada"' in wrong.text
    right = client.post(f"{place}/contacts/new", data={"email": " ADA@Example.com", "first_name": "Ada"})
    assert right.status_code == 302
    assert session.scalars(select(Contact.email)).all() == ["ada@example.com"]


def test_a_person_who_is_there_already_is_linked(sign_in, ada, place, jose):
    """The refusal leads to the contact that is there."""
    answer = sign_in(ada).post(f"{place}/contacts/new", data={"email": "jose@acme.example"})
    assert answer.status_code == 422
    assert f"{place}/contacts/{jose.id}" in answer.text


def test_editing_sets_own_fields_and_empties_what_is_emptied(sign_in, ada, place, session, workspace, jose):
    """Standard and custom fields in one form."""
    fields.create(session, Actor.person(ada), workspace, subject="contact", label="Score", type_="number")
    session.commit()
    client = sign_in(ada)
    assert 'name="own_score"' in client.get(f"{place}/contacts/{jose.id}/edit").text
    typed = {"email": "jose@acme.example", "first_name": "Joe", "last_name": "", "own_score": "7", "tags": "vip"}
    assert client.post(f"{place}/contacts/{jose.id}/edit", data=typed).status_code == 302
    session.refresh(jose)
    assert (jose.first_name, jose.last_name, jose.custom, jose.tags) == ("Joe", None, {"score": 7}, ["vip"])


def test_consent_and_devices_are_kept_from_a_contacts_page(sign_in, ada, place, session, jose):
    """With source and time; a device in a wrong form is explained."""
    client = sign_in(ada)
    said = {"subscription": "yes", "ad_user_data": "granted", "ad_personalization": "denied", "source": "Fair"}
    assert client.post(f"{place}/contacts/{jose.id}/consent", data=said).status_code == 302
    session.refresh(jose)
    assert (jose.subscription, jose.ad_personalization, jose.consent_source) == ("yes", "denied", "Fair")
    wrong = client.post(f"{place}/contacts/{jose.id}/devices", data={"kind": "android_id", "value": "x"})
    assert (wrong.status_code, "16 digits and letters" in wrong.text) == (422, True)
    client.post(f"{place}/contacts/{jose.id}/devices", data={"kind": "android_id", "value": "9774d56d682e549c"})
    device = session.scalars(select(LinkedDevice)).one()
    client.post(f"{place}/contacts/{jose.id}/devices/{device.id}/remove")
    session.expire_all()
    assert session.scalars(select(LinkedDevice)).all() == []


def test_companies_are_added_and_show_who_works_there(sign_in, ada, vera, place, session, jose):
    """By the domain of the e-mail; names masked for View-only people."""
    client = sign_in(ada)
    made = client.post(f"{place}/companies/new", data={"name": "Acme", "company_domain": "https://www.acme.example/x"})
    company = session.scalars(select(Company)).one()
    assert (made.status_code, company.company_domain) == (302, "acme.example")
    assert "José Müller" in client.get(f"{place}/companies/{company.id}").text
    assert "Acme" in client.get(f"{place}/companies?q=ac").text
    masked = sign_in(vera).get(f"{place}/companies/{company.id}").text
    assert "Müller" not in masked
    assert "J••• M•••" in masked


def test_fields_are_added_renamed_and_put_away(sign_in, ada, vera, place, session, workspace):
    """Values stay when a field goes."""
    client = sign_in(ada)
    assert (
        client.post(f"{place}/fields", data={"label": "Plan", "type": "text", "subject": "contact"}).status_code == 302
    )
    twice = client.post(f"{place}/fields", data={"label": "plan", "type": "text", "subject": "contact"})
    assert (twice.status_code, "already" in twice.text) == (422, True)
    (field,) = fields.of(session, workspace, "contact")
    client.post(f"{place}/fields/{field.id}/rename", data={"label": "Tariff"})
    client.post(f"{place}/fields/{field.id}/put-away")
    assert "put away" in client.get(f"{place}/fields").text
    client.post(f"{place}/fields/{field.id}/bring-back")
    session.expire_all()
    assert [each.label for each in fields.of(session, workspace, "contact")] == ["Tariff"]
    assert (
        sign_in(vera).post(f"{place}/fields", data={"label": "X", "type": "text", "subject": "contact"}).status_code
        == 403
    )
