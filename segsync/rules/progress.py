"""What a run is doing, in words and as a share, from what its batches have committed. Never from a timer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from segsync.rules.reasons import reason_for
from segsync.rules.terms import Phase, RunState

PHASE_WORDS: Final = {
    Phase.CHECKING: "Checking the ad account",
    Phase.AUDIENCE: "Making the audience",
    Phase.READING: "Reading",
    Phase.COMPARING: "Comparing",
    Phase.REMOVING: "Sending removals",
    Phase.ADDING: "Sending",
    Phase.RECORDING: "Writing down",
}
"""What each phase is called, on pages and in the history."""


@dataclass(frozen=True)
class Standing:
    """Where a run stands, as it is stored."""

    state: str
    phase: str
    members: int = 0
    batches: int = 0
    batches_done: int = 0
    rows: int = 0
    rows_done: int = 0
    not_before: datetime | None = None
    waits_for: str = ""
    in_line: bool = False
    """Whether it waits for a limit of the channel together with others."""


@dataclass(frozen=True)
class Progress:
    """`words` say what is going on; `done` of `total` is known only while something is sent."""

    words: str
    done: int = 0
    total: int = 0
    until: datetime | None = None
    """A time to add to the words, where the run waits for one."""

    @property
    def percent(self) -> int:
        """Rounded down: 100 only when all is sent."""
        return self.done * 100 // self.total if self.total else 0


def progress(run: Standing, now: datetime) -> Progress:
    """What to tell about a run that is not over."""
    done, total = min(run.rows_done, run.rows), run.rows
    if run.state == RunState.WAITING:
        if run.not_before is not None and run.not_before > now:
            return Progress(f"Waiting {_wait_words(run.waits_for)}", done, total, until=run.not_before)
        return Progress("Waiting for its turn" if run.in_line else "Going on", done, total)
    if run.state == RunState.QUEUED and run.phase == Phase.CHECKING:
        return Progress("Queued")
    words = PHASE_WORDS[Phase(run.phase)]
    if run.phase == Phase.READING and run.members:
        return Progress(f"{words}, {run.members:,} members so far")
    if run.phase in {Phase.REMOVING, Phase.ADDING} and total:
        share = Progress(words, done, total)
        return Progress(f"{words}, {share.percent} %", done, total)
    return Progress(words, done, total if run.phase == Phase.RECORDING else 0)


def _wait_words(waits_for: str) -> str:
    """A cause where there is one, else the carrier's own word for what it waits for."""
    if "." in waits_for:
        return reason_for(waits_for).short.removeprefix("waits ")
    return f"for the {waits_for}" if waits_for else "for its turn"


def standing(run: Any) -> Standing:
    """Of a row of `run`."""
    return Standing(
        state=run.state,
        phase=run.phase,
        members=run.members,
        batches=run.batches,
        batches_done=run.batches_done,
        rows=run.rows_to_add + run.rows_to_remove,
        rows_done=run.rows_done,
        not_before=run.not_before,
        waits_for=str(run.cursor.get("waits_for", "")),
        in_line=run.scope is not None,
    )
