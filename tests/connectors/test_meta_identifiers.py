"""People are written for Meta as Meta's own guide, SDKs and examples write them (B18)."""

from __future__ import annotations

import hashlib

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Kind
from connectors.meta.identifiers import SHAPE, identifiers
from segsync.audience.engines import DuckDBWords

FIELDS = SHAPE.fields


@pytest.fixture(scope="module")
def sent():
    """What Meta is sent for one person."""
    connection = ibis.duckdb.connect()
    schema = ibis.schema(dict.fromkeys((*FIELDS, "member"), "string"))

    def written(**person):
        row = {**dict.fromkeys(FIELDS), "member": "7", **person}
        members = ibis.memtable(pa.Table.from_pylist([row], schema=schema.to_pyarrow()))
        return connection.to_pyarrow(identifiers(members, Kind.PEOPLE, DuckDBWords())).to_pylist()[0]

    yield written
    connection.disconnect()


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


# Published by Meta: guide, reference of the users edge, unit tests of its SDKs.
PUBLISHED = [
    ("EMAIL", {"email": "mary@example.com"}, "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"),
    ("PHONE", {"phone": "+15559876543"}, "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"),
    ("EMAIL", {"email": "test1@example.com"}, "9b431636bd164765d63c573c346708846af4f68fe3701a77a3bdd7e7e5166254"),
    ("EMAIL", {"email": "test2@example.com"}, "8cc62c145cd0c6dc444168eaeb1b61b351f9b1809a579cc9b4c9e9d7213a39ee"),
    ("EMAIL", {"email": "test3@example.com"}, "4eaf70b1f7a797962b9d2a533f122c8039012b31e0a52b34a426729319cb792a"),
    ("EMAIL", {"email": "test4@example.com"}, "98df8d46f118f8bef552b0ec0a3d729466a912577830212a844b73960777ac56"),
    ("FN", {"first_name": "  TEST "}, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("LN", {"last_name": "..test.."}, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("EXTERN_ID", {"external_id": "abc123def"}, "abc123def"),
    ("PHONE", {"phone": "+442071838750"}, sha("442071838750")),
    ("ZIP", {"postal_code": "98121-4892", "country": "US"}, sha("98121")),
    ("ZIP", {"postal_code": "98 121-9431", "country": "US"}, sha("98121")),
    ("ZIP", {"postal_code": "98121-4892"}, sha("98121")),
    ("ZIP", {"postal_code": "NR9 5AL", "country": "GB"}, sha("nr95al")),
    ("CT", {"city": "Menlo Park"}, sha("menlopark")),
    ("CT", {"city": "Washington D.C"}, sha("washingtondc")),
    ("CT", {"city": "Seattle-98121"}, sha("seattle")),
    ("COUNTRY", {"country": "US"}, sha("us")),
]

# Our reading where the guide is thin.
READ = [
    ("FN", {"first_name": "José"}, sha("josé")),
    ("LN", {"last_name": "Müller"}, sha("müller")),
    ("LN", {"last_name": "山田"}, sha("山田")),
    ("LN", {"last_name": "Łukasz"}, sha("łukasz")),
    ("LN", {"last_name": "O'Neil-Smith Jr."}, sha("oneilsmithjr")),
    ("FN", {"first_name": "太　郎"}, sha("太郎")),
    ("FN", {"first_name": "-"}, None),
    ("CT", {"city": "México"}, sha("mxico")),
    ("CT", {"city": "山形"}, None),
    ("ST", {"region": "California", "country": "US"}, sha("ca")),
    ("ST", {"region": "N.Y.", "country": "US"}, sha("ny")),
    ("ST", {"region": "Bavaria", "country": "US"}, None),
    ("ST", {"region": "Nordrhein-Westfalen", "country": "DE"}, sha("nordrheinwestfalen")),
    ("ST", {"region": "CA"}, sha("ca")),
    ("ZIP", {"postal_code": "00-950", "country": "PL"}, sha("00-950")),
    ("GEN", {"gender": "female"}, sha("f")),
    ("GEN", {"gender": "male"}, sha("m")),
    ("GEN", {"gender": "divers"}, None),
    ("DOBY", {"birth_date": "1990-02-28"}, sha("1990")),
    ("DOBM", {"birth_date": "1990-02-28"}, sha("02")),
    ("DOBD", {"birth_date": "1990-02-08"}, sha("08")),
    ("DOBY", {"birth_date": "1812-05-01"}, None),
    ("DOBD", {"birth_date": "1812-05-01"}, None),
    ("MADID", {"mobile_ad_id": "AEBE52E7-03EE-455A-B3C4-E57283966239"}, "aebe52e7-03ee-455a-b3c4-e57283966239"),
    ("EXTERN_ID", {"external_id": "Kd-0042 X"}, "Kd-0042 X"),
    ("PHONE", {"phone": sha("442071838750")}, sha("442071838750")),
    ("EMAIL", {"email": sha("mary@example.com")}, sha("mary@example.com")),
]


def cases(rows):
    """Numbered, so that no contact's data stands in a test's name."""
    return [pytest.param(*row, id=f"{row[0]}-{number}") for number, row in enumerate(rows, 1)]


@pytest.mark.parametrize(("column", "person", "expected"), cases(PUBLISHED))
def test_published_examples(sent, column, person, expected):
    """Meta's own examples come out as Meta prints them (B18)."""
    assert sent(**person)[column] == expected


@pytest.mark.parametrize(("column", "person", "expected"), cases(READ))
def test_names_and_places_of_the_whole_world(sent, column, person, expected):
    """José, Müller, 山田, Łukasz and their addresses match, and what cannot match is left out (B18, B15)."""
    assert sent(**person)[column] == expected


def test_an_empty_person_is_sent_as_nothing(sent):
    """No cell ever holds the hash of nothing (B15)."""
    row = sent(**dict.fromkeys(FIELDS, ""))
    assert {row[column] for column in SHAPE.columns} == {None}


def test_other_columns_stay(sent):
    """What the run needs to know of a member is still there afterwards (B18)."""
    assert sent(email="ada@example.com")["member"] == "7"


@settings(max_examples=40, deadline=None)
@given(person=st.fixed_dictionaries({field: st.none() | st.text(max_size=20) for field in FIELDS}))
def test_whatever_people_type_only_hashes_leave(sent, person):
    """Whatever stands in a contact, Meta gets 64 hexadecimal digits or nothing where it is owed a hash (B18)."""
    person = {field: text and text.replace("\x00", "") for field, text in person.items()}
    row = sent(**person)
    hashed = [*SHAPE.qualifiers, *(key for key in SHAPE.keys if key.hashed)]
    columns = [getattr(column, "column", None) or column.columns[0] for column in hashed]
    assert all(row[column] is None or len(row[column]) == 64 for column in columns)
