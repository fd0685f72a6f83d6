"""The command line. Each command is loaded when it is called: pages need no data path, and workers no pages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from segsync.cli_support import Commands

COMMANDS: Final[Mapping[str, str]] = {
    "check": "segsync.cli_care.check",
    "db": "segsync.cli_care.db",
    "demo": "segsync.cli_demo.demo",
    "demo-fill": "segsync.cli_demo.demo_fill",
    "erasures": "segsync.cli_erasures.erasures",
    "identifiers": "segsync.cli_identifiers.identifiers",
    "org": "segsync.cli_people.org",
    "people": "segsync.cli_people.people_",
    "scheduler": "segsync.cli_worker.scheduler",
    "simulate": "segsync.cli_simulate.simulate",
    "user": "segsync.cli_people.user",
    "vault": "segsync.cli_care.vault",
    "web": "segsync.cli_web.web",
    "warehouse": "segsync.cli_warehouses.warehouse",
    "worker": "segsync.cli_worker.worker",
    "workspace": "segsync.cli_people.workspace",
}


class LazyCommands(Commands):
    """Commands by name, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].rpartition(".")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="segsync")
def main() -> None:
    """Keep customer segments in step with audiences in Google, LinkedIn and Meta ad accounts.

    Settings are environment variables that begin with SEGSYNC_; see docs/settings.md.
    """


if __name__ == "__main__":
    main(prog_name="segsync")
