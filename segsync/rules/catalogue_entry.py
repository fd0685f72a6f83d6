"""What an entry of the alert catalogue is made of, and the words it may name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from segsync.rules.terms import Acts


class Retry(StrEnum):
    """Whether the product tries again by itself."""

    PERSON = "needs a person"
    """Waits, looks once a day whether the cause is gone, and then goes on."""
    ITSELF = "by itself"
    NONE = "none"
    """There is nothing to try: it is said, and that is all."""


@dataclass(frozen=True)
class Entry:
    """One thing that can go wrong. `meaning` and `steps` are templates over the facts of `WORDS`.

    `link` names what helps: a page of the channel ('account', 'permissions', 'terms', 'audience', 'quality') or of ours
    ('integrations', 'limit', 'release', 'segment', 'sync', 'settings').
    """

    code: str
    title: str
    meaning: str
    acts: Acts
    retry: Retry
    steps: tuple[str, ...]
    link: str = ""
    several: str = "wait"
    """What the syncs do that it concerns, where there are several: '4 syncs wait.'"""


@dataclass(frozen=True)
class Word:
    """A fact that sentences may name: how it is said when known ('…' stands for it), when not, and when it is 1 or 0."""

    known: str
    unknown: str
    one: str = ""
    none: str = ""


WORDS = {
    "channel": Word("…", "the channel"),
    "person": Word("…", "the person"),
    "account": Word("the ad account “…”", "the ad account"),
    "segment": Word("the segment “…”", "the segment"),
    "asked": Word("the segment “…”", "another segment"),
    "audience": Word("the audience “…”", "the audience"),
    "signin": Word("the sign-in “…”", "the sign-in"),
    "sync": Word("sync …", "the sync"),
    "by": Word("…", "somebody"),
    "count": Word("… rows", "some rows", "1 row"),
    "days": Word("in … days", "in a few days", "tomorrow", "today"),
    "day": Word("…", "a day soon"),
    "scope": Word("the permission “…”", "a permission that is needed"),
    "smallest": Word("…", "the smallest number that the channel takes"),
    "until": Word("…", "the channel allows it"),
    "version": Word("version …", "the version"),
    "used": Word("…", "nearly all"),
    "contracted": Word("…", "the"),
    "left": Word("…", "few"),
    "since": Word("…", "some time"),
    "why": Word("…", "the channel's books have to be filled again"),
    "removals": Word("… people", "many people", "1 person"),
    "held": Word("the … in it", "those in it", "the only one in it"),
    "share": Word("…", "a large part"),
    "likely": Word("…", "What lies behind it is not known."),
    "size": Word("… members", "an unusual number of members", "1 member", "no members"),
    "usual": Word("…", "another number"),
    "warehouse": Word("the warehouse “…”", "the warehouse"),
    "column": Word("the column “…”", "a column"),
    "engine": Word("…", "this engine"),
    "before": Word("“…”", "another type"),
    "now": Word("“…”", "another one"),
    "part": Word("…", "a part of the product"),
}
"""Every name that a sentence may hold."""
