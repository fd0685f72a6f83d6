"""Dates, genders, numbers, yes and no, lists, consents and device ids in canonical form."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import cache

from segsync.rules.cleaning_text import Door, Reason, Unusable, plain, word
from segsync.rules.terms import Consent, Subscription

EARLIEST_YEAR, LATEST_YEAR = 1900, 2200
LONGEST_LIST, LONGEST_TEXT, MOST_DIGITS = 200, 4000, 30

_FEMALE = "female f woman girl weiblich w frau femme feminin feminine mujer femenino mrs ms miss frau mme madame senora femmina donna vrouw v kvinna kvinde feminino mulher kobieta"
_MALE = "male m man boy mannlich mann homme masculin h hombre masculino mr herr monsieur senor maschio uomo mannelijk manlig mand homem mezczyzna"
_YES = "yes y true t 1 x on ja j oui o si s wahr vrai verdadero sim checked"
_NO = "no n false f 0 off nein non falsch faux falso nao nej nee unchecked"
_GRANTED = f"granted grant allowed accepted given optin optedin consented zugestimmt erteilt accorde concedido {_YES}"
_DENIED = f"denied deny refused rejected withdrawn revoked optout optedout verweigert abgelehnt refuse denegado {_NO}"
_SUBSCRIBED = f"subscribed active confirmed optin optedin abonniert abonne suscrito {_YES}"
_UNSUBSCRIBED = f"unsubscribed inactive cleaned bounced complained optout optedout abgemeldet desabonne baja {_NO}"
_UNKNOWN = "unknown unspecified unbekannt inconnu desconocido"
_MONTHS = (
    "january jan januar jaenner janner janvier janv enero ene gennaio",
    "february feb februar fevrier fevr febrero febbraio",
    "march mar marz maerz mrz mars marzo",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio",
    "june jun juni juin junio giugno",
    "july jul juli juillet juil julio luglio",
    "august aug aout agosto ago",
    "september sep sept septembre septiembre settembre",
    "october oct oktober okt octobre octubre ottobre",
    "november nov novembre noviembre",
    "december dec dezember dez decembre diciembre dic dicembre",
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}.*)?")
_NUMERIC = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{2}|\d{4})(?:[T ,]+\d{1,2}:\d{2}.*)?")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th|º)?[ -]?(?:de |of )?([^\W\d_]+)\.?,?[ -]?(?:de )?(\d{4})")
_MONTH_DAY = re.compile(r"([^\W\d_]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_UUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})")
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CURRENCY = re.compile(r"^[€$£¥ ]+|[€$£¥ %]+$")
_ORGANIZATION = re.compile(r"(?:urn:li:organization:)*(\d{1,19})", re.IGNORECASE)
_BETWEEN = re.compile(r"[;|\n]")


@cache
def _table(*words: tuple[str, str]) -> dict[str, str]:
    return {known: meaning for text, meaning in words for known in text.split()}


def gender(text: str) -> str:
    """`Frau`, `F` and `femme` as `female`; the same for `male`."""
    known = _table((_FEMALE, "female"), (_MALE, "male")).get(word(text))
    if known is None:
        plain(text)
        raise Unusable(Reason.NOT_A_GENDER)
    return known


def birth_date(text: str, door: Door) -> str:
    """A day between 1900 and today, as 1980-12-31."""
    day = _day(text, door)
    if day.year < EARLIEST_YEAR or day > door.today:
        raise Unusable(Reason.NOT_POSSIBLE)
    return day.isoformat()


def any_date(text: str, door: Door) -> str:
    """Any day of our time, as 1980-12-31."""
    day = _day(text, door)
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise Unusable(Reason.NOT_POSSIBLE)
    return day.isoformat()


def _day(text: str, door: Door) -> date:
    plain(text, 60)
    year_first = _YEAR_FIRST.fullmatch(text)
    if year_first and (year_first[2] or len(text) == len("19801231")):
        return _made(year_first[1], year_first[3], year_first[4])
    numeric = _NUMERIC.fullmatch(text)
    if numeric:
        return _numeric(*numeric.group(1, 3, 4), order="dmy" if numeric[2] == "." else door.date_order)
    return _spelled(text)


def _numeric(first: str, second: str, year: str, *, order: str) -> date:
    if len(year) == len("80"):
        raise Unusable(Reason.TWO_DIGIT_YEAR)
    months = range(1, 13)
    if not order:
        clear = int(first) == int(second) or int(first) not in months or int(second) not in months
        if not clear:
            raise Unusable(Reason.AMBIGUOUS_DATE)
        order = "dmy" if int(second) in months else "mdy"
    return _made(year, second, first) if order == "dmy" else _made(year, first, second)


def _spelled(text: str) -> date:
    months = {known: str(number) for number, words in enumerate(_MONTHS, 1) for known in words.split()}
    day_month, month_day = _DAY_MONTH.fullmatch(text), _MONTH_DAY.fullmatch(text)
    if day_month:
        day, month, year = day_month.groups()
    elif month_day:
        month, day, year = month_day.groups()
    else:
        raise Unusable(Reason.NOT_A_DATE)
    if word(month) not in months:
        raise Unusable(Reason.NOT_A_DATE)
    return _made(year, months[word(month)], day)


def _made(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise Unusable(Reason.NOT_POSSIBLE) from None


def mobile_ad_id(text: str) -> str:
    """A UUID in lower case with hyphens."""
    parts = _UUID.fullmatch(text.lower().strip("{}"))
    if parts is None:
        plain(text)
        raise Unusable(Reason.NOT_A_DEVICE)
    if not "".join(parts.groups()).strip("0"):
        raise Unusable(Reason.ALL_ZEROES)
    return "-".join(parts.groups())


def organization_urn(text: str) -> str:
    """`1035` and `URN:LI:organization:1035` as `urn:li:organization:1035`."""
    known = _ORGANIZATION.fullmatch(plain(text))
    if known is None:
        raise Unusable(Reason.NOT_AN_ORGANIZATION)
    return f"urn:li:organization:{int(known[1])}"


def number(text: str) -> Decimal:
    """`1,234.50`, `1.234,50` and `$1234.5` as 1234.5; a comma that could mean either is not guessed."""
    text = _CURRENCY.sub("", plain(text, 60)).replace(" ", "").replace("'", "")
    comma, dot = text.rfind(","), text.rfind(".")
    if comma >= 0 and dot >= 0:
        decimal, thousands = (",", ".") if comma > dot else (".", ",")
        text = text.replace(thousands, "").replace(decimal, ".")
    elif comma >= 0:
        text = _comma(text)
    if not text.isascii() or not _PLAIN_NUMBER.fullmatch(text) or len(text) > MOST_DIGITS:
        raise Unusable(Reason.NOT_A_NUMBER)
    return Decimal(text)


def _comma(text: str) -> str:
    if text.count(",") > 1:
        return text.replace(",", "")
    if len(text) - text.index(",") == len(",000"):
        raise Unusable(Reason.NOT_A_NUMBER)
    return text.replace(",", ".")


def whole_number(text: str) -> int:
    """A count, such as of employees."""
    value = number(text)
    if value != int(value) or value < 0 or value > 10**12:
        raise Unusable(Reason.NOT_A_NUMBER)
    return int(value)


def yes_no(text: str) -> bool:
    """Yes and no in several languages."""
    known = _table((_YES, "yes"), (_NO, "no")).get(word(text))
    if known is None:
        raise Unusable(Reason.NOT_YES_OR_NO)
    return known == "yes"


def texts(text: str) -> list[str]:
    """A list: `a; b; c`, each once, in order. Commas separate only where nothing else does."""
    parts = _BETWEEN.split(text) if _BETWEEN.search(text) else text.split(",")
    kept = dict.fromkeys(part.strip() for part in parts if part.strip())
    if len(kept) > LONGEST_LIST:
        raise Unusable(Reason.TOO_LONG)
    return [plain(part) for part in kept]


def consent(text: str) -> str:
    """granted, denied or unknown."""
    table = _table((_GRANTED, Consent.GRANTED), (_DENIED, Consent.DENIED), (_UNKNOWN, Consent.UNKNOWN))
    return _one_of(table, text)


def subscription(text: str) -> str:
    """yes, no or unknown."""
    table = _table((_SUBSCRIBED, Subscription.YES), (_UNSUBSCRIBED, Subscription.NO), (_UNKNOWN, Subscription.UNKNOWN))
    return _one_of(table, text)


def _one_of(table: dict[str, str], text: str) -> str:
    known = table.get(word(text))
    if known is None:
        raise Unusable(Reason.NOT_A_CONSENT)
    return str(known)
