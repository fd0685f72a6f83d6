"""What each run added and removed, as a chart: additions above the line, removals below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from segsync.models import Run
from segsync.rules.terms import Why
from segsync.web.charts import round_up

WIDTH, HEIGHT, LEFT, EDGE = 720, 160, 64, 8
WIDEST: Final = 24.0


@dataclass(frozen=True)
class Bar:
    """One run's additions and removals, with their places."""

    at: datetime
    added: int
    removed: int
    x: float
    width: float
    up_y: float
    up: float
    down: float


@dataclass(frozen=True)
class Bars:
    """Everything that the template places. Additions and removals have the same scale."""

    bars: Sequence[Bar]
    zero: float
    top: int
    bottom: int
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def bars(runs: Sequence[Run]) -> Bars:
    """A pair of bars for each run, oldest first. The first run, which sends everybody, would dwarf the others: it is drawn only alone."""
    runs = [run for run in runs if run.why != Why.FIRST] or runs
    most_up = round_up(max([run.rows_added for run in runs], default=0))
    most_down = max([run.rows_removed for run in runs], default=0)
    down = round_up(most_down) if most_down else 0
    scale = (HEIGHT - 2 * EDGE) / (most_up + down)
    zero = EDGE + most_up * scale
    step = (WIDTH - LEFT - EDGE) / max(len(runs), 1)
    width = min(WIDEST, step * 0.7)
    placed = [
        Bar(
            at=run.finished_at or run.created_at,
            added=run.rows_added,
            removed=run.rows_removed,
            x=round(LEFT + step * (number + 0.5) - width / 2, 1),
            width=round(width, 1),
            up_y=round(zero - run.rows_added * scale, 1),
            up=round(run.rows_added * scale, 1),
            down=round(run.rows_removed * scale, 1),
        )
        for number, run in enumerate(runs)
    ]
    return Bars(placed, round(zero, 1), most_up, down)
