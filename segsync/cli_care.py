"""The commands that look after an installation: its tables, its keys, and whether all is well."""

from __future__ import annotations

import sys

import click

from segsync import migrate
from segsync.actions import health, rotation
from segsync.cli_support import answer, as_json, opened
from segsync.vault import new_key


@click.group()
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


@click.command()
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


@click.group()
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
