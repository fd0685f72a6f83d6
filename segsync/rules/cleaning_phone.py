"""Phone numbers as E.164, by `phonenumbers`. Numbers that are clean already, or written as usual, take a short way: it is much faster."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

from segsync.rules.cleaning_text import Door, Reason, Unusable, plain
from segsync.rules.phone_plans import clearly_possible, dialled_at_home, with_home_prefix

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Digits with what people put between them; an extension or a word is left to `phonenumbers`.
_USUAL = re.compile(r"[+(]?[0-9][0-9 ()/.-]{5,40}")
_BETWEEN = str.maketrans("", "", " ()/.-")
_SCIENTIFIC = re.compile(r"[+]?\d+(?:[.,]\d+)?e\+?\d+", re.IGNORECASE)
_DECIMALS = re.compile(r"([+]?\d{7,15})[.,]0+")
_FEWEST_DIGITS, _LONGEST = 7, 60


def phone(text: str, door: Door) -> str:
    """Any usual writing as `+4915112345678`. A number without a country code is read in the row's country, else the default one."""
    if _E164.fullmatch(text) and clearly_possible(text):
        return _not_made_up(text)
    usual = _usual(text, door)
    return _not_made_up(usual) if usual else by_the_book(text, door)


def by_the_book(text: str, door: Door) -> str:
    """The same without any short way: what decides wherever a short way is not sure."""
    plain(text, _LONGEST)
    if _SCIENTIFIC.fullmatch(text):
        raise Unusable(Reason.SHORTENED)
    whole = _DECIMALS.fullmatch(text)
    return _not_made_up(_parsed(_international(whole[1] if whole else text), door))


def _usual(text: str, door: Door) -> str:
    """A number whose writing leaves no doubt; '' for all others."""
    if not _USUAL.fullmatch(text) or _DECIMALS.fullmatch(text):
        return ""
    text = _international(text)
    digits = text.translate(_BETWEEN)
    if digits[0] == "+":
        if not _E164.fullmatch(digits):
            return ""
        return digits if clearly_possible(digits) else with_home_prefix(digits)
    # With two countries to choose from, it is the book that chooses.
    home = door.row_country or door.country
    return dialled_at_home(digits, home) if home and home == (door.country or home) else ""


def _international(text: str) -> str:
    # 00 is how most of the world dials abroad; no country's own numbers start so.
    return "+" + text[2:].lstrip() if text.startswith("00") and text[2:3] not in {"", "0"} else text


def _parsed(text: str, door: Door) -> str:
    if "@" in text:
        raise Unusable(Reason.NOT_A_PHONE)
    readings = [
        number for home in dict.fromkeys((door.row_country, door.country)) if home for number in _read(text, home)
    ]
    if not readings:
        raise Unusable(Reason.NOT_A_PHONE)
    return _settled(phonenumbers.format_number(_likeliest(readings), PhoneNumberFormat.E164))


def _likeliest(readings: list[PhoneNumber]) -> PhoneNumber:
    """The row's own country comes before the default one, but a number that somebody could have before one that is only long enough."""
    possible = [number for number in readings if _possibility(number) == ValidationResult.IS_POSSIBLE]
    if possible:
        return next((number for number in possible if len(possible) > 1 and _is_valid(number)), possible[0])
    short = {ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY}
    raise Unusable(Reason.TOO_SHORT if _possibility(readings[0]) in short else Reason.WRONG_LENGTH)


_is_valid = phonenumbers.is_valid_number
_possibility = phonenumbers.is_possible_number_with_reason


def _read(text: str, country: str) -> list[PhoneNumber]:
    try:
        return [phonenumbers.parse(text, country)]
    except NumberParseException:
        return []


def _settled(text: str) -> str:
    """The number read once more, as the next import of it would: a prefix that only now shows is taken off."""
    if clearly_possible(text):
        return text
    settled = phonenumbers.format_number(_likeliest(_read(text, "ZZ")), PhoneNumberFormat.E164)
    return text if settled == text else _settled(settled)


def _not_made_up(text: str) -> str:
    if len(text) <= _FEWEST_DIGITS:
        raise Unusable(Reason.TOO_SHORT)
    if text[-1] == text[-2] and len(set(text[-7:])) == 1:
        raise Unusable(Reason.PLACEHOLDER)
    return text
