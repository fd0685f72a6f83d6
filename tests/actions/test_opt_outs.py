"""An opt-out holds for the person: for every contact of the organization that is them, at whatever door they come in."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select

from segsync.actions import contacts, imports
from segsync.actions.contacts import Gate, Said
from segsync.actions.imports import Choices, Incoming
from segsync.models import AuditEvent, Contact, Workspace
from segsync.rules.import_mapping import ColumnMap
from tests.builders import make_contact, make_organization, make_workspace

HERE = {"email": "eve@example.org", "phone": "+4915112345678"}


@pytest.fixture
def workspace(session):
    return make_workspace(session, make_organization(session), country="DE")


@pytest.fixture
def elsewhere(session, workspace):
    return make_workspace(session, workspace.organization, "North", country="DE")


@pytest.fixture
def type_in(runtime, session, workspace, ada):
    """Ada types somebody in."""
    return lambda **raw: contacts.create(session, ada, workspace, raw, gate=Gate(runtime.vault))


@pytest.fixture
def bring(runtime, session, workspace, ada):
    """Ada imports a file."""

    def run(content: str, **options) -> None:
        incoming = Incoming("people.csv", io.BytesIO(content.encode()))
        job = imports.upload(session, runtime.settings, ada, workspace, "contact", incoming)
        mapping = ColumnMap(tuple(job.mapping["targets"]), frozenset(), "")
        imports.choose(session, ada, workspace, job, Choices(mapping, **options))
        imports.start(session, ada, job)
        session.commit()
        while imports.work(runtime, job.id):
            pass
        session.expire_all()

    return run


def said(session, workspace: Workspace) -> list[str]:
    """What the contacts of a workspace said, oldest first."""
    return list(
        session.scalars(select(Contact.subscription).where(Contact.workspace_id == workspace.id).order_by(Contact.id))
    )


def test_who_opted_out_elsewhere_is_not_subscribed_here(session, elsewhere, type_in):
    """Typed in by hand in another workspace, the person stays out, and the contact says why (B30)."""
    make_contact(session, elsewhere, **HERE, subscription="no")
    made = type_in(email="EVE@example.org ")
    assert (made.subscription, made.subscription_source) == (
        "no",
        "Opted out before, as another contact of the same person",
    )
    assert made.subscription_at is not None


def test_a_phone_counts_where_somebody_has_nothing_else(session, elsewhere, type_in):
    """Whoever is typed in with the phone alone is the same person; with another e-mail they are not (B30)."""
    make_contact(session, elsewhere, **HERE, subscription="no")
    make_contact(session, elsewhere, phone="+4930123456", subscription="no")
    typed = [type_in(phone=HERE["phone"]), type_in(phone="+4930123456", email="dad@example.org")]
    assert [one.subscription for one in typed] == ["no", "unknown"]


def test_another_organization_is_nobodys_business(session, type_in):
    """An opt-out holds in the organization that it was said to (B30)."""
    make_contact(session, make_workspace(session, make_organization(session, "Southwind")), **HERE, subscription="no")
    assert type_in(email=HERE["email"]).subscription == "unknown"


def test_another_email_may_be_that_of_somebody_who_opted_out(runtime, session, workspace, elsewhere, ada, type_in):
    """Given the e-mail of somebody who opted out, a contact is that person (B30)."""
    make_contact(session, elsewhere, **HERE, subscription="no")
    made = type_in(email="other@example.org")
    contacts.change(session, ada, workspace, made.id, {"first_name": "Eve"}, gate=Gate(runtime.vault))
    assert made.subscription == "unknown"
    contacts.change(session, ada, workspace, made.id, {"email": HERE["email"]}, gate=Gate(runtime.vault))
    assert made.subscription == "no"


def test_the_consent_form_speaks_for_the_person(session, workspace, elsewhere, ada):
    """A "no" kept on a contact's page is one for every contact of the person; a "yes" is for this one alone (B30)."""
    here, there = (make_contact(session, place, **HERE, subscription="yes") for place in (workspace, elsewhere))
    contacts.say(session, ada, workspace, here.id, Said("no", "unknown", "unknown", "Phone call"))
    session.refresh(there)
    assert (there.subscription, there.subscription_source) == ("no", "Phone call")
    events = session.scalars(select(AuditEvent).where(AuditEvent.event == "contact.consent")).all()
    assert {event.subject_id for event in events} == {here.id, there.id}
    contacts.say(session, ada, workspace, here.id, Said("yes", "unknown", "unknown", "Fair"))
    session.refresh(there)
    assert there.subscription == "no"


def test_an_import_lets_nobody_in_who_opted_out_elsewhere(session, workspace, elsewhere, bring):
    """Also where the file says yes: who opted out is told apart by e-mail, and by phone where there is nothing else (B30)."""
    make_contact(session, elsewhere, **HERE, subscription="no")
    make_contact(session, elsewhere, phone="+4930123456", subscription="no")
    bring("email,phone,subscription\neve@example.org,,yes\n,0151 12345678,\ndad@example.org,030 123456,yes\n")
    assert said(session, workspace) == ["no", "no", "yes"]
    bring("email,first_name\neve@example.org,Eve\n")
    assert said(session, workspace) == ["no", "no", "yes"]


def test_an_import_that_is_the_newer_word_lets_them_in(session, workspace, elsewhere, bring):
    """Whoever imports says that the file is newer: its "yes" counts, and a row that says nothing is none (B30)."""
    for email in ("eve@example.org", "max@example.org"):
        make_contact(session, elsewhere, email=email, subscription="no")
    bring("email,subscription\neve@example.org,yes\nmax@example.org,\n", undo_opt_outs=True)
    assert said(session, workspace) == ["yes", "no"]


def test_an_imported_no_is_one_everywhere(session, workspace, elsewhere, bring):
    """A file of one workspace takes the person out of the others, once: what is said there later is newer (B30)."""
    there = make_contact(session, elsewhere, **HERE, subscription="yes")
    bring("email,subscription\neve@example.org,no\n")
    assert said(session, elsewhere) == ["no"]
    session.refresh(there)
    there.subscription = "yes"
    session.commit()
    bring("email,subscription\neve@example.org,no\n")
    assert said(session, elsewhere) == ["yes"]


def test_two_contacts_of_one_file_are_one_person(session, workspace, bring):
    """A file names the person twice, under two numbers: one "no" is a "no" (B30)."""
    bring("external_id,email,subscription\nA,eve@example.org,yes\nB,eve@example.org,no\n")
    assert said(session, workspace) == ["no", "no"]


def test_an_email_that_an_import_brings_to_somebody_known(session, workspace, elsewhere, bring):
    """An import gives a contact the e-mail of somebody who opted out: it is that person (B30)."""
    make_contact(session, elsewhere, **HERE, subscription="no")
    make_contact(session, workspace, external_id="A", email="old@example.org", subscription="yes")
    session.commit()
    bring("external_id,email\nA,eve@example.org\n")
    assert said(session, workspace) == ["no"]
