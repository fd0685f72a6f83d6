"""The command that runs stand-ins for the channels."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import click

from connectors.simulators import Simulators
from segsync.cli_support import settings_and_logs
from segsync.vault import replace_private


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0 takes a free one.")
@click.option(
    "--ads-port", type=click.IntRange(0, 65535), default=0, help="For Google Ads over gRPC; 0 takes a free one."
)
@click.option("--announce", type=click.Path(path_type=Path, dir_okay=False), help="Write the addresses to this file.")
def simulate(port: int, ads_port: int, announce: Path | None) -> None:
    """Run stand-ins for Google, LinkedIn and Meta, with a control page."""
    settings = settings_and_logs()
    folder = settings.data / "simulators"
    folder.mkdir(parents=True, exist_ok=True)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    simulators = Simulators(folder / "world.sqlite", port=port, ads_port=ads_port)
    with simulators:
        click.echo(f"Simulators and their control page: {simulators.url}/", err=True)
        if announce:
            replace_private(announce, json.dumps({**simulators.urls, "control": {"page": simulators.url}}))
        stopped.wait()
