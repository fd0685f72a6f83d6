"""The command that serves the pages."""

from __future__ import annotations

import click

from segsync.app import create_app
from segsync.cli_support import opened
from segsync.serve import Web


@click.command()
def web() -> None:
    """Serve the pages."""
    with opened() as runtime:
        click.echo(f"Listening on {runtime.settings.address}", err=True)
        Web(runtime, create_app).run()
