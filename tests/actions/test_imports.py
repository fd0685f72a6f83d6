"""Importing contacts and companies from CSV files of any kind."""

from __future__ import annotations

import csv
import errno
import io
from pathlib import Path

import pytest
from sqlalchemy import event, select, text

from segsync.actions import erased, fields, imports
from segsync.actions.actor import Actor, Refused
from segsync.actions.erased import Kept
from segsync.actions.imports import Choices, Incoming, ReadAs
from segsync.models import AuditEvent, Company, Contact, ImportJob, LinkedDevice, SegmentMember
from segsync.rules.import_mapping import ColumnMap
from segsync.rules.terms import ImportState, Role
from tests.builders import NOW, make_company, make_contact, make_organization, make_person, make_segment, make_workspace

HEADER = "email,first_name,phone,external_id\n"


@pytest.fixture
def workspace(session):
    made = make_workspace(session, make_organization(session), country="DE")
    session.commit()
    return made


@pytest.fixture
def bring(runtime, session, workspace, ada):
    """Uploads bytes or text and returns the import, not yet started."""

    def bring(content, subject="contact", name="people.csv"):
        raw = content if isinstance(content, bytes) else content.encode()
        incoming = Incoming(name, io.BytesIO(raw))
        job = imports.upload(session, runtime.settings, ada, workspace, subject, incoming)
        session.commit()
        return job

    return bring


@pytest.fixture
def run(runtime, session, workspace, ada, bring):
    """Uploads, maps as guessed unless told otherwise, starts, and works until it is done."""

    def run(content, subject="contact", targets=None, clear=(), date_order="", **options):
        job = content if isinstance(content, ImportJob) else bring(content, subject)
        mapping = ColumnMap(tuple(targets or job.mapping["targets"]), frozenset(clear), date_order)
        imports.choose(session, ada, workspace, job, Choices(mapping, **options))
        imports.start(session, ada, job)
        session.commit()
        while imports.work(runtime, job.id):
            pass
        session.refresh(job)
        session.expire_all()
        return job

    return run


def people(session, *columns):
    columns = columns or ("email", "first_name", "phone", "external_id")
    return session.execute(select(*(getattr(Contact, name) for name in columns)).order_by(Contact.id)).all()


def counts(job):
    return job.rows_created, job.rows_updated, job.rows_unchanged, job.rows_rejected


def rejected(job):
    """What a person sees who opens the file of rejected rows: line, reason and cells of each."""
    if not job.rejects_path:
        return []
    return list(csv.reader(io.StringIO(Path(job.rejects_path).read_text("utf-8-sig"))))[1:]


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


def test_a_stray_quote_costs_one_line_not_the_file(run, session):
    """An unclosed quotation mark does not swallow the rest."""
    content = (
        HEADER
        + 'a@example.com,"Ada,,1\nb@example.com,"Bob ""B""",,2\nc@example.com,An"na,,3\nd@example.com,"Di\nna",,4\n'
    )
    job = run(content)
    assert people(session, "email", "first_name") == [
        ("b@example.com", 'Bob "B"'),
        ("c@example.com", 'An"na'),
        ("d@example.com", "Di na"),
    ]
    assert [(line, "quotation mark" in reason) for line, reason, *_ in rejected(job)] == [("2", True)]


def test_ragged_rows_are_rejected_by_line_and_blank_ones_do_not_count(run, session):
    """A row with a cell too many or too few is not guessed at."""
    job = run(HEADER + "a@example.com,A,,1,,\n\n,,,\nb@example.com,B\nc@example.com,C,,3,extra\n")
    assert people(session, "email") == [("a@example.com",)]
    assert [(line, reason) for line, reason, *_ in rejected(job)] == [
        ("5", "This line has 2 cells, the first line has 4."),
        ("6", "This line has 5 cells, the first line has 4."),
    ]
    assert job.rows_done == 3


def test_nul_bytes_long_cells_and_formulas_do_no_harm(run, session):
    """NUL bytes go, a cell of a novel's length is left out, a formula is never stored nor handed back alive."""
    long = "x" * 5000
    job = run(
        HEADER
        + f"a\x00@example.com,\x00Ada\x00,,1\nb@example.com,{long},,2\nc@example.com,=HYPERLINK(1),,3\n=1+1,=2+2,,\n"
    )
    assert people(session, "first_name") == [("Ada",), (None,), (None,)]
    assert job.cells_left_out["First name: too long"] == 1
    assert job.cells_left_out["First name: formula"] == 2
    assert rejected(job)[0][2:4] == ["'=1+1", "'=2+2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_unicode_in_any_of_its_forms_is_read(run, session, encoding):
    """UTF-8 with or without its mark, and UTF-16 with one."""
    content = (HEADER + "m@example.com,Müller 山田,,1\r\n").encode(encoding)
    run(b"\xfe\xff" + content if encoding == "utf-16-be" else content)
    assert people(session, "first_name") == [("Müller 山田",)]


def test_a_file_in_other_letters_is_not_guessed_at(session, workspace, ada, bring, run):
    """A wrong encoding is said, and the choice is the person's."""
    job = bring((HEADER + "m@example.com,Müller,,1\n").encode("cp1252"))
    assert not job.options["encoding_known"]
    with pytest.raises(Refused, match="letters"):
        imports.start(session, ada, job)
    with pytest.raises(Refused, match="not UTF-8"):
        imports.read_as(session, ada, workspace, job, ReadAs("utf-8", ",", header=True))
    imports.read_as(session, ada, workspace, job, ReadAs("cp1252", ",", header=True))
    run(job)
    assert people(session, "first_name") == [("Müller",)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"\n\n", "no rows"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"e\x00m\x00a\x00i\x00l\x00", "UTF-16 without its mark"),
        (b"\xff\xfee\x00m", "damaged"),
        (b'"email,first_name\n' + b"x,y\n" * 200, "quotation mark"),
    ],
    ids=["empty", "blank", "excel", "no mark", "cut", "quote"],
)
def test_what_is_no_csv_is_refused_in_a_sentence(bring, runtime, content, sentence):
    """Nothing is left behind of a file that cannot be read."""
    with pytest.raises(Refused, match=sentence) as refused:
        bring(content)
    assert refused.value.field == "file"
    assert not list(imports.folder(runtime.settings).iterdir())


def test_a_file_that_is_too_large_is_refused_while_it_comes(runtime, session, workspace, ada):
    """Nobody fills the disk: the limit is looked at piece by piece."""
    small = runtime.settings.model_copy(update={"import_max_mb": 1})
    with pytest.raises(Refused, match="larger than the 1 MB"):
        imports.upload(session, small, ada, workspace, "contact", Incoming("big.csv", io.BytesIO(b"a,b\n" * 300_000)))
    assert not list(imports.folder(small).iterdir())


class FullDisk(io.BytesIO):
    """A stream whose reader finds the disk full."""

    def read(self, _size=-1):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_said_in_a_sentence(runtime, session, workspace, ada):
    """The person learns who can help."""
    with pytest.raises(Refused, match="disk of this installation is full"):
        imports.upload(session, runtime.settings, ada, workspace, "contact", Incoming("a.csv", FullDisk()))


def test_the_header_is_found_out_and_columns_guessed_in_four_languages(bring):
    """Nobody has to map a file that names its columns plainly."""
    job = bring(
        "sep=;\nE-Mail-Adresse;Vorname;Nachname;Straße;PLZ;Land;Téléphone;Fecha de nacimiento\n1;2;3;4;5;6;7;8\n"
    )
    assert job.options["shape"]["delimiter"] == ";"
    assert job.mapping["targets"] == [
        "email",
        "first_name",
        "last_name",
        "",
        "postal_code",
        "country",
        "phone",
        "birth_date",
    ]


def test_a_file_without_a_header_is_noticed(bring, run, session):
    """The first person is not taken for a header."""
    job = bring("ada@example.com,Ada\nbob@example.com,Bob\n")
    assert imports.shape(job).columns == ("Column 1", "Column 2")
    run(job, targets=["email", "first_name"])
    assert people(session, "email") == [("ada@example.com",), ("bob@example.com",)]


def test_a_field_is_taken_from_one_column_only(bring, run):
    """Two columns for one field are refused beside the second."""
    job = bring("email,email\na@example.com,b@example.com\n")
    assert job.mapping["targets"] == ["email", ""]
    with pytest.raises(Refused, match="taken from column 1 already") as refused:
        run(job, targets=["email", "email"])
    assert refused.value.field == "column_1"


def test_a_mapping_needs_something_to_know_people_by(bring, run):
    """Names alone identify nobody."""
    with pytest.raises(Refused, match="External id, E-mail or Phone"):
        run(bring("first_name\nAda\n"))


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


def test_odd_signs_in_a_header_or_a_choice_do_no_harm(bring, run, session):
    """NUL bytes and lonely line ends in a header, a formula as a tag."""
    job = bring("e\x00mail,na\rme\na@example.com,x\n")
    assert imports.shape(job).columns[0] == "e mail"
    with pytest.raises(Refused, match="formula") as refused:
        run(job, targets=["email", ""], tags="=1+1")
    assert refused.value.field == "tags"
    run(job, targets=["email", ""], source="Fair\x00")
    assert people(session, "email") == [("a@example.com",)]


def test_the_preview_shows_rows_as_they_will_be_stored(bring, session, workspace):
    """Five rows go through the very code of the import before anything is stored."""
    job = bring(HEADER + "".join(f" N{n}@Example.com ,N,{n},\n" for n in range(9)))
    seen = imports.preview(session, workspace, job, ColumnMap.from_json(job.mapping))
    assert len(seen.rows) == 5
    line, cells = seen.rows[0]
    assert (line, cells[0].value, cells[2].reason is not None) == (2, "n0@example.com", True)
    assert people(session) == []


def test_signs_that_mean_something_to_the_database_arrive_as_they_were_written(run, session):
    """Backslashes, quotation marks and braces in a name or a tag are letters like others (B18)."""
    run('email,first_name,tags\na@x.example,"A\\N ""b"" {c}","x\\y;""q"""\nb@x.example,\\N,NULL\n')
    assert people(session, "first_name", "tags") == [('A\\N "b" {c}', ["x\\y", '"q"']), ("\\N", ["NULL"])]


def test_a_large_file_is_cleaned_by_a_process_of_its_own_with_the_same_rejected_rows(run, session):
    """However large a file is, a person gets their rejected rows back as they wrote them (B15)."""
    rows = [f"p{n}@example.com,P{n},{'x' * 2000}" if n % 100 else f"nobody{n},,\nhalf" for n in range(300)]
    job = run("email,first_name,notes\n" + "\n".join(rows) + "\n", targets=["email", "first_name", ""])
    assert counts(job) == (297, 0, 0, 6)
    assert [cells for _, _, *cells in rejected(job)][:4] == [
        ["nobody0", "", ""],
        ["half"],
        ["nobody100", "", ""],
        ["half"],
    ]


def test_a_killed_import_goes_on_where_the_last_chunk_ended(bring, runtime, session, workspace, ada):
    """After a kill nothing is lost, nothing twice, and the file of rejected rows has no line twice."""
    lines = [f"p{n}@example.com,P{n},," if n % 100 else "nobody,,," for n in range(12_000)]
    job = bring(HEADER + "\n".join(lines) + "\n")
    imports.choose(session, ada, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
    imports.start(session, ada, job)
    session.commit()
    hasty = runtime.settings.model_copy(update={"slice_seconds": 0.001})
    slow = type(runtime)(**{**vars(runtime), "settings": hasty})
    assert imports.work(slow, job.id)
    session.refresh(job)
    assert 0 < job.rows_done < 12_000
    # What a killed slice leaves: a lease that has run out, and rejected rows beyond what counts.
    session.execute(text("update import_job set lease_until = now() - interval '1 second'"))
    session.commit()
    with Path(job.rejects_path).open("ab") as file:
        file.write(b"half a li")
    while imports.work(slow, job.id):
        pass
    session.refresh(job)
    assert job.state == ImportState.DONE
    assert counts(job) == (11_880, 0, 0, 120)
    assert [int(row[0]) for row in rejected(job)] == [n + 2 for n in range(0, 12_000, 100)]


class StopsBetween:
    """Transactions of a worker; before the last of those counted, somebody stops the import."""

    def __init__(self, sessions, count, stop):
        self.sessions, self.count, self.stop = sessions, count, stop

    def begin(self):
        self.count -= 1
        if self.count == 0:
            self.stop()
        return self.sessions.begin()


@pytest.fixture
def under_way(bring, session, workspace, ada):
    """An import of three chunks that was started."""
    job = bring(HEADER + "".join(f"p{n}@example.com,P,,\n" for n in range(25_000)))
    imports.choose(session, ada, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
    imports.start(session, ada, job)
    session.commit()
    return job


def test_an_import_that_is_stopped_keeps_what_is_in_and_writes_no_more(under_way, runtime, session, ada):
    """Whoever sees that it is the wrong file ends it; the worker in the midst of it writes nothing more."""
    job, claim_and_two_chunks = under_way, 3
    sessions = StopsBetween(runtime.sessions, claim_and_two_chunks, lambda: imports.stop(session, ada, job))
    assert imports.work(type(runtime)(**{**vars(runtime), "sessions": sessions}), job.id) is False
    session.refresh(job)
    assert (job.state, job.rows_done, len(people(session))) == (ImportState.STOPPED, 10_000, 10_000)
    stopped = session.scalars(select(AuditEvent).where(AuditEvent.event == "import.stop")).one()
    assert stopped.after == {"rows": 10_000}
    assert imports.work(runtime, job.id) is False
    with pytest.raises(Refused, match="ended already"):
        imports.stop(session, ada, job)


def test_the_file_of_a_stopped_import_goes_once_it_is_stopped_for_good(bring, session, workspace, ada):
    """An import that could not be stopped still has its file."""
    job = bring(HEADER + "a@example.com,A,,\n")
    imports.start(session, ada, job)
    session.commit()
    seen = []
    event.listen(session, "before_commit", lambda _: seen.append(Path(job.file_path).exists()))
    imports.stop(session, ada, job)
    assert seen == [True]
    assert not Path(job.file_path).exists()


def test_two_workers_never_take_the_same_import(bring, runtime, session, workspace, ada):
    """Whoever has the lease works; the other leaves."""
    job = bring(HEADER + "a@example.com,A,,\n")
    imports.choose(session, ada, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
    imports.start(session, ada, job)
    session.execute(text("update import_job set lease_until = now() + interval '1 minute', state = 'running'"))
    session.commit()
    assert imports.work(runtime, job.id) is False
    assert people(session) == []


def test_a_file_that_is_gone_fails_the_import_in_a_sentence(bring, runtime, session, workspace, ada):
    """Nothing is tried for ever."""
    job = bring(HEADER + "a@example.com,A,,\n")
    imports.choose(session, ada, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
    imports.start(session, ada, job)
    session.commit()
    Path(job.file_path).unlink()
    assert imports.work(runtime, job.id) is False
    session.refresh(job)
    assert (job.state, "not there any more" in job.error) == (ImportState.FAILED, True)


def test_a_file_is_removed_once_it_is_in(run):
    """What was read is personal data that nobody needs twice."""
    assert not Path(run(HEADER + "a@example.com,A,,\n").file_path).exists()


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
