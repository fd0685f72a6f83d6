"""People are written for Google by its own rules (B18)."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Kind
from connectors.google import simulator
from connectors.google.identifiers import ADDRESS, CAPABILITIES, PEOPLE, identifiers
from segsync.audience.engines import DuckDBWords
from tests.connectors.google_at_hand import sha

FIELDS = PEOPLE.fields


@pytest.fixture(scope="module")
def sent():
    """What Google is sent for one person with these contact fields, in the form in which the product keeps them."""
    connection = ibis.duckdb.connect()

    def ask(**fields: str) -> dict[str, str | None]:
        row = {name: [fields.get(name)] for name in FIELDS}
        table = pa.table({name: pa.array(values, pa.string()) for name, values in row.items()})
        answer = connection.to_pyarrow(identifiers(ibis.memtable(table), DuckDBWords())).to_pylist()[0]
        return {name: answer[name] for name in PEOPLE.columns}

    return ask


OFFICIAL = {
    "emailAddress": ("alexz@example.com", "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"),
    "phoneNumber": ("+18005550100", "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
    "givenName": ("  GivenName  ", "128a07bfe2df877c52076e60d7774cf5baaa046c5a6c48daf30ff43ecca2f814"),
    "familyName": ("  FamilyName ", "77762c287e61ce065bee5c15464012c6fbe088398b8057627d5577249430d574"),
}


def test_the_examples_that_google_publishes_come_out_right(sent):
    """Google's own examples, with the hashes it states, come out letter by letter (B18)."""
    given_fields = {
        "email": "emailAddress",
        "phone": "phoneNumber",
        "first_name": "givenName",
        "last_name": "familyName",
    }
    fields = {name: OFFICIAL[column][0] for name, column in given_fields.items()}
    answer = sent(**fields, country="US", postal_code="94045")
    assert {name: answer[name] for name in OFFICIAL} == {name: digest for name, (_, digest) in OFFICIAL.items()}
    assert (answer["regionCode"], answer["postalCode"]) == ("US", "94045")


ADDRESSES = [
    ("jane.doe+shop@gmail.com", "janedoe@gmail.com"),
    ("j.a.n.e@googlemail.com", "jane@googlemail.com"),
    ("jane+a+b@gmail.com", "jane@gmail.com"),
    ("jane.doe+shop@example.com", "jane.doe+shop@example.com"),
    ("jane.doe@mail.gmail.com", "jane.doe@mail.gmail.com"),
    ("josé@example.com", "josé@example.com"),
]


@pytest.mark.parametrize(
    ("email", "normalized"),
    ADDRESSES,
    ids=["gmail", "googlemail", "two plus signs", "elsewhere", "a subdomain", "accents"],
)
def test_only_gmail_loses_dots_and_what_follows_a_plus(sent, email, normalized):
    """Dots and a plus part mean nothing at Gmail, and much elsewhere (B18)."""
    assert sent(email=email)["emailAddress"] == sha(normalized)


def test_an_address_of_which_nothing_is_left_is_not_sent(sent):
    """A Gmail address that is only a plus part identifies nobody (B18)."""
    assert sent(email="+shop@gmail.com")["emailAddress"] is None


NAMES = [
    ("José", "MÜLLER", "josé", "müller"),
    ("山田", "太郎", "山田", "太郎"),
    (" Mary Ann ", "Quinn-Alex", "mary ann", "quinn-alex"),
    ("ÁÉÍ", "Łukasz", "áéí", "łukasz"),
    ("İPEK", "ÇELİK", "i̇pek", "çeli̇k"),
    ("ΝΙΚΟΣ-ΠΑΥΛΟΣ", "ΠΑΠΑΔΟΠΟΥΛΟΣ", "νικος-παυλος", "παπαδοπουλος"),
]


@pytest.mark.parametrize(
    ("first", "last", "given_name", "family_name"),
    NAMES,
    ids=["accents", "no alphabet", "two words and a hyphen", "capitals outside ASCII", "dotted I", "final sigma"],
)
def test_names_keep_their_letters_hyphens_and_inner_spaces(sent, first, last, given_name, family_name):
    """Names are only trimmed and lower-cased, in every script (B18)."""
    answer = sent(first_name=first, last_name=last, country="DE", postal_code=" 10115 ")
    assert [answer[name] for name in ADDRESS] == [sha(given_name), sha(family_name), "DE", "10115"]


ADDRESS_FIELDS = {"first_name": "Ada", "last_name": "Byron", "country": "GB", "postal_code": "N1 9GU"}


@pytest.mark.parametrize("missing", ADDRESS_FIELDS)
@pytest.mark.parametrize("how", [None, "", "   "], ids=["empty", "blank", "spaces"])
def test_an_address_with_a_part_missing_is_not_sent_at_all(sent, missing, how):
    """Google refuses a whole request for one address with a part missing, so it is all or nothing (B15)."""
    answer = sent(**{**ADDRESS_FIELDS, missing: how})
    assert [answer[name] for name in ADDRESS] == [None] * 4


def test_nobody_is_sent_for_nothing(sent):
    """Somebody without contact data gives nulls, never the hash of nothing (B15)."""
    assert set(sent().values()) == {None}
    assert set(sent(email="", phone="", first_name="", last_name="", country="", postal_code="").values()) == {None}


def test_what_google_takes_is_announced_as_data():
    """Create asks the channel's data what it takes: people only, both consents, the policy ticked by a person (S8, B36)."""
    assert set(CAPABILITIES.shapes) == {Kind.PEOPLE}
    assert CAPABILITIES.consents == ("ad_user_data", "ad_personalization")
    assert (CAPABILITIES.batch_rows, CAPABILITIES.smallest_audience) == (10_000, 100)
    assert [statement.name for statement in CAPABILITIES.statements] == ["customer_match"]
    assert PEOPLE.fields == ("email", "phone", "first_name", "last_name", "country", "postal_code")


CLEAN_NAMES = st.text(st.characters(categories=["L"], max_codepoint=0x24F), min_size=1, max_size=12)
LOCAL = st.from_regex(r"[a-z0-9]([a-z0-9.+]{0,10}[a-z0-9])?", fullmatch=True)
CONTACTS = st.fixed_dictionaries(
    {},
    optional={
        "email": st.builds("{}@{}".format, LOCAL, st.sampled_from(["gmail.com", "googlemail.com", "example.com"])),
        "phone": st.from_regex(r"\+[1-9][0-9]{7,13}", fullmatch=True),
        "first_name": CLEAN_NAMES,
        "last_name": CLEAN_NAMES,
        "country": st.sampled_from(["DE", "US", "JP"]),
        "postal_code": st.from_regex(r"[A-Z0-9]{3,8}", fullmatch=True),
    },
)


@pytest.mark.property
@settings(max_examples=25, deadline=None)
@given(CONTACTS)
def test_google_knows_people_by_what_it_is_sent(sent, contact):
    """Whoever Google's population holds is matched by every identifier sent, by two independent readings of its rules (B18)."""
    answer = sent(**contact)
    keys = [f"email:{answer['emailAddress']}"] if answer["emailAddress"] else []
    keys += [f"phone:{answer['phoneNumber']}"] if answer["phoneNumber"] else []
    keys += ["address:" + "|".join(str(answer[name]) for name in ADDRESS)] if answer["givenName"] else []
    assert keys == list(simulator.hasher(contact))
