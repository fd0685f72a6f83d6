"""`segsync identifiers`: what each channel would be sent for the people of a file."""

from __future__ import annotations

import csv
import hashlib
import io

import pytest
from click.testing import CliRunner

from segsync.cli import main

HEADER = "email,phone,first_name,last_name,gender,birth_date,city,region,postal_code,country,mobile_ad_id,external_id"
ADA = '" Ada.Love+x@GMail.com ",(415) 555-0132, José ,Müller,f,1980-02-29,San Francisco,California,94103-1234,USA,,A1'


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Runs the command on a file with this content; the answer by line and field."""
    monkeypatch.setenv("SEGSYNC_DATA", str(tmp_path / "data"))

    def ask(channel, content, *options, fails=False):
        file = tmp_path / "people.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        result = CliRunner().invoke(main, ["identifiers", channel, str(file), *options])
        assert bool(result.exit_code) is fails, result.output
        if fails:
            return result.stderr
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        assert not (tmp_path / "data").exists()
        return {(int(row["line"]), row["field"]): row for row in rows}

    return ask


@pytest.mark.parametrize(
    ("channel", "sent"),
    [
        (
            "google",
            {
                "email": sha("adalove@gmail.com"),
                "phone": sha("+14155550132"),
                "first_name": sha("josé"),
                "last_name": sha("müller"),
                "country": "US",
                "postal_code": "94103-1234",
                "gender": "",
            },
        ),
        ("linkedin", {"email": sha("ada.love+x@gmail.com"), "country": "US", "phone": "", "first_name": ""}),
        (
            "meta",
            {
                "email": sha("ada.love+x@gmail.com"),
                "phone": sha("14155550132"),
                "first_name": sha("josé"),
                "last_name": sha("müller"),
                "gender": sha("f"),
                "birth_date": " ".join(map(sha, ("1980", "02", "29"))),
                "city": sha("sanfrancisco"),
                "region": sha("ca"),
                "postal_code": sha("94103"),
                "country": sha("us"),
                "external_id": "A1",
            },
        ),
    ],
)
def test_each_channel_is_shown_what_it_takes_in_its_own_form(ask, channel, sent):
    """Golden vectors: right for José, Müller, padded Gmail addresses and formatted phones (B18)."""
    told = ask(channel, f"{HEADER}\n{ADA}\n")
    assert {field: told[2, field]["sent"] for field in sent} == sent
    assert all(row["sent"] or row["problem"] for row in told.values())


def test_one_row_for_each_field_given_with_its_line(ask):
    """An empty cell is not given; a row of two lines counts from its first."""
    told = ask("meta", 'email,first_name,phone\na@example.com,"Di\nna",\n,,\nb@example.com,山田,?\n')
    assert list(told) == [(2, "email"), (2, "first_name"), (5, "email"), (5, "first_name"), (5, "phone")]
    assert told[2, "first_name"]["normalized"] == "Di na"
    assert told[5, "first_name"]["sent"] == sha("山田")
    assert (told[5, "phone"]["normalized"], told[5, "phone"]["sent"]) == ("", "")
    assert told[5, "phone"]["problem"] == "This is not a phone number."


def test_what_cannot_be_sent_alone_says_so(ask):
    """Google takes an address whole, and nobody is sent without something to be found by."""
    assert "together with" in ask("google", "email,first_name\na@example.com,Ada\n")[2, "first_name"]["problem"]
    alone = ask("meta", "first_name\nAda\n")[2, "first_name"]
    assert (alone["normalized"], alone["sent"]) == ("Ada", "")
    assert "Nothing of this row is sent" in alone["problem"]


def test_the_default_country_is_an_option(ask):
    """As in the settings of a workspace."""
    assert ask("meta", "phone\n030 123456\n", "--country", "de")[2, "phone"]["sent"] == sha("4930123456")
    assert "two letters" in ask("meta", "phone\n1\n", "--country", "Germany", fails=True)


def test_companies_go_to_linkedin_as_companies(ask):
    """Their domain bare, their organization as LinkedIn writes it."""
    told = ask(
        "linkedin", "name,company_domain,organization_urn\nAcme,https://www.Acme.com/x,1035\n", "--kind", "companies"
    )
    assert [row["sent"] for row in told.values()] == ["Acme", "acme.com", "urn:li:organization:1035"]
    assert "people who work there" in ask("meta", "name\nAcme\n", "--kind", "companies", fails=True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("foo,bar\n1,2\n", "names no standard field"),
        ("email,Email\na,b\n", "names a field twice"),
        ("first_name\nJosé\n".encode("cp1252"), "is not UTF-8"),
        ("", "is empty"),
        (b"PK\x03\x04", "Excel workbook"),
    ],
    ids=["no field", "double", "letters", "empty", "excel"],
)
def test_a_file_that_cannot_be_read_is_explained(ask, content, sentence):
    """A sentence that says what to do, and no traceback."""
    assert sentence in ask("meta", content, fails=True)


def test_a_broken_line_is_told_beside_the_others(ask):
    """A stray quotation mark costs its line."""
    told = ask("linkedin", 'email,country\na@example.com,"x\nb@example.com,DE\n')
    assert "quotation mark" in told[2, ""]["problem"]
    assert told[3, "email"]["sent"] == sha("b@example.com")
