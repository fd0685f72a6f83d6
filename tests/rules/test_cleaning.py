"""What the door makes of a cell: one canonical form, or a reason why it is left out."""

from __future__ import annotations

import re
from datetime import date

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.cleaning import COMPANY, CONTACT, CUSTOM, Door, Reason, clean, clean_row
from segsync.rules.import_rows import LISTS

AT_HOME = Door(country="US", today=date(2026, 3, 2))
IN_GERMANY = Door(country="DE", today=date(2026, 3, 2))


def cleaned(field: str, text: str, door: Door = AT_HOME):
    """The value, or the reason why there is none."""
    cell = clean({**COMPANY, **CONTACT}[field], text, door)
    return cell.reason or cell.value


CANONICAL = [
    ("email", "  Ada.Lovelace+News@GMail.com\u00a0\u200b", "ada.lovelace+news@gmail.com"),
    ("email", "\tADA@Example.COM\r\n\x00", "ada@example.com"),
    ("email", "Ada Lovelace <ada@example.com>", "ada@example.com"),
    ("email", "MAILTO:ada@example.com", "ada@example.com"),
    ("email", "JÖRG@MÜLLER.example", "jörg@müller.example"),
    ("phone", "(415) 555-0132", "+14155550132"),
    ("phone", "0049 (0) 151 / 123 456 78", "+4915112345678"),
    ("phone", "+44 (0)20 7183 8750", "+442071838750"),
    ("phone", "'+1 415 555 0132", "+14155550132"),
    ("phone", "14155550132.0", "+14155550132"),
    ("phone", "+39 06 698 12345", "+390669812345"),
    ("first_name", " Jose\u0301  María ", "José María"),
    ("last_name", "山田", "山田"),
    ("last_name", '="Müller"', "Müller"),
    ("gender", "Frau", "female"),
    ("gender", "H", "male"),
    ("birth_date", "1980-02-29", "1980-02-29"),
    ("birth_date", "31/12/1980", "1980-12-31"),
    ("birth_date", "3.4.1980", "1980-04-03"),
    ("birth_date", "12. März 1980", "1980-03-12"),
    ("birth_date", "March 12, 1980", "1980-03-12"),
    ("birth_date", "1980-12-31T00:00:00Z", "1980-12-31"),
    ("country", "Deutschland", "DE"),
    ("country", "usa", "US"),
    ("country", "Royaume-Uni", "GB"),
    ("region", "california", "CA"),
    ("region", "Île-de-France", "Île-de-France"),
    ("postal_code", "2138", "02138"),
    ("postal_code", " nr9  5al ", "NR9 5AL"),
    ("mobile_ad_id", "{38400000-8CF0-11BD-B23E-10B96E40000D}", "38400000-8cf0-11bd-b23e-10b96e40000d"),
    ("external_id", "  A-01 b ", "A-01 b"),
    ("company_domain", "https://www.Example.com:443/about?x=1", "example.com"),
    ("organization_urn", "URN:LI:organization:1035", "urn:li:organization:1035"),
    ("employees", "1,234.0", 1234),
    ("tags", "vip; newsletter ;vip", ["vip", "newsletter"]),
    ("subscription", "Unsubscribed", "no"),
    ("ad_user_data", "TRUE", "granted"),
]


@pytest.mark.parametrize(("field", "raw", "canonical"), CANONICAL, ids=range(len(CANONICAL)))
def test_what_people_write_becomes_canonical(field, raw, canonical):
    """José, Müller, 山田, padded addresses and formatted phones arrive in one form (B18)."""
    assert cleaned(field, raw) == canonical


LEFT_OUT = [
    ("email", "a" * 64, Reason.ALREADY_HASHED),
    ("email", "d41d8cd98f00b204e9800998ecf8427e", Reason.ALREADY_HASHED),
    ("phone", "9b431636bd164765d63c573c346708846af4f68fe3701a77a3bdd7e7e5166254", Reason.ALREADY_HASHED),
    ("first_name", "9B431636BD164765D63C573C346708846AF4F68FE3701A77A3BDD7E7E5166254", Reason.ALREADY_HASHED),
    ("email", "ada@example.com.", Reason.TRAILING_DOT),
    ("email", "ada..l@example.com", Reason.TRAILING_DOT),
    ("email", "ada@example", Reason.BAD_DOMAIN),
    ("email", "ada@exam ple.com", Reason.SPACE_INSIDE),
    ("email", "ada@example.com, bob@example.com", Reason.NO_AT),
    ("email", "n/a", Reason.PLACEHOLDER),
    ("phone", "4.91511E+11", Reason.SHORTENED),
    ("phone", "000 000 0000", Reason.PLACEHOLDER),
    ("phone", "555-0132", Reason.TOO_SHORT),
    ("phone", "+1 415 555 0132 999", Reason.WRONG_LENGTH),
    ("phone", "ask her", Reason.NOT_A_PHONE),
    ("first_name", '=HYPERLINK("http://evil.example")', Reason.FORMULA),
    ("first_name", "???", Reason.PLACEHOLDER),
    ("last_name", "x" * 256, Reason.TOO_LONG),
    ("gender", "other", Reason.NOT_A_GENDER),
    ("birth_date", "03/04/1980", Reason.AMBIGUOUS_DATE),
    ("birth_date", "31/12/80", Reason.TWO_DIGIT_YEAR),
    ("birth_date", "2026-03-03", Reason.NOT_POSSIBLE),
    ("birth_date", "1981-02-29", Reason.NOT_POSSIBLE),
    ("birth_date", "29221", Reason.NOT_A_DATE),
    ("country", "Atlantis", Reason.NOT_A_COUNTRY),
    ("postal_code", "see above!", Reason.NOT_A_POSTAL_CODE),
    ("mobile_ad_id", "00000000-0000-0000-0000-000000000000", Reason.ALL_ZEROES),
    ("mobile_ad_id", "my phone", Reason.NOT_A_DEVICE),
    ("organization_urn", "acme", Reason.NOT_AN_ORGANIZATION),
    ("ad_user_data", "perhaps", Reason.NOT_A_CONSENT),
]


@pytest.mark.parametrize(("field", "raw", "reason"), LEFT_OUT, ids=range(len(LEFT_OUT)))
def test_a_cell_that_cannot_be_used_is_left_out_with_a_reason(field, raw, reason):
    """A cell that cannot be used is left out and its reason is counted (B15)."""
    assert cleaned(field, raw) is reason
    assert reason.sentence.endswith(".")


def test_the_mapping_may_give_the_order_of_dates():
    """An ambiguous date is used once somebody says which way round dates are."""
    assert cleaned("birth_date", "03/04/1980", Door(date_order="dmy")) == "1980-04-03"
    assert cleaned("birth_date", "03/04/1980", Door(date_order="mdy")) == "1980-03-04"


def test_a_phone_is_read_in_the_country_of_its_row_before_the_default_one():
    """A French number in an American workspace is not sent as an American one (B18)."""
    row = clean_row({"phone": "06 12 34 56 78", "country": "France"}, CONTACT, AT_HOME)
    assert row["phone"].value == "+33612345678"
    newer = clean_row({"phone": "0151 2000000", "country": "DE"}, CONTACT, AT_HOME)
    assert newer["phone"].value == "+491512000000"
    abroad = clean_row({"phone": "(415) 555-0132", "country": "FR"}, CONTACT, AT_HOME)
    assert abroad["phone"].value == "+14155550132"
    assert cleaned("phone", "030 123456", IN_GERMANY) == "+4930123456"


def test_one_bad_cell_leaves_the_rest_of_the_row():
    """The cell is left out, not the person (B15)."""
    row = clean_row({"email": "ada@example.com", "phone": "?", "gender": ""}, CONTACT, AT_HOME)
    assert row["email"].value == "ada@example.com"
    assert (row["phone"].value, row["phone"].reason) == (None, Reason.NOT_A_PHONE)
    assert (row["gender"].value, row["gender"].reason) == (None, None)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("text", "  hello  there ", "hello there"),
        ("number", "1.234,50", 1234.5),
        ("number", "$1,234.50", 1234.5),
        ("number", "1,234", Reason.NOT_A_NUMBER),
        ("number", "12", 12),
        ("date", "2031-01-05", "2031-01-05"),
        ("yes_no", "oui", True),
        ("yes_no", "maybe", Reason.NOT_YES_OR_NO),
        ("list", "a, b", ["a", "b"]),
        ("list", "a, b; c", ["a, b", "c"]),
    ],
)
def test_custom_fields_are_cleaned_by_their_type(kind, raw, value):
    """A number is a number, a date is a day, and a comma that could mean either is not guessed."""
    cell = clean(CUSTOM[kind], raw, AT_HOME)
    assert (cell.reason or cell.value) == value


dirty = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="aZ09@.+-_ /'=\"\u200b\u00a0éİßＡ０()#:", max_size=40),
    st.builds("{}@{}.{}".format, st.text(max_size=12), st.text(max_size=12), st.sampled_from(["com", "de", "中国"])),
    st.from_regex(r"[+0]?[0-9 ()./-]{4,18}", fullmatch=True),
    st.from_regex(r"[0-3]?[0-9][-./][0-1]?[0-9][-./](19|20)?[0-9]{2}", fullmatch=True),
)
FORMS = {
    "email": r"[^\s@A-Z]+@[^\s@A-Z.]+(\.[^\s@A-Z.]+)+",
    "phone": r"\+[1-9][0-9]{6,14}",
    "gender": r"female|male",
    "birth_date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "country": r"[A-Z]{2}",
    "mobile_ad_id": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "company_domain": r"[^\s@/A-Z.]+(\.[^\s@/A-Z.]+)+",
}


@pytest.mark.property
@pytest.mark.parametrize("field", [field for field in {**COMPANY, **CONTACT} if field not in LISTS])
@given(raw=dirty, home=st.sampled_from(["US", "DE", "IT", "BR", "JP"]))
def test_cleaning_twice_is_cleaning_once(field, raw, home):
    """What the door let in stays as it is when the same file is imported again (B18)."""
    door = Door(country=home)
    once = cleaned(field, raw, door)
    if isinstance(once, str) and not isinstance(once, Reason):
        assert cleaned(field, once, door) == once
        assert "\x00" not in once
        assert once == once.strip()


@pytest.mark.property
@pytest.mark.parametrize("field", FORMS)
@given(raw=dirty)
def test_a_clean_value_has_the_form_that_channels_are_promised(field, raw):
    """Identifiers are a light transformation of clean fields, so their form is certain."""
    value = cleaned(field, raw)
    if value is not None and not isinstance(value, Reason):
        assert re.fullmatch(FORMS[field], value)


@pytest.mark.property
@given(
    code=st.sampled_from([1, 7, 33, 39, 44, 49, 52, 54, 55, 81, 225, 290]),
    rest=st.from_regex(r"[0-9]{4,12}", fullmatch=True),
)
def test_the_short_way_for_clean_phones_gives_what_the_long_way_gives(code, rest):
    """A number that is clean already is not parsed again, and still is what `phonenumbers` would say."""
    value = cleaned("phone", f"+{code}{rest}")
    if not isinstance(value, Reason):
        number = phonenumbers.parse(value)
        assert phonenumbers.is_possible_number(number)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == value
