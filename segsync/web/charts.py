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
class Series:
    """One line over time. `lines` are SVG paths, one for each stretch without a gap."""

    name: str
    points: Sequence[Point]
    lines: Sequence[str]


@dataclass(frozen=True)
class Chart:
    """Everything that `components/chart.html` places."""

    series: Sequence[Series]
    marks: Sequence[Mark]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT

    @property
    def points(self) -> Sequence[Point]:
        """The points of all lines, in order of time."""
        return sorted((point for each in self.series for point in each.points), key=lambda point: point.at)

    @property
    def rows(self) -> Sequence[tuple[datetime, Sequence[int | None]]]:
        """What was measured when, a value for each line or None, the newest first: the table behind the picture."""
        times = sorted({point.at for point in self.points}, reverse=True)
        known = [{point.at: point.value for point in each.points} for each in self.series]
        return [(at, [values.get(at) for values in known]) for at in times]


def line_chart(
    measured: Sequence[tuple[datetime, int]], name: str = "", *, gap: timedelta = timedelta(days=1)
) -> Chart:
    """A chart of values in order of time. Two points further apart than `gap` are not joined."""
    return lines_chart([(name, measured)], gap=gap)


def lines_chart(
    measured: Sequence[tuple[str, Sequence[tuple[datetime, int]]]], *, gap: timedelta = timedelta(days=1)
) -> Chart:
    """Several of them over the same time and with the same scale, each by its name."""
    everything = [each for _, values in measured for each in values]
    if not everything:
        return Chart((), (), "nothing yet")
    top = round_up(max(value for _, value in everything))
    times = (min(at for at, _ in everything), max(at for at, _ in everything))
    series = []
    for name, values in measured:
        points = [_place(at, value, times, top) for at, value in values]
        series.append(Series(name, points, _stretches(points, gap)))
    marks = [Mark(_height(top * part, top), figure(round(top * part))) for part in (0, 0.5, 1)]
    return Chart(series, marks, "; ".join(_summary(each) for each in series if each.points))


def _summary(series: Series) -> str:
    first, last = series.points[0], series.points[-1]
    told = f"from {figure(first.value)} to {figure(last.value)} in {figure(len(series.points))} points"
    return f"{series.name} {told}".strip()


def round_up(value: int) -> int:
    """The next round number that leaves the value room."""
    if value <= 1:
        return 2
    power = 10 ** (len(str(value)) - 1)
    return int(next(step * power for step in STEPS if step * power >= value))


def _place(at: datetime, value: int, times: tuple[datetime, datetime], top: int) -> Point:
    first, last = times
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
