"""Countries, regions and postal codes. Names of countries are known in the languages of our users."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from functools import cache, lru_cache

import pycountry

from segsync.rules.cleaning_text import Door, Reason, Unusable, name, plain, word

LANGUAGES = ("de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da")
KOSOVO = "XK"
"""In use everywhere, though ISO has not assigned it."""
WITH_STATE_CODES = ("US", "CA", "AU")
_ALIASES = {
    "uk": "GB", "greatbritain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northernireland": "GB", "grossbritannien": "GB", "el": "GR", "usa": "US", "unitedstatesofamerica": "US",
    "theunitedstates": "US", "america": "US", "amerika": "US", "vsa": "US", "eeuu": "US", "etatsunis": "US",
    "korea": "KR", "southkorea": "KR", "republicofkorea": "KR", "northkorea": "KP", "russia": "RU", "russland": "RU",
    "czechrepublic": "CZ", "tschechien": "CZ", "tschechei": "CZ", "holland": "NL", "thenetherlands": "NL",
    "macedonia": "MK", "ivorycoast": "CI", "burma": "MM", "swaziland": "SZ", "capeverde": "CV", "turkey": "TR",
    "vatican": "VA", "vaticancity": "VA", "kosovo": KOSOVO, "xk": KOSOVO, "xkx": KOSOVO, "macau": "MO", "brunei": "BN",
    "palestine": "PS", "syria": "SY", "laos": "LA", "moldova": "MD", "uae": "AE", "emirates": "AE",
    "deutschland": "DE", "brd": "DE", "osterreich": "AT", "schweiz": "CH", "suisse": "CH", "svizzera": "CH",
    "espana": "ES", "italia": "IT", "nippon": "JP", "日本": "JP", "中国": "CN", "россия": "RU", "ελλαδα": "GR",
}  # fmt: skip
_POSTAL = re.compile(r"[^\W_][\w -]{0,10}[^\W_]|[^\W_]")
_FLOAT = re.compile(r"(\d{3,9})\.0+")
_ZIP9 = re.compile(r"(\d{5})[ -]?(\d{4})")
# A spreadsheet drops zeroes at the front of what looks like a number.
_DIGITS_OF_ZIP = {"US": 5, "DE": 5, "FR": 5, "ES": 5, "IT": 5, "PR": 5}
_SHORTEST_ZIP = 3


@lru_cache(maxsize=4096)
def country(text: str) -> str:
    """`Deutschland`, `germany`, `DEU` and `de` as `DE`."""
    code = _countries().get(word(text))
    if code is None:
        plain(text)
        raise Unusable(Reason.NOT_A_COUNTRY)
    return code


@cache
def _countries() -> dict[str, str]:
    names: dict[str, str] = {}
    for known, code in _names():
        names.setdefault(known, code)
    # Codes win over any name that happens to look the same.
    names |= {c.alpha_3.lower(): c.alpha_2 for c in pycountry.countries}
    names |= {c.alpha_2.lower(): c.alpha_2 for c in pycountry.countries}
    return names | _ALIASES


def _names() -> Iterator[tuple[str, str]]:
    translations = [gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[code]) for code in LANGUAGES]
    for entry in pycountry.countries:
        for field in ("name", "common_name", "official_name"):
            text = getattr(entry, field, "")
            for known in (text, *(translation.gettext(text) for translation in translations)) if text else ():
                yield word(known), entry.alpha_2


def region(text: str, door: Door) -> str:
    """A state, province or county. In countries where everybody writes codes, a name becomes its code: `California` is `CA`."""
    known = _states(door.row_country or door.country).get(word(text)) if len(text) < 40 else None  # noqa: PLR2004
    return known or name(text)


@cache
def _states(code: str) -> dict[str, str]:
    if code not in WITH_STATE_CODES:
        return {}
    states: dict[str, str] = {}
    for state in pycountry.subdivisions:
        if state.country_code != code:
            continue
        short = state.code.partition("-")[2]
        states |= {word(state.name): short, word(short): short, word(state.code): short}
    return states


def postal_code(text: str, door: Door) -> str:
    """In capitals; zeroes that a spreadsheet dropped from the front come back where the country's codes have one length."""
    digits = _DIGITS_OF_ZIP.get(door.row_country or door.country, 0)
    if len(text) == digits and text.isascii() and text.isdigit():
        return text
    text = plain(text).upper()
    whole = _FLOAT.fullmatch(text)
    text = whole[1] if whole else text
    if not _POSTAL.fullmatch(text):
        raise Unusable(Reason.NOT_A_POSTAL_CODE)
    nine = _ZIP9.fullmatch(text) if (door.row_country or door.country) == "US" else None
    if nine:
        return f"{nine[1]}-{nine[2]}"
    return text.zfill(digits) if text.isascii() and text.isdigit() and len(text) >= _SHORTEST_ZIP else text
