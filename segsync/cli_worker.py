"""The commands that carry syncs: workers and the scheduler."""

from __future__ import annotations

import click

from segsync.actions import schedule
from segsync.cli_support import opened
from segsync.scheduler import Scheduler
from segsync.worker import Workers


@click.command()
def worker() -> None:
    """Run the workers that carry syncs, and one that answers what pages ask channels."""
    with opened() as runtime:
        Workers(runtime).run()


@click.command()
def scheduler() -> None:
    """Wake up what is due. Safe to run twice."""
    with opened() as runtime:
        Scheduler(runtime, schedule.tick).run()
