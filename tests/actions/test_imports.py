"""What an import makes of its rows: contacts and companies, found or made, filled and linked, and nobody against their word."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from sqlalchemy import select

from segsync.actions import erased, fields, imports
from segsync.actions.actor import Actor, Refused
from segsync.actions.erased import Kept
from segsync.actions.imports import Incoming
from segsync.models import AuditEvent, Company, Contact, LinkedDevice, SegmentMember
from segsync.rules.terms import ImportState, Role
from tests.actions.importing import HEADER, counts, people, rejected
from tests.builders import NOW, make_company, make_contact, make_person, make_segment, make_workspace


def test_rows_become_clean_contacts(run, session):
    """Formatted phones and padded addresses arrive in one form (B18)."""
    job = run(HEADER + " ADA@Example.com ,Ada,0151 / 123 456 78,A1\n,José,,B2\n")
    assert job.state == ImportState.DONE
    assert counts(job) == (2, 0, 0, 0)
    assert people(session) == [("ada@example.com", "Ada", "+4915112345678", "A1"), (None, "José", None, "B2")]


def test_importing_the_same_file_again_changes_nothing(run, session):
    """A second import leaves every contact and its change number as they are."""
    content = HEADER + "ada@example.com,Ada,0151 12345678,A1\nbob@example.com,Bob,,\n,Cy,030 123456,\n"
    run(content)
    before = people(session, "id", "email", "change_no", "updated_at")
    again = run(content)
    assert counts(again) == (0, 0, 3, 0)
    assert people(session, "id", "email", "change_no", "updated_at") == before


def test_an_empty_cell_leaves_the_value_unless_the_mapping_says_clear(run, session):
    """What a file does not say stays."""
    run(HEADER + "ada@example.com,Ada,030 123456,A1\n")
    run(HEADER + "ada@example.com,,,A1\n")
    assert people(session) == [("ada@example.com", "Ada", "+4930123456", "A1")]
    run(HEADER + "ada@example.com,,,A1\n", clear=["first_name", "phone"])
    assert people(session) == [("ada@example.com", None, None, "A1")]


def test_a_cell_that_cannot_be_used_is_left_out_and_counted_and_clears_nothing(run, session):
    """The cell is left out, not the person (B15)."""
    run(HEADER + "ada@example.com,Ada,030 123456,A1\n")
    job = run(HEADER + "ada@example.com,Ada,??,A1\n", clear=["phone"])
    assert counts(job) == (0, 0, 1, 0)
    assert job.cells_left_out == {"Phone: not a phone number": 1}
    assert people(session, "phone") == [("+4930123456",)]


def test_a_row_that_fits_two_contacts_is_refused_naming_both(run, session, workspace):
    """Nobody guesses which of two people a row means."""
    one = make_contact(session, workspace, email="ada@example.com", first_name="Ada", last_name="L")
    other = make_contact(session, workspace, email=None, phone="+4930123456", first_name="Bo", last_name="M")
    session.commit()
    job = run(HEADER + "ada@example.com,New,030 123456,\n")
    assert counts(job) == (0, 0, 0, 1)
    line, reason, *cells = rejected(job)[0]
    assert (line, cells) == ("2", ["ada@example.com", "New", "030 123456", ""])
    assert f"no. {one.id} (Ada L)" in reason
    assert f"no. {other.id} (Bo M)" in reason


def test_a_row_finds_whoever_is_left_with_an_email_that_others_gave_up_above_it(run, session, workspace):
    """Three of four who share an address move away in the same file: the fourth is changed, nobody is made a second time."""
    for number in "1234":
        make_contact(session, workspace, email="shared@example.com", external_id=number, first_name="Old")
    session.commit()
    moved = "".join(f"own{number}@example.com,,,{number}\n" for number in "123")
    assert counts(run(HEADER + moved + "shared@example.com,New,,\n")) == (0, 4, 0, 0)
    assert people(session, "external_id", "first_name") == [("1", "Old"), ("2", "Old"), ("3", "Old"), ("4", "New")]


def test_rows_of_one_person_in_one_file_are_laid_over_one_another(run, session):
    """A file that names somebody twice makes one contact; the later cell wins."""
    job = run(HEADER + "ada@example.com,Ada,,\nada@example.com,,030 123456,A1\nADA@example.com,Adah,,\n")
    assert people(session) == [("ada@example.com", "Adah", "+4930123456", "A1")]
    assert counts(job) == (1, 2, 0, 0)


def test_a_row_without_anything_to_be_known_by_is_rejected_with_the_reason(run):
    """A person without any usable identifier is counted (B15)."""
    job = run(HEADER + "not-an-address,Ada,,\n")
    assert counts(job) == (0, 0, 0, 1)
    assert "no external id, e-mail or phone" in rejected(job)[0][1]
    assert "exactly one @" in rejected(job)[0][1]


def test_custom_fields_tags_consent_and_a_list_are_filled(run, session, workspace, ada):
    """A file fills fields of one's own, tags, both consents with their source, and a static list."""
    fields.create(session, ada, workspace, subject="contact", label="Score", type_="number")
    segment = make_segment(session, workspace)
    session.commit()
    job = run(
        "email,Score,tags,subscribed,consent\na@example.com,12.5,vip;new,yes,granted\n",
        tags="spring",
        segment_id=segment.id,
        source="Fair 2026",
    )
    contact = session.scalars(select(Contact)).one()
    assert contact.custom == {"score": 12.5}
    assert contact.tags == ["spring", "vip", "new"]
    assert (contact.subscription, contact.subscription_source) == ("yes", "Fair 2026")
    assert (contact.ad_user_data, contact.ad_personalization, contact.consent_source) == (
        "granted",
        "unknown",
        "Fair 2026",
    )
    assert session.scalars(select(SegmentMember.member_id)).all() == [contact.id]
    assert counts(job) == (1, 0, 0, 0)


IDFV, OTHER_IDFV = "599F9C00-92DC-4B5C-9464-7971F01F8370", "11111111-92DC-4B5C-9464-7971F01F8370"
DEVICES = "email,IDFV,Android ID\n"


def linked(session):
    return session.execute(
        select(Contact.email, LinkedDevice.kind, LinkedDevice.value)
        .join(Contact, Contact.id == LinkedDevice.contact_id)
        .order_by(Contact.id, LinkedDevice.kind, LinkedDevice.value)
    ).all()


def test_linked_devices_come_from_a_file_as_records_of_their_own(run, session):
    """IDFV and Android ID are linked to the contact, and are never its mobile advertising id (P3)."""
    job = run(DEVICES + f"a@example.com,{IDFV.lower()},9774D56D682E549C\nb@example.com,{IDFV},\n")
    assert counts(job) == (2, 0, 0, 0)
    assert linked(session) == [
        ("a@example.com", "android_id", "9774d56d682e549c"),
        ("a@example.com", "idfv", IDFV),
        ("b@example.com", "idfv", IDFV),
    ]
    assert people(session, "mobile_ad_id") == [(None,), (None,)]


def test_a_further_device_is_added_and_nothing_else_of_the_contact_changes(run, session):
    """A device that is known changes nothing; a new one stands beside it, and nobody is sent again for it (P3)."""
    run(DEVICES + f"a@example.com,{IDFV},\n")
    before = people(session, "change_no")
    assert counts(run(DEVICES + f"a@example.com,{IDFV},\n")) == (0, 0, 1, 0)
    assert counts(run(DEVICES + f"a@example.com,{OTHER_IDFV},\na@example.com,,9774d56d682e549c\n")) == (0, 2, 0, 0)
    assert [value for _, _, value in linked(session)] == ["9774d56d682e549c", OTHER_IDFV, IDFV]
    assert people(session, "change_no") == before


def test_a_device_that_cannot_be_used_is_left_out_and_an_empty_cell_unlinks_only_where_told(run, session):
    """A device of all zeroes is nobody's; an empty cell leaves the devices unless the mapping says clear (P3)."""
    run(DEVICES + f"a@example.com,{IDFV},9774d56d682e549c\n")
    job = run(DEVICES + "a@example.com,,0000000000000000\n", clear=["android_id"])
    assert job.cells_left_out == {"Linked device: Android ID: zeroes in place of an id": 1}
    assert len(linked(session)) == 2
    assert counts(run(DEVICES + "a@example.com,,\n", clear=["android_id"])) == (0, 1, 0, 0)
    assert [kind for _, kind, _ in linked(session)] == ["idfv"]


def test_devices_and_tags_that_a_file_empties_and_then_fills_are_those_that_came_last(run, session):
    """Clear, then add: what stood there before is gone, wherever a chunk ends (P3)."""
    header = "email,IDFV,tags\n"
    run(header + f"a@example.com,{IDFV},old;kept\n")
    file = header + f"a@example.com,,\na@example.com,{OTHER_IDFV},new;kept\n"
    assert counts(run(file, clear=["idfv", "tags"])) == (0, 2, 0, 0)
    assert [value for _, _, value in linked(session)] == [OTHER_IDFV]
    assert people(session, "tags") == [(["kept", "new"],)]
    before = people(session, "change_no")
    assert counts(run(file, clear=["idfv", "tags"]))[0] == 0
    assert people(session, "change_no") == before


def test_an_empty_cell_takes_the_tags_away_only_where_told(run, session):
    """The box beside tags does what it says; the tags that every row gets are there all the same."""
    run("email,tags\na@example.com,vip\n")
    run("email,tags\na@example.com,\n")
    assert people(session, "tags") == [(["vip"],)]
    assert counts(run("email,tags\na@example.com,\n", clear=["tags"], tags="spring")) == (0, 1, 0, 0)
    assert people(session, "tags") == [(["spring"],)]
    run("email,tags\na@example.com,\n", clear=["tags"])
    assert people(session, "tags") == [([],)]


def test_a_contact_keeps_at_most_fifty_devices(run, session):
    """A file does not fill a contact with devices without end, and says how many it left out (P3)."""
    file = DEVICES + f"a@example.com,{IDFV},\n" + "".join(f"a@example.com,,{n:016x}\n" for n in range(1, 61))
    left_out = {"Linked device: Android ID: a contact may have 50 devices": 11}
    assert run(file).cells_left_out == left_out
    assert len(linked(session)) == 50
    assert run(file).cells_left_out == left_out


@pytest.mark.parametrize(("undo", "stands"), [(False, "no"), (True, "yes")])
def test_an_opt_out_stands_against_a_later_row_of_the_same_file(run, session, undo, stands):
    """Who is said to have opted out in one row is not opted in again by the next, unless the file is the newer word (S8)."""
    run("email,subscribed\na@example.com,no\na@example.com,yes\n", undo_opt_outs=undo)
    assert people(session, "subscription") == [(stands,)]


def test_a_file_does_not_undo_an_opt_out_unless_told_that_it_is_newer(run, session, workspace):
    """Who said no stays a no."""
    make_contact(session, workspace, email="a@example.com", subscription="no")
    session.commit()
    job = run("email,subscribed\na@example.com,yes\n")
    assert people(session, "subscription") == [("no",)]
    assert job.cells_left_out == {"opt-outs kept": 1}
    run("email,subscribed\na@example.com,yes\n", undo_opt_outs=True)
    assert people(session, "subscription") == [("yes",)]


def test_a_contact_is_linked_to_the_company_that_is_named_else_to_its_domain(run, session, workspace):
    """Explicit, else the e-mail's domain, free-mail domains never."""
    acme = make_company(session, workspace, company_domain="acme.example", external_id="C1")
    named = make_company(session, workspace, company_domain="other.example", external_id="C2")
    make_company(session, workspace, company_domain="gmail.com")
    session.commit()
    run(
        "email,company id,domain\na@acme.example,,\nb@acme.example,C2,\nc@gmail.com,,\nd@acme.example,,other.example\n"
        "e@acme.example,,nobody.example\n",
        targets=["email", "company_external_id", "company_domain"],
    )
    assert people(session, "company_id", "company_explicit") == [
        (acme.id, False),
        (named.id, True),
        (None, False),
        (named.id, True),
        (None, False),
    ]


def test_companies_are_imported_and_find_the_people_who_work_there(run, session, workspace):
    """A company that comes after its people is linked to them."""
    contact = make_contact(session, workspace, email="a@acme.example")
    session.commit()
    content = "Firma,Website,Mitarbeiter,LinkedIn ID\nAcme,https://www.acme.example/about,1200,1035\n"
    job = run(content, subject="company")
    company = session.scalars(select(Company)).one()
    assert (company.name, company.company_domain, company.employees) == ("Acme", "acme.example", 1200)
    assert company.organization_urn == "urn:li:organization:1035"
    session.refresh(contact)
    assert contact.company_id == company.id
    assert counts(run(content, subject="company")) == (0, 0, 1, 0)
    assert counts(job) == (1, 0, 0, 0)


def test_a_domain_belongs_to_one_company(run, session, workspace):
    """A row that gives a company another one's domain is refused, naming that one."""
    make_company(session, workspace, name="Acme", external_id="C1", company_domain="acme.example")
    session.commit()
    job = run(
        "id,name,domain\nC2,Other,acme.example\nC3,Third,third.example\nC1,Acme,third.example\n", subject="company"
    )
    assert counts(job) == (1, 0, 0, 2)
    assert "Another company has this domain: no. 1 (Acme)" in rejected(job)[0][1]
    assert "Another company has this domain" in rejected(job)[1][1]


def test_another_workspace_is_never_touched(run, session, workspace):
    """The same address in another workspace is another contact."""
    elsewhere = make_workspace(session, workspace.organization, "Elsewhere")
    make_contact(session, elsewhere, email="a@example.com", first_name="Old")
    session.commit()
    assert counts(run(HEADER + "a@example.com,New,,\n")) == (1, 0, 0, 0)
    assert people(session, "first_name") == [("Old",), ("New",)]


def test_view_only_people_import_nothing(runtime, session, workspace):
    """View-only people look and change nothing (S1)."""
    vera = Actor.person(make_person(session, workspace.organization, "Vera", Role.VIEW_ONLY, (workspace,)))
    with pytest.raises(Refused, match="View-only"):
        imports.upload(session, runtime.settings, vera, workspace, "contact", Incoming("a.csv", io.BytesIO(b"a")))


def test_an_erased_person_is_recognised_and_not_let_in_again(run, session, runtime, workspace):
    """A row of somebody who was erased is refused with the day, and nothing of it is written down again (B5, B30)."""
    known = erased.digests(runtime.vault, workspace.id, {"email": "eve@example.com", "phone": "+4930901820"})
    erased.keep(session, workspace.organization_id, known, Kept(NOW))
    session.commit()
    job = run("email,phone\nEVE@example.com,+49 30 901821\nbob@example.com,+49 30 901820\n,+49 30 901820\n")
    assert people(session, "email") == [("bob@example.com",)]
    assert job.rows_rejected == 2
    written = Path(job.rejects_path).read_text(encoding="utf-8")
    assert "was erased on 2 March 2026" in written
    assert "example.com" not in written.lower()


def test_an_erased_person_comes_back_where_somebody_confirms_it(run, session, runtime, workspace):
    """Whoever starts the import says that they want to be here again, and the trail keeps who said so (B30)."""
    known = erased.digests(runtime.vault, workspace.id, {"email": "eve@example.com"})
    erased.keep(session, workspace.organization_id, known, Kept(NOW))
    session.commit()
    run("email\neve@example.com\n", let_in_erased=True)
    assert people(session, "email") == [("eve@example.com",)]
    told = session.scalars(select(AuditEvent).where(AuditEvent.event == "import.start")).one()
    assert told.after["erased_people_let_in"] is True
