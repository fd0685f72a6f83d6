"""`python -m benchmarks [FIGURE …] [--members N] [--json FILE]`: measures, prints a table, writes JSON."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks import csv_import, pages, runs, segment_count, workers
from benchmarks.channel import Channel, channel
from benchmarks.report import Figure, table, write
from benchmarks.stage import Stage, stage

FIGURES: Mapping[str, Callable[[Stage, Channel], Iterable[Figure]]] = {
    "first": runs.first,
    "next": runs.end_to_end,
    "memory": runs.memory,
    "helping": workers.helping,
    "now": workers.sync_now,
    "small": workers.small,
    "import": csv_import.rows,
    "count": segment_count.counts,
    "page": pages.home,
}
"""In this order: the last ones leave a great many syncs behind."""


def main() -> None:
    """Reads what is asked for, sets the stage, measures."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures the product on this machine.")
    reader.add_argument("figures", nargs="*", help=f"of: {', '.join(FIGURES)}; all but memory if none is named")
    reader.add_argument("--members", type=int, default=1_000_000, help="contacts to fill in, 1,000,000 by default")
    reader.add_argument("--json", type=Path, help="file to write the figures to")
    asked = reader.parse_args()
    wanted = [name for name in FIGURES if name in asked.figures or (not asked.figures and name != "memory")]
    if unknown := set(asked.figures) - set(FIGURES):
        reader.error(f"not known: {', '.join(sorted(unknown))}")
    told: list[Figure] = []
    try:
        measure(told, wanted, asked.members)
    finally:  # what was measured is told, also where something breaks off after it
        print(table(told))
        if asked.json:
            write(told, asked.json)


def measure(told: list[Figure], wanted: list[str], members: int) -> None:
    """Adds every figure that is wanted, taken on one stage."""
    with channel() as target:
        print(f"filling in {members:,} contacts", flush=True)
        with stage(members, target) as made:
            for name in wanted:
                print(f"measuring {name}", flush=True)
                # one by one: what was measured stays where the next one breaks off
                told.extend(FIGURES[name](made, target))


if __name__ == "__main__":
    main()
