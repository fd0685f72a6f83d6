"""Files as people bring them: in any letters and shape, with columns of any name, and those that are no CSV at all."""

from __future__ import annotations

import errno
import io

import pytest

from segsync.actions import imports
from segsync.actions.actor import Refused
from segsync.actions.imports import Incoming, ReadAs
from segsync.rules.import_mapping import ColumnMap
from tests.actions.importing import HEADER, people, rejected


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
