"""The alert catalogue: everything that can go wrong, what it means, who acts and what to do. One entry for each cause.

Problems carry a code and facts; every sentence about them is made here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from string import Formatter
from typing import Final

from segsync.rules import catalogue_access, catalogue_audiences, catalogue_system, catalogue_warehouses
from segsync.rules.catalogue_entry import WORDS, Entry, Retry
from segsync.rules.terms import Acts

CATALOGUE: Final[Mapping[str, Entry]] = {
    str(entry.code): entry
    for part in (catalogue_access, catalogue_audiences, catalogue_warehouses, catalogue_system)
    for entry in part.ENTRIES
}

UNKNOWN: Final = Entry(
    "unknown",
    "Something unexpected",
    "Something went wrong at {channel} that has no entry in the catalogue.",
    Acts.OPERATOR,
    Retry.ITSELF,
    ("Ask whoever runs this installation.", "Report it with the sync ID and the reference below."),
)

WARNINGS: Final = frozenset(
    {"signin.soon", "person.deactivated", "limit.near", "sync.overdue", "sync.lapsing", "row.refused", "row.bad_format"}
    | {"row.no_consent", "removal.too_small", "audience.too_small", "segment.empty", "segment.unusual"}
)
"""What does not stop a sync, or not yet."""

GROUPS: Final[Mapping[str, str]] = {
    "signin": "Sign-ins",
    "account": "Ad accounts",
    "terms": "Terms",
    "audience": "Audiences at the channel",
    "removal": "Audiences at the channel",
    "row": "Members",
    "segment": "Segments",
    "warehouse": "Warehouses",
    "limit": "The contracted limit",
    "sync": "Syncs",
    "run": "Syncs",
    "person": "People",
    "wait": "Waiting",
    "app": "This installation",
    "ledger": "This installation",
    "disk": "This installation",
    "worker": "This installation",
    "scheduler": "This installation",
    "redis": "This installation",
    "bug": "This installation",
}
"""First word of a code → heading in the catalogue."""

ACTS: Final[Mapping[Acts, str]] = {
    Acts.PERSON: "The person whose sign-in it is",
    Acts.ACCOUNT_ADMIN: "An admin of the ad account, at the channel",
    Acts.OWNER: "Whoever owns the sync",
    Acts.ADMIN: "An administrator of your organization",
    Acts.OPERATOR: "Whoever runs this installation",
    Acts.NOBODY: "Nobody: it goes on by itself",
}
"""Who acts, as people read it."""

RETRIES: Final[Mapping[Retry, str]] = {
    Retry.PERSON: "Waits for somebody, is looked at once a day, and goes on by itself when the cause is gone",
    Retry.ITSELF: "Tried again by itself",
    Retry.NONE: "Nothing is tried: it is only said",
}
"""What the product does meanwhile, as people read it."""


def entry(code: str) -> Entry:
    """The entry of a code; one that says so for a code that is not known."""
    return CATALOGUE.get(str(code), UNKNOWN)


def sentence(code: str, facts: Mapping[str, object] | None = None) -> str:
    """What happened, in a sentence or two. `channel` among the facts is the channel's label; facts may be missing."""
    return fill(entry(code).meaning, facts or {})


def steps(code: str, facts: Mapping[str, object] | None = None) -> list[str]:
    """What to do, step by step, for whoever acts."""
    return [fill(step, facts or {}) for step in entry(code).steps]


def title(code: str) -> str:
    """A few words, for lists and beside a status."""
    return entry(code).title


def tone(code: str) -> str:
    """How loud it is said: 'wait' where nobody acts, 'warn' where nothing stands still yet, else 'failed'."""
    if entry(code).acts is Acts.NOBODY:
        return "wait"
    return "warn" if str(code) in WARNINGS else "failed"


def heading(code: str) -> str:
    """Under which heading the catalogue shows it."""
    return GROUPS.get(str(code).partition(".")[0], "Other")


def fill(template: str, facts: Mapping[str, object]) -> str:
    """The template with its facts; what is missing is said in general words."""
    text = "".join(literal + _said(name, facts) for literal, name, _, _ in Formatter().parse(template))
    return re.sub(r"(^|[.!?] )([a-z])", lambda start: start[1] + start[2].upper(), text)


def _said(name: str | None, facts: Mapping[str, object]) -> str:
    if not name:
        return ""
    value = str(facts.get(name) or "").strip()
    word = WORDS.get(name)
    if word is None:
        return value or name
    if not value:
        return word.unknown
    special = {"0": word.none, "1": word.one}.get(value)
    return special or word.known.replace("…", _day(value) if name == "day" else value)


def _day(value: str) -> str:
    """A date as people write it; anything else as it is."""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return value
    return f"{day.day} {day:%B %Y}"
