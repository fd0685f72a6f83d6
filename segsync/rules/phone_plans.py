"""What is known of a country's phone numbers without parsing one: lengths, and what is dialled before a number at home or abroad.

For the short ways of `cleaning_phone`: each says yes only where there is no doubt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from phonenumbers import PhoneMetadata
from phonenumbers.data import _COUNTRY_CODE_TO_REGION_CODE  # the table has no public name

_NEVER = "(?!)"


@dataclass(frozen=True)
class _Plan:
    """The numbers of a calling code: where they begin in E.164, the country that leads it, possible lengths, what may be dialled before them at home."""

    begins: int
    country: str
    lengths: frozenset[int]
    prefix: re.Pattern[str]


@dataclass(frozen=True)
class _Home:
    """How people of a country dial one another: its calling code, what leads abroad, what stands before a number, any number."""

    code: str
    abroad: re.Pattern[str]
    prefix: re.Pattern[str]
    number: re.Pattern[str]


def clearly_possible(text: str) -> bool:
    """Whether the length is one of its country's, and nothing in it could be a prefix for dialling inside the country."""
    plan = _plan_of(text[1:4])
    if plan is None:
        return False
    national = text[plan.begins :]
    return len(national) in plan.lengths and national[0] != "0" and not plan.prefix.match(national)


def with_home_prefix(text: str) -> str:
    """E.164 but for what is dialled before the number at home, as in +49 (0) 151: without that; '' where there is doubt."""
    plan = _plan_of(text[1:4])
    return dialled_at_home(text[plan.begins :], plan.country) if plan else ""


def dialled_at_home(digits: str, country: str) -> str:
    """What is dialled inside the country as E.164; '' where it could be read in another way."""
    home = _home(country)
    if home is None or digits.startswith(home.code) or home.abroad.match(digits):
        return ""
    prefix = home.prefix.match(digits)
    if prefix and home.number.fullmatch(digits):
        return ""
    whole = f"+{home.code}{digits[prefix.end() if prefix else 0 :]}"
    return whole if clearly_possible(whole) else ""


@cache
def _plan_of(start: str) -> _Plan | None:
    """Of a number that begins with these three digits."""
    plans = (_plan(int(start[:digits])) for digits in (1, 2, 3))
    return next((plan for plan in plans if plan), None)


@cache
def _plan(code: int) -> _Plan | None:
    regions = _COUNTRY_CODE_TO_REGION_CODE.get(code)
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0]) if regions else None
    if not regions or metadata is None or metadata.general_desc is None:
        return None
    return _Plan(
        1 + len(str(code)),
        regions[0],
        frozenset(metadata.general_desc.possible_length or ()),
        # an empty prefix would match everything
        re.compile(f"(?:{metadata.national_prefix_for_parsing or _NEVER})(?<!^)"),
    )


@cache
def _home(country: str) -> _Home | None:
    """Only of countries that have their calling code for themselves or lead it, and prefixes that stand for nothing else."""
    metadata = PhoneMetadata.metadata_for_region(country, None)
    if metadata is None or metadata.general_desc is None or metadata.national_prefix_transform_rule:
        return None
    prefix = metadata.national_prefix_for_parsing or _NEVER
    code = metadata.country_code or 0
    if _COUNTRY_CODE_TO_REGION_CODE.get(code, ("",))[0] != country or "(" in prefix.replace(_NEVER, ""):
        return None
    return _Home(
        str(code),
        re.compile(metadata.international_prefix or _NEVER),
        re.compile(prefix),
        re.compile(metadata.general_desc.national_number_pattern or _NEVER),
    )
