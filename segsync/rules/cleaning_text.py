"""Text as every cell is first made: letters in one form, invisible characters gone, and why a cell cannot be used."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why a cell cannot be used. The value is the word that is counted; `sentence` is for people."""

    ALREADY_HASHED = "already hashed"
    FORMULA = "formula"
    TOO_LONG = "too long"
    PLACEHOLDER = "placeholder"
    NO_AT = "not an e-mail"
    SPACE_INSIDE = "space inside"
    BAD_DOMAIN = "no such domain name"
    TRAILING_DOT = "dot at the end"
    NOT_A_PHONE = "not a phone number"
    TOO_SHORT = "too short"
    WRONG_LENGTH = "impossible phone number"
    SHORTENED = "shortened by a spreadsheet"
    NOT_A_DATE = "not a date"
    AMBIGUOUS_DATE = "day and month not clear"
    TWO_DIGIT_YEAR = "year of two digits"
    NOT_POSSIBLE = "not a possible day"
    NOT_A_COUNTRY = "not a country"
    NOT_A_POSTAL_CODE = "not a postal code"
    NOT_A_GENDER = "neither female nor male"
    NOT_A_DEVICE = "not an advertising id"
    ALL_ZEROES = "all zeroes"
    NOT_AN_IDFV = "not an IDFV"
    NOT_AN_ANDROID_ID = "not an Android ID"
    NO_ID_OF_ITS_OWN = "zeroes in place of an id"
    NOT_A_NUMBER = "not a number"
    NOT_YES_OR_NO = "neither yes nor no"
    NOT_A_CONSENT = "not a consent"
    NOT_AN_ORGANIZATION = "not a LinkedIn organization"

    @property
    def sentence(self) -> str:
        """What is wrong and, where it helps, what would be right."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.ALREADY_HASHED: "This is hashed already. Give it in clear: each channel hashes in its own way.",
    Reason.FORMULA: "This is a spreadsheet formula, not a value.",
    Reason.TOO_LONG: "This is too long to be right.",
    Reason.PLACEHOLDER: "This stands for nothing, such as n/a or 0000000.",
    Reason.NO_AT: "An e-mail address needs something before and after exactly one @.",
    Reason.SPACE_INSIDE: "There is a space inside the e-mail address.",
    Reason.BAD_DOMAIN: "What stands after the @, or as the domain, is no domain name such as example.com.",
    Reason.TRAILING_DOT: "There is a dot too many, at the end or beside another dot.",
    Reason.NOT_A_PHONE: "This is not a phone number.",
    Reason.TOO_SHORT: "This phone number is too short.",
    Reason.WRONG_LENGTH: "No phone number of that country is so long or so short.",
    Reason.SHORTENED: "A spreadsheet shortened this number (1.2E+10). Format the column as text and export again.",
    Reason.NOT_A_DATE: "This is not a date. Write it as 1980-12-31.",
    Reason.AMBIGUOUS_DATE: "Day and month could be either way round. Choose the order of dates, or write 1980-12-31.",
    Reason.TWO_DIGIT_YEAR: "The year has only two digits.",
    Reason.NOT_POSSIBLE: "There is no such day, or it is not between 1900 and today.",
    Reason.NOT_A_COUNTRY: "This country is not known. Use its English name or a code such as DE.",
    Reason.NOT_A_POSTAL_CODE: "This is not a postal code.",
    Reason.NOT_A_GENDER: "Only female and male are kept: no channel takes anything else.",
    Reason.NOT_A_DEVICE: "A mobile advertising id looks like 38400000-8cf0-11bd-b23e-10b96e40000d.",
    Reason.ALL_ZEROES: "This device has switched its advertising id off (all zeroes).",
    Reason.NOT_AN_IDFV: "An IDFV looks like 599F9C00-92DC-4B5C-9464-7971F01F8370.",
    Reason.NOT_AN_ANDROID_ID: "An Android ID has 16 digits and letters, such as 9774d56d682e549c.",
    Reason.NO_ID_OF_ITS_OWN: "This id is all zeroes: the device does not tell its own.",
    Reason.NOT_A_NUMBER: "This is not a number, or it is not clear what its comma means.",
    Reason.NOT_YES_OR_NO: "This is neither yes nor no.",
    Reason.NOT_A_CONSENT: "This says neither granted nor denied.",
    Reason.NOT_AN_ORGANIZATION: "A LinkedIn organization is a number or urn:li:organization:1035.",
}


class Unusable(Exception):  # noqa: N818 - read aloud: "unusable, because …"
    """A cell that cannot be used. Carries the reason only, never the cell."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Door:
    """What the door knows beside the cell: the default country, the order of dates, today, and the row's own country."""

    country: str = "US"
    date_order: str = ""
    """'dmy', 'mdy' or '' where nobody said."""
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    row_country: str = ""


LONGEST = 255
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u061c"))
JOINERS = "\u200c\u200d"
HASHED = re.compile(r"(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{128})")
PLACEHOLDERS = frozenset(
    {"n/a", "#n/a", "#ref!", "#value!", "#name?", "#null!", "(null)", "(blank)", "(none)", "<null>"}
)
_QUOTED_FORMULA = re.compile(r'="([^"]*)"')
# Spreadsheets write this before a text that looks like a number.
_APOSTROPHE = "'"
_WRAPPING = frozenset({"=", _APOSTROPHE})


def tidy(text: str) -> str:
    """One form of letters (NFC), no invisible or control characters, white space collapsed, none at the ends."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split()) if "  " in text else text.strip()
    # Both can bring forth what the other takes away, so the text is settled only when nothing changes any more.
    before = ""
    while before != text:
        before = text
        text = _visible(unicodedata.normalize("NFC", text)).strip(JOINERS + " ")
    return text


def _visible(text: str) -> str:
    kept = (" " if unicodedata.category(c) in {"Cc", "Zs", "Zl", "Zp"} else c for c in text.translate(INVISIBLE))
    # Lone surrogates and unassigned code points cannot be stored or sent.
    return " ".join("".join(c for c in kept if unicodedata.category(c) not in {"Cs", "Cn", "Co"}).split())


def cell(text: str) -> str:
    """A cell as it was meant: tidy, out of `="…"` and the apostrophe of a spreadsheet."""
    # the most usual case of `tidy`, without the way there
    text = text.strip() if text.isascii() and text.isprintable() and "  " not in text else tidy(text)
    return _unwrapped(text) if text[:1] in _WRAPPING else text


def _unwrapped(text: str) -> str:
    quoted = _QUOTED_FORMULA.fullmatch(text)
    if quoted:
        return cell(quoted[1])
    guarded = text.startswith(_APOSTROPHE) and text[1:2] and text[1:2] in "0123456789+=-@"
    return tidy(text[1:]) if guarded else text


def plain(text: str, longest: int = LONGEST) -> str:
    """A cell of text. Raises Unusable for a hash, a formula, a placeholder, or too much."""
    if len(text) >= 64 and HASHED.fullmatch(text):  # noqa: PLR2004 - SHA-256 as hex
        raise Unusable(Reason.ALREADY_HASHED)
    if len(text) > longest:
        raise Unusable(Reason.TOO_LONG)
    if text.startswith("="):
        raise Unusable(Reason.FORMULA)
    if text.lower() in PLACEHOLDERS:
        raise Unusable(Reason.PLACEHOLDER)
    return text


def word(text: str) -> str:
    """For comparing with a table of words: lower-case, without accents, marks and spaces."""
    bare = (c for c in unicodedata.normalize("NFKD", text.casefold()) if c.isalnum())
    return "".join(bare)


def name(text: str) -> str:
    """A name of a person or place. Raises Unusable where it has no letter at all."""
    text = plain(text)
    if text[0] in "@+":
        raise Unusable(Reason.FORMULA)
    if not any(c.isalpha() for c in text):
        raise Unusable(Reason.PLACEHOLDER)
    return text
