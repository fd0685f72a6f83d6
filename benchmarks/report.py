"""Figures as they are told: a table for people, JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("duckdb", "pyarrow", "adbc-driver-postgresql", "ibis-framework", "sqlalchemy", "rq", "psycopg")


@dataclass(frozen=True)
class Figure:
    """One thing measured. `floor` is how long the same machine takes for what cannot be done without, in the same run."""

    name: str
    value: float
    unit: str
    aim: str
    reached: bool
    floor: float | None = None
    """Seconds. `ratio` is the figure's own seconds to it."""
    ratio: float | None = None
    more: dict[str, Any] = field(default_factory=dict)


def table(figures: Sequence[Figure]) -> str:
    """One line a figure."""
    rows = [("what", "measured", "aim", "reached", "× floor")]
    for one in figures:
        ratio = f"{one.ratio:.2f}" if one.ratio is not None else ""
        rows.append((one.name, _said(one), one.aim, "yes" if one.reached else "no", ratio))
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _said(one: Figure) -> str:
    return f"{one.value:,.0f} {one.unit}" if one.value >= 100 else f"{one.value:.2f} {one.unit}"


def write(figures: Sequence[Figure], path: Path) -> None:
    """Figures with the machine and the versions they were taken on."""
    told = {"at": datetime.now(UTC).isoformat(), **machine(), "figures": [asdict(one) for one in figures]}
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What the figures depend on beside our code."""
    return {
        "machine": {
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "processor": _processor(),
            "system": platform.platform(),
            "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
            "load_before": os.getloadavg()[0],
        },
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PACKAGES}},
        "commit": _commit(),
    }


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
