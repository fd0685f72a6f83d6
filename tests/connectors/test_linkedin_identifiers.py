"""People and companies are written for LinkedIn by its own rules (B18)."""

from __future__ import annotations

import hashlib

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Kind
from connectors.linkedin.identifiers import CAPABILITIES, WHITE_SPACE, identifiers
from segsync.audience.engines import DuckDBWords


@pytest.fixture(scope="module")
def sent():
    """What LinkedIn is sent for one member."""
    connection = ibis.duckdb.connect()

    def written(kind=Kind.PEOPLE, **member):
        fields = CAPABILITIES.shapes[kind].fields
        schema = ibis.schema(dict.fromkeys((*fields, "member"), "string"))
        row = {**dict.fromkeys(fields), "member": "7", **member}
        members = ibis.memtable(pa.Table.from_pylist([row], schema=schema.to_pyarrow()))
        return connection.to_pyarrow(identifiers(members, kind, DuckDBWords())).to_pylist()[0]

    yield written
    connection.disconnect()


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


# From the tests of two connectors that run against LinkedIn; LinkedIn itself publishes no pairs.
KNOWN = [
    ("testing@testing.com", "584c4423c421df49955759498a71495aba49b8780eb9387dff333b6f0982c777"),
    ("random@rudderstack.com", "52ac4b9ef8f745e007c19fac81ddb0a3f50b20029f6699ca1406225fc217f392"),
    ("abc@gmail.com", "48ddb93f0b30c475423fe177832912c5bcdce3cc72872f8051627967ef278e08"),
]
# Normalised by hand from the rule: lower case, no white space anywhere, nothing else.
BY_HAND = [
    ("José@Example.com", sha("josé@example.com")),
    ("MÜLLER@example.de", sha("müller@example.de")),
    ("山田@example.jp", sha("山田@example.jp")),
    ("  First.Last+news@GMail.com ", sha("first.last+news@gmail.com")),
    ("in side@exam ple.com", sha("inside@example.com")),
    ("no\u00a0break\u3000space@example.com\t", sha("nobreakspace@example.com")),
]


@pytest.mark.parametrize("number", range(len(KNOWN)))
def test_known_addresses_have_their_known_hash(sent, number):
    """An address matches at LinkedIn as it does with the connectors that are in use there (B18)."""
    address, expected = KNOWN[number]
    assert sent(email=address)["SHA256_EMAIL"] == expected


@pytest.mark.parametrize("number", range(len(BY_HAND)))
def test_addresses_lose_their_white_space_and_keep_dots_and_tags(sent, number):
    """Padded, accented and Asian addresses are hashed as LinkedIn's rule says, Gmail's dots kept (B18)."""
    address, expected = BY_HAND[number]
    assert sent(email=address)["SHA256_EMAIL"] == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["a", "Z", "9", ".", "+", "é", "Ł", *WHITE_SPACE]), min_size=1, max_size=12))
def test_any_address_is_hashed_without_its_white_space(sent, letters):
    """Whatever white space lies in an address, the hash is that of the address without it (B18)."""
    text = "".join(letters)
    bare = "".join(text.lower().split())
    assert sent(email=text)["SHA256_EMAIL"] == (sha(bare) if bare else None)


def test_white_space_is_all_that_unicode_calls_so():
    """No sort of blank slips into a hash (B18)."""
    assert set(WHITE_SPACE) == {chr(point) for point in range(0x110000) if chr(point).isspace()}


def test_a_device_goes_as_it_is(sent):
    """A mobile advertising id is sent unhashed and unchanged (B18)."""
    device = "38400000-8cf0-11bd-b23e-10b96e4ef00d"
    assert sent(mobile_ad_id=device)["GOOGLE_AID"] == device


def test_a_country_goes_in_capitals(sent):
    """A country helps matching as two capital letters (B18)."""
    assert sent(country="de")["countryCode"] == "DE"


def test_nothing_is_made_of_nothing(sent):
    """Empty fields send nothing, never the hash of an empty text (B18)."""
    row = sent(email="", mobile_ad_id="", country="")
    assert [row[column] for column in CAPABILITIES.shapes[Kind.PEOPLE].columns] == [None, None, None]


def test_names_of_people_never_travel(sent):
    """LinkedIn takes names only in clear, so none is sent."""
    fields = set(CAPABILITIES.shapes[Kind.PEOPLE].fields)
    assert fields == {"email", "mobile_ad_id", "country"}


def test_other_columns_stay(sent):
    """What the product knows a member by is still there after normalising."""
    assert sent(email="ada@example.com")["member"] == "7"


ORGANIZATIONS = [
    ("  1035  ", "urn:li:organization:1035"),
    ("urn:li:organization:1035", "urn:li:organization:1035"),
    ("URN:LI:Organization:urn:li:organization:1035", "urn:li:organization:1035"),
    ("Acme", None),
    ("1035x", None),
    ("", None),
    (None, None),
]
DOMAINS = [
    ("Example.com", "example.com"),
    ("https://www.example.co.uk/about", "example.co.uk"),
    ("http://example.com", "example.com"),
    ("wwww.example.com", "wwww.example.com"),
    ("müller.de", "müller.de"),
    ("", None),
]


@pytest.mark.parametrize(("written", "expected"), ORGANIZATIONS)
def test_organizations_are_written_as_urns(sent, written, expected):
    """A company's LinkedIn number reaches LinkedIn in its own form, anything else not at all (B18)."""
    assert sent(Kind.COMPANIES, organization_urn=written)["organizationUrn"] == expected


@pytest.mark.parametrize(("written", "expected"), DOMAINS)
def test_domains_are_sent_bare(sent, written, expected):
    """A company's domain has no scheme, no www and no path (B18)."""
    assert sent(Kind.COMPANIES, company_domain=written)["companyWebsiteDomain"] == expected


def test_a_company_keeps_its_name(sent):
    """A company's name helps matching; it is sent trimmed (B18)."""
    assert sent(Kind.COMPANIES, name=" Müller & Söhne ")["companyName"] == "Müller & Söhne"
