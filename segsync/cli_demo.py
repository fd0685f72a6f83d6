"""The commands of the demo: everything on one machine, and what it is filled with."""

from __future__ import annotations

import click

from segsync import demo_data
from segsync.cli_support import opened, settings_and_logs
from segsync.demo import Demo


@click.command()
def demo() -> None:
    """Run everything on this machine, with simulated channels and an organization to look at."""
    Demo(settings_and_logs()).run()


@click.command("demo-fill", hidden=True)
@click.argument("simulators")
def demo_fill(simulators: str) -> None:
    """Make the organization that the demo shows; `simulators` is the address of their control page."""
    with opened() as runtime:
        demo_data.fill(runtime, simulators)
