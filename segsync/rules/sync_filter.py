"""The filters of the Manage Syncs list, as they stand in an address: read once, typed, and written back for every link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from segsync.rules.terms import Status

SORTS: Final = {
    "segment": "Segment",
    "channel": "Channel and ad account",
    "status": "Status",
    "members": "Members",
    "refreshed": "In step since",
    "next": "Next run",
    "creator": "Creator",
    "created": "Newest",
}
DEFAULT_SORT: Final = "attention"
"""What needs somebody first, then what was changed last."""
LARGEST_FIRST: Final = frozenset({"members", "refreshed", "created"})
"""Orders that begin with the largest or newest, because that is what one looks for."""
LONGEST_TEXT: Final = 200
LARGEST_ID: Final = 2**63 - 1
ME: Final = "me"


@dataclass(frozen=True)
class SyncFilter:
    """What is shown of all syncs of the organization. Every part is optional, and they combine."""

    status: str = ""
    channel: str = ""
    account: str = ""
    segment: int | None = None
    creator: str = ""
    """'me', or a person's id."""
    workspace: int | None = None
    alert: bool = False
    overdue: bool = False
    text: str = ""
    sort: str = DEFAULT_SORT
    backwards: bool = False

    @property
    def narrows(self) -> bool:
        """Whether anything beside the status is asked for: then an empty list is not an empty product."""
        return self.with_status("") != SyncFilter(sort=self.sort, backwards=self.backwards)

    @property
    def descending(self) -> bool:
        """Whether values fall from the top of the list to its end."""
        return (self.sort in LARGEST_FIRST) != self.backwards

    def with_status(self, status: str) -> SyncFilter:
        """The same filters with another status: what a tab shows."""
        return replace(self, status=status)

    def sorted_by(self, sort: str) -> SyncFilter:
        """The same filters in another order; the same order again turns it around."""
        return replace(self, sort=sort, backwards=sort == self.sort and not self.backwards)

    def query(self) -> dict[str, str]:
        """The filters as an address carries them; nothing where nothing is asked for."""
        sort = ("-" if self.backwards else "") + self.sort
        parts: dict[str, Any] = {
            "status": self.status,
            "channel": self.channel,
            "account": self.account,
            "segment": self.segment,
            "creator": self.creator,
            "workspace": self.workspace,
            "alert": "yes" if self.alert else "",
            "overdue": "yes" if self.overdue else "",
            "text": self.text,
            "sort": "" if sort == DEFAULT_SORT else sort,
        }
        return {name: str(value) for name, value in parts.items() if value}


def read(query: Mapping[str, str]) -> SyncFilter:
    """The filters of an address. A part that means nothing is left out: an old link shows more, never an error."""
    sort = query.get("sort", "")
    known = sort.removeprefix("-") in SORTS
    status = query.get("status", "")
    creator = query.get("creator", "")
    return SyncFilter(
        status=status if status in set(Status) else "",
        channel=_clean(query.get("channel", "")),
        account=_clean(query.get("account", "")),
        segment=_id(query.get("segment", "")),
        creator=creator if creator == ME else str(_id(creator) or ""),
        workspace=_id(query.get("workspace", "")),
        alert=query.get("alert") == "yes",
        overdue=query.get("overdue") == "yes",
        text=_clean(query.get("text", "")),
        sort=sort.removeprefix("-") if known else DEFAULT_SORT,
        backwards=known and sort.startswith("-"),
    )


def _clean(text: str) -> str:
    # PostgreSQL takes no NUL in text
    return " ".join(text.replace("\0", "").split())[:LONGEST_TEXT]


def _id(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LARGEST_ID)):
        return None
    number = int(text)
    return number if 0 < number <= LARGEST_ID else None
