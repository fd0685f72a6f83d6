"""The command line: starts the parts of the product, looks after the database, and says whether all is well.

Commands about organizations, people and workspaces are in `cli_people.py`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path

import click

from segsync import demo_data, migrate
from segsync.actions import health, rotation
from segsync.cli_people import org, people_, user, workspace
from segsync.cli_support import Commands, answer, as_json, opened, settings_and_logs
from segsync.demo import Demo
from segsync.scheduler import Scheduler
from segsync.serve import Web
from segsync.vault import new_key, replace_private
from segsync.worker import Workers


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="segsync")
def main() -> None:
    """Keep customer segments in step with audiences in Google, LinkedIn and Meta ad accounts.

    Settings are environment variables that begin with SEGSYNC_; see docs/operating.md.
    """


main.add_command(org)
main.add_command(user)
main.add_command(people_)
main.add_command(workspace)


@main.command()
def demo() -> None:
    """Run everything on this machine, with simulated channels and an organization to look at."""
    Demo(settings_and_logs()).run()


@main.command()
def web() -> None:
    """Serve the pages."""
    with opened() as runtime:
        click.echo(f"Listening on {runtime.settings.address}", err=True)
        Web(runtime, import_module("segsync.app").create_app).run()


@main.command()
def worker() -> None:
    """Run the workers that carry syncs, and one that answers what pages ask channels."""
    with opened() as runtime:
        Workers(runtime).run()


@main.command()
def scheduler() -> None:
    """Wake up what is due. Safe to run twice."""
    with opened() as runtime:
        Scheduler(runtime, import_module("segsync.actions.schedule").tick).run()


@main.command()
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
    simulators = import_module("connectors.simulators").Simulators(
        folder / "world.sqlite", port=port, ads_port=ads_port
    )
    with simulators:
        page = f"http://127.0.0.1:{simulators.port}/"
        click.echo(f"Simulators and their control page: {page}", err=True)
        if announce:
            replace_private(announce, json.dumps({**simulators.urls, "control": {"page": page}}))
        stopped.wait()


@main.command("demo-fill", hidden=True)
@click.argument("simulators")
def demo_fill(simulators: str) -> None:
    """Make the organization that the demo shows; `simulators` is the address of their control page."""
    with opened() as runtime:
        demo_data.fill(runtime, simulators)


@main.group()
def db() -> None:
    """The database's tables."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the tables to this release. May be run at any time, also by several machines at once."""
    with opened(migrated=False) as runtime:
        before = migrate.current(runtime.engine)
        migrate.upgrade(runtime.engine)
        after = migrate.current(runtime.engine)
    click.echo(
        f"The tables are at {after}." if before == after else f"The tables went from {before or 'nothing'} to {after}."
    )


@db.command("new-migration", hidden=True)
@click.argument("what")
def db_new_migration(what: str) -> None:
    """Write a migration from what differs between the models and the database (for developers)."""
    with opened() as runtime:
        migrate.write(runtime.engine, what)


@main.command()
@as_json
def check(as_json: bool) -> None:
    """Say whether this installation is healthy; ends with 1 when it is not."""
    with opened(migrated=False) as runtime:
        found = list(health.examine(runtime))
    facts = [{"name": one.name, "healthy": one.healthy, "text": one.text} for one in found]
    lines = [f"{'ok  ' if one.healthy else 'BAD '} {one.name:<11} {one.text}" for one in found]
    answer(facts, "\n".join(lines), in_json=as_json)
    if not all(one.healthy for one in found):
        raise SystemExit(1)


@main.group()
def vault() -> None:
    """The keys that stored secrets are sealed with."""


@vault.command("rotate")
def vault_rotate() -> None:
    """Seal every stored secret with the newest key, while the product runs."""
    with opened() as runtime:
        total = rotation.count(runtime)
        with click.progressbar(length=total, label="Sealing again", file=sys.stderr) as bar:
            for done in rotation.rotate(runtime):
                bar.update(done)
        configured = bool(runtime.settings.vault_keys.get_secret_value())
    click.echo(f"{total} secrets are sealed with the newest key.")
    if configured:
        click.echo("Restart every segsync process, then take the older keys out of SEGSYNC_VAULT_KEYS.")


@vault.command("new-key")
def vault_new_key() -> None:
    """Print a fresh key, to put in front of SEGSYNC_VAULT_KEYS."""
    click.echo(new_key())


if __name__ == "__main__":
    main(prog_name=os.environ.get("SEGSYNC_PROGRAM", "segsync"))
