"""Whether a run's removals are too many to be sent without somebody's word, and what probably lies behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

RELEASED_FOR: Final = timedelta(hours=24)
TOLERANCE_PERCENT: Final = 5
"""A release also holds for so many more than were looked at: people leave while somebody decides."""


@dataclass(frozen=True)
class Thresholds:
    """A run is held where it takes out more than `percent` of the audience, and these are at least `count`."""

    percent: int
    count: int


@dataclass(frozen=True)
class Removals:
    """What a plan does to an audience: members that it takes out, that were in it before, and that are in it afterwards."""

    leaving: int
    held: int
    left: int

    @property
    def to_nobody(self) -> bool:
        """Whether nobody is left of those who were in it."""
        return self.leaving > 0 and self.left == 0

    @property
    def share(self) -> float:
        """Per cent of the audience that leave it."""
        return self.leaving * 100 / self.held if self.held else 0.0


@dataclass(frozen=True)
class Release:
    """An administrator's word: so many may be taken out until then, as it was looked at; everybody only if that was.

    `decided_by` is the digest of what the plan came of, so that nothing that was changed since goes with it.
    """

    removals: int
    to_nobody: bool
    until: datetime
    by: int | None = None
    decided_by: str = ""

    def covers(self, found: Removals, now: datetime, decided_by: str) -> bool:
        """Whether it holds for this plan; `decided_by` is '' where that was changed while the plan was made, which nobody releases."""
        few_enough = found.leaving * 100 <= self.removals * (100 + TOLERANCE_PERCENT)
        as_looked_at = decided_by == self.decided_by != "" and (self.to_nobody or not found.to_nobody)
        return now < self.until and few_enough and as_looked_at

    def after(self, due: int) -> dict[str, Any]:
        """As the sync keeps it when a run has carried out a part and so many are still due: for these alone. {} where none is."""
        left = min(due, self.removals)
        return replace(self, removals=left, to_nobody=False).stored() if left > 0 else {}

    def stored(self) -> dict[str, Any]:
        """As the sync keeps it."""
        return asdict(self) | {"until": self.until.isoformat()}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self | None:
        """As the sync kept it; None where there is none."""
        if not stored:
            return None
        until = datetime.fromisoformat(stored["until"])
        decided_by = stored.get("decided_by", "")
        return cls(stored["removals"], stored["to_nobody"], until, stored["by"], decided_by)


def too_many(found: Removals, thresholds: Thresholds) -> bool:
    """Whether an administrator has to look first. A fall to nobody always, whatever the thresholds."""
    if found.to_nobody:
        return True
    return found.leaving >= thresholds.count and found.leaving * 100 > thresholds.percent * found.held


def likely(causes: Sequence[Mapping[str, Any]]) -> str:
    """What probably lies behind the removals, in a sentence or two; that it is not known where nothing was found."""
    told = [_CAUSES[cause["kind"]].format(**cause) for cause in causes]
    return " ".join(told) or "What lies behind it is not known."


_CAUSES: Final[Mapping[str, str]] = {
    "segment": "{by} changed the segment “{name}” since the last good run.",
    "import": "{by} imported “{name}” since the last good run.",
    "consent": "{count:,} more people than at the last good run may not be sent: not subscribed, no consent, or excluded.",
    "excluded": "{by} put {name} on the exclusion lists since the last good run.",
    "consent_rules": "{by} changed what an unknown subscription or consent means since the last good run.",
}
"""Kind of cause → its sentence."""
