"""Contacts, companies, custom fields and devices as people look them up and edit them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text

from segsync.actions import companies, contacts, devices, erased, fields
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.contacts import Erased, Gate, Said
from segsync.actions.erased import Kept
from segsync.actions.records import Problems
from segsync.models import AuditEvent, Contact
from segsync.rules.terms import Role
from segsync.vault import Vault, new_key
from tests.builders import make_company, make_contact, make_organization, make_person, make_workspace

KEYS = [new_key()]
GATE = Gate(Vault(lambda: KEYS, lambda: "root"))


@pytest.fixture
def workspace(session):
    return make_workspace(session, make_organization(session), country="DE")


@pytest.fixture
def ada(session, workspace):
    return Actor.person(make_person(session, workspace.organization, "Ada", Role.MARKETING_USER, (workspace,)))


@pytest.fixture
def vera(session, workspace):
    return Actor.person(make_person(session, workspace.organization, "Vera", Role.VIEW_ONLY, (workspace,)))


@pytest.fixture
def people(session, workspace):
    """Ada Lovelace, José Müller and Grace Hopper."""
    rows = [
        {"email": "ada@acme.example", "first_name": "Ada", "last_name": "Lovelace", "phone": "+4930123456"},
        {"email": "jose@other.example", "first_name": "José", "last_name": "Müller", "external_id": "Kd-77"},
        {"email": "grace_h@acme.example", "first_name": "Grace", "last_name": "Hopper"},
    ]
    return {row["first_name"]: make_contact(session, workspace, **row) for row in rows}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("ada@", ["Ada"]),
        ("ADA", ["Ada"]),
        ("love", ["Ada"]),
        ("ada love", ["Ada"]),
        ("Müller, José", ["José"]),
        ("müller josé", ["José"]),
        ("Kd-7", ["José"]),
        ("030 123456", ["Ada"]),
        ("+49 30", ["Ada"]),
        ("@acme", ["Ada", "Grace"]),
        ("grace_", ["Grace"]),
        ("%", []),
        ("_", []),
        ("", []),
    ],
    ids=range(14),
)
def test_contacts_are_found_by_how_something_begins(session, workspace, ada, people, asked, found):
    """E-mail, name, phone, external id and e-mail domain are searched at once."""
    assert people
    assert [each.first_name for each in contacts.search(session, ada, workspace, asked)] == found


def test_a_search_stays_in_its_workspace_and_view_only_people_search_nothing(session, workspace, ada, vera, people):
    """Nobody finds out who is in a workspace that is not theirs, or in one they only look at."""
    elsewhere = make_workspace(session, workspace.organization, "Elsewhere")
    assert contacts.search(session, ada, elsewhere, "ada") == []
    with pytest.raises(NotAllowed):
        contacts.search(session, vera, workspace, "ada")
    with pytest.raises(Refused, match="no such contact"):
        contacts.find(session, elsewhere, people["Ada"].id)


def test_every_way_to_search_has_an_index(session, workspace):
    """A search answers within a breath at a million contacts: no way reads the whole table."""
    session.execute(
        text(
            "insert into contact (workspace_id, email) select :w, 'p' || n || '@x.example' from generate_series(1, 3000) n"
        ),
        {"w": workspace.id},
    )
    session.execute(text("analyze contact"))
    session.execute(text("set local enable_seqscan = off"))
    for asked in ("grace", "grace hopper", "@acme.example", "+4930123", "grace@x"):
        for way in contacts._ways(asked, workspace):
            wanted = select(Contact.id).where(Contact.workspace_id == workspace.id, way).limit(50)
            literal = wanted.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = " ".join(session.scalars(text(f"explain {literal}".replace(":", "\\:"))))
            assert "~>=~" in plan, plan


def test_an_erased_person_comes_back_only_where_somebody_confirms(session, workspace, ada, people):
    """Typed in by hand, or as the new e-mail of somebody else, an erased person is recognised; who confirms it is kept (B30)."""
    known = erased.digests(GATE.vault, workspace.id, {"email": "eve@example.org"})
    at = datetime(2026, 1, 5, tzinfo=UTC)
    erased.keep(session, workspace.organization_id, known, Kept(at))
    raw = {"email": "Eve@example.org"}
    with pytest.raises(Erased, match="erased on 2026-01-05"):
        contacts.create(session, ada, workspace, raw, gate=GATE)
    with pytest.raises(Erased):
        contacts.change(session, ada, workspace, people["Ada"].id, raw, gate=GATE)
    eve = contacts.create(session, ada, workspace, raw, gate=replace(GATE, let_in=True))
    event = session.scalars(select(AuditEvent).where(AuditEvent.subject_id == eve.id)).one()
    assert (event.actor_name, event.after["erased_people_let_in"]) == ("Ada", True)
    assert contacts.change(session, ada, workspace, eve.id, {"phone": "030 123456"}, gate=GATE) == ["phone"]


def test_a_contact_is_written_as_clean_as_an_imported_one(session, workspace, ada):
    """A form goes through the same door as a file (B18)."""
    contact = contacts.create(
        session,
        ada,
        workspace,
        {"email": " ADA@Example.com ", "phone": "030 123456", "country": "Deutschland", "tags": "a; b"},
        gate=GATE,
    )
    assert (contact.email, contact.phone, contact.country) == ("ada@example.com", "+4930123456", "DE")
    assert contact.tags == ["a", "b"]


def test_all_that_is_wrong_with_a_form_is_said_at_once(session, workspace, ada):
    """Each field has its own sentence."""
    with pytest.raises(Problems) as refused:
        contacts.create(session, ada, workspace, {"email": "nobody", "phone": "?", "first_name": "Ada"}, gate=GATE)
    assert set(refused.value.problems) == {"email", "phone"}


def test_a_person_who_is_here_already_is_not_made_twice(session, workspace, ada, people):
    """The page leads to the contact that is there."""
    with pytest.raises(Refused, match="here already") as refused:
        contacts.create(session, ada, workspace, {"email": "ADA@acme.example"}, gate=GATE)
    assert refused.value.field == "email"
    assert refused.value.link[1].endswith(f"/contacts/{people['Ada'].id}")
    other = contacts.create(session, ada, workspace, {"email": "jose@other.example", "external_id": "Kd-78"}, gate=GATE)
    assert other.id != people["José"].id


def test_editing_changes_what_was_typed_and_records_which_fields_not_their_values(session, workspace, ada, people):
    """The audit trail holds no personal data (S14)."""
    raw = {"email": "ada@new.example", "first_name": "", "custom:none": ""}
    raw.pop("custom:none")
    assert contacts.change(session, ada, workspace, people["Ada"].id, raw, gate=GATE) == ["email", "first_name"]
    assert (people["Ada"].email, people["Ada"].first_name) == ("ada@new.example", None)
    event = session.scalars(select(AuditEvent).where(AuditEvent.event == "contact.change")).one()
    assert event.after == {"fields": ["email", "first_name"]}
    assert "ada@" not in event.subject_name
    assert contacts.change(session, ada, workspace, people["Ada"].id, raw, gate=GATE) == []


def test_a_contact_keeps_something_to_be_known_by(session, workspace, ada, people):
    """Nobody can be edited into somebody who is never found again."""
    with pytest.raises(Refused, match="something to know this person by"):
        contacts.change(session, ada, workspace, people["Grace"].id, {"email": "", "phone": ""}, gate=GATE)
    with pytest.raises(Refused, match="Another contact has this external id"):
        contacts.change(session, ada, workspace, people["Ada"].id, {"external_id": "Kd-77"}, gate=GATE)


def test_consent_keeps_its_source_and_time(session, workspace, ada, people):
    """Subscription and Google's two signals, each with who said so and when."""
    contact = people["Ada"]
    assert contacts.say(session, ada, workspace, contact.id, Said("yes", "unknown", "unknown"))
    assert (contact.subscription, contact.subscription_source) == ("yes", "Entered by Ada")
    assert (contact.subscription_at is not None, contact.consent_at) == (True, None)
    assert contacts.say(session, ada, workspace, contact.id, Said("yes", "granted", "denied", "Paper form"))
    assert (contact.ad_user_data, contact.ad_personalization, contact.consent_source) == (
        "granted",
        "denied",
        "Paper form",
    )
    assert contact.subscription_source == "Entered by Ada"
    assert not contacts.say(session, ada, workspace, contact.id, Said("yes", "granted", "denied"))


def test_a_contact_follows_its_company(session, workspace, ada, people):
    """By the e-mail's domain, as soon as there is such a company, and as soon as either changes."""
    acme = companies.create(session, ada, workspace, {"name": "Acme", "company_domain": "https://www.acme.example/"})
    for contact in people.values():
        session.refresh(contact)
    assert [people[name].company_id for name in ("Ada", "José", "Grace")] == [acme.id, None, acme.id]
    contacts.change(session, ada, workspace, people["Ada"].id, {"email": "ada@gone.example"}, gate=GATE)
    assert people["Ada"].company_id is None
    companies.change(session, ada, workspace, acme.id, {"name": "Acme", "company_domain": "gone.example"})
    for contact in people.values():
        session.refresh(contact)
    assert [people[name].company_id for name in ("Ada", "Grace")] == [acme.id, None]
    assert session.scalar(select(func.count()).select_from(companies.people_of(acme).subquery())) == 1


def test_companies_are_found_and_kept_apart(session, workspace, ada):
    """By name, domain or external id; no two with one domain."""
    make_company(session, workspace, name="Acme Works", company_domain="acme.example", external_id="C-1")
    assert [each.name for each in companies.search(session, workspace, "acme w")] == ["Acme Works"]
    assert [each.name for each in companies.search(session, workspace, "acme.ex")] == ["Acme Works"]
    assert [each.name for each in companies.search(session, workspace, "C-")] == ["Acme Works"]
    with pytest.raises(Refused, match="Another company has this domain") as refused:
        companies.create(session, ada, workspace, {"name": "Other", "company_domain": "acme.example"})
    assert refused.value.field == "company_domain"


def test_custom_fields_have_keys_that_never_change(session, workspace, ada, people):
    """A label may change, what is stored under it stays."""
    field = fields.create(session, ada, workspace, subject="contact", label="Größe (cm)", type_="number")
    assert field.key == "grosse_cm"
    contacts.change(session, ada, workspace, people["Ada"].id, {"custom:grosse_cm": "1,5"}, gate=GATE)
    assert people["Ada"].custom == {"grosse_cm": 1.5}
    fields.rename(session, ada, workspace, field.id, "Height")
    assert fields.find(session, workspace, field.id).key == "grosse_cm"
    with pytest.raises(Refused, match="already"):
        fields.create(session, ada, workspace, subject="contact", label="E-Mail", type_="text")
    with pytest.raises(Refused, match="already"):
        fields.create(session, ada, workspace, subject="contact", label="height", type_="text")
    fields.put_away(session, ada, workspace, field.id)
    assert fields.of(session, workspace, "contact") == []
    fields.bring_back(session, ada, workspace, field.id)
    assert [each.label for each in fields.of(session, workspace, "contact")] == ["Height"]


def test_devices_are_linked_once_and_unlinked(session, workspace, ada, people):
    """IDFV and Android ID, each in its own form."""
    contact = people["Ada"]
    for _ in range(2):
        devices.add(session, ada, workspace, contact.id, kind="android_id", value=" 9774D56D682E549C ")
    (device,) = devices.of(session, contact)
    assert device.value == "9774d56d682e549c"
    with pytest.raises(Refused, match="looks like"):
        devices.add(session, ada, workspace, contact.id, kind="idfv", value="nonsense")
    devices.remove(session, ada, workspace, contact.id, device.id)
    assert devices.of(session, contact) == []


def test_view_only_people_change_nothing(session, workspace, vera, people):
    """View-only looks and changes nothing (S1)."""
    contact = people["Ada"]
    attempts = (
        lambda: contacts.create(session, vera, workspace, {"email": "x@y.example"}, gate=GATE),
        lambda: contacts.change(session, vera, workspace, contact.id, {"first_name": "X"}, gate=GATE),
        lambda: contacts.say(session, vera, workspace, contact.id, Said("no", "denied", "denied")),
        lambda: companies.create(session, vera, workspace, {"name": "X"}),
        lambda: fields.create(session, vera, workspace, subject="contact", label="X", type_="text"),
        lambda: devices.add(session, vera, workspace, contact.id, kind="idfv", value=""),
    )
    for attempt in attempts:
        with pytest.raises(NotAllowed, match="View-only"):
            attempt()
