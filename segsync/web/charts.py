"""Where the points and lines of a chart lie, so that templates only place them. Gaps in time are shown as gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from segsync.web.words import figure

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 200, 64, 8, 24
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Point:
    """A measured value with its place."""

    at: datetime
    value: int
    x: float
    y: float


@dataclass(frozen=True)
class Mark:
    """A value on the left edge."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """Everything that `components/chart.html` places. `lines` are SVG paths, one for each stretch without a gap."""

    points: Sequence[Point]
    lines: Sequence[str]
    marks: Sequence[Mark]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def line_chart(measured: Sequence[tuple[datetime, int]], *, gap: timedelta = timedelta(days=1)) -> Chart:
    """A chart of values in order of time. Two points further apart than `gap` are not joined."""
    if not measured:
        return Chart((), (), (), "nothing yet")
    top = round_up(max(value for _, value in measured))
    points = [_place(at, value, measured, top) for at, value in measured]
    marks = [Mark(_height(top * part, top), figure(round(top * part))) for part in (0, 0.5, 1)]
    summary = f"from {figure(points[0].value)} to {figure(points[-1].value)} in {figure(len(points))} points"
    return Chart(points, _stretches(points, gap), marks, summary)


def round_up(value: int) -> int:
    """The next round number that leaves the value room."""
    if value <= 1:
        return 2
    power = 10 ** (len(str(value)) - 1)
    return int(next(step * power for step in STEPS if step * power >= value))


def _place(at: datetime, value: int, measured: Sequence[tuple[datetime, int]], top: int) -> Point:
    first, last = measured[0][0], measured[-1][0]
    length = (last - first).total_seconds()
    share = (at - first).total_seconds() / length if length else 0.5
    return Point(at, value, round(LEFT + share * (WIDTH - LEFT - 8) + 4, 1), _height(value, top))


def _height(value: float, top: int) -> float:
    return round(TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM), 1)


def _stretches(points: Sequence[Point], gap: timedelta) -> list[str]:
    paths: list[str] = []
    before: Point | None = None
    for point in points:
        if before is not None and point.at - before.at <= gap:
            paths[-1] += f" L{point.x} {point.y}"
        else:
            paths.append(f"M{point.x} {point.y}")
        before = point
    return paths
