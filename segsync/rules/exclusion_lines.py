"""What somebody typed or pasted for an exclusion list, read line by line: an e-mail, a phone, a domain, or a company's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from segsync.rules.cleaning import COMPANY, CONTACT, Door, clean
from segsync.rules.cleaning_email import mailbox
from segsync.rules.cleaning_text import tidy

KINDS: Final = {"email": "E-mail", "phone": "Phone", "domain": "Domain", "company": "Company", "segment": "Segment"}
"""What an entry is known by, as people read it."""
FEWEST_DIGITS: Final = 6


@dataclass(frozen=True)
class Lines:
    """The entries found, each once in the order of the lines, and the numbers of the lines that are none."""

    entries: tuple[tuple[str, str], ...]
    unreadable: tuple[int, ...]


def read_lines(lines: Iterable[str], door: Door, kind: str = "") -> Lines:
    """Each line as (kind, canonical value). Where `kind` is '' it goes by how the line looks. Empty lines count for nothing.

    An e-mail becomes its mailbox. A company's name stays as it is written: the database makes it small, as it does the companies'.
    """
    entries: dict[tuple[str, str], None] = {}
    unreadable = []
    for number, line in enumerate(lines, start=1):
        text = tidy(line).strip(",;\"' ")
        if not text:
            continue
        entry = _entry(text, door, kind or _kind_of(text))
        if entry is None:
            unreadable.append(number)
        else:
            entries[entry] = None
    return Lines(tuple(entries), tuple(unreadable))


def _kind_of(text: str) -> str:
    if text.startswith("@"):
        return "domain"
    if "@" in text:
        return "email"
    if not any(c.isalpha() for c in text) and sum(c.isdigit() for c in text) >= FEWEST_DIGITS:
        return "phone"
    if "." in text.strip(".") and " " not in text and clean(CONTACT["company_domain"], text, Door()).value:
        return "domain"
    return "company"


def _entry(text: str, door: Door, kind: str) -> tuple[str, str] | None:
    if kind == "company":
        value = clean(COMPANY["name"], text, door).value
        return (kind, str(value)) if value else None
    cleaner = CONTACT["company_domain" if kind == "domain" else kind]
    value = clean(cleaner, text.removeprefix("@") if kind == "domain" else text, door).value
    if not value:
        return None
    return (kind, mailbox(str(value)) if kind == "email" else str(value))
