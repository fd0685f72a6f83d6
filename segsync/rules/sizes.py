"""Whether a segment has an unusual size, by the median of its last good runs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

LOOKED_AT: Final = 7
"""Good runs whose median is the usual size …"""
FEWEST: Final = 3
"""… and how many there have to be before anything is usual."""


def usual(sizes: Sequence[int]) -> float | None:
    """The usual size by the sizes of the last good runs; None while nothing is usual."""
    found = median(sizes[:LOOKED_AT]) if len(sizes) >= FEWEST else 0
    return found or None


def unusual(size: int, usually: float | None, percent: int) -> bool:
    """Whether this is further from the usual size than it may be."""
    return usually is not None and abs(size - usually) * 100 > percent * usually
