"""`segsync identifiers CHANNEL FILE.csv`: what this channel would be sent for these people. Needs no database, stores nothing."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import phonenumbers

from connectors.contract import Kind
from connectors.registry import CHANNELS, load
from segsync.actions.identifiers import Told, open_file, tell
from segsync.actions.import_files import ENCODINGS
from segsync.audience.workbench import workbench
from segsync.cli_support import settings_and_logs
from segsync.rules.cleaning import Door

LARGE: Final = 8 * 1024 * 1024
"""From here on a bar shows how far it is."""


def _country(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if value.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise click.BadParameter("give the two letters of a country, for instance US or DE")
    return value.upper()


@click.command()
@click.argument("channel", type=click.Choice(list(CHANNELS)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv")
@click.option(
    "--country",
    default="US",
    show_default=True,
    callback=_country,
    help="Where phone numbers without a country code belong, as in the settings of a workspace.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    default=Kind.PEOPLE.value,
    show_default=True,
    help="What the rows are.",
)
@click.option(
    "--date-order",
    type=click.Choice(["dmy", "mdy"]),
    help="What 03/04/1980 means; without it, such dates are left out.",
)
@click.option("--encoding", type=click.Choice(list(ENCODINGS)), help="For a file that is not UTF-8 or UTF-16.")
def identifiers(
    channel: str, file: Path, country: str, kind: str, date_order: str | None, encoding: str | None
) -> None:
    """Show what CHANNEL would be sent for the people in FILE.csv. Nothing is sent or stored.

    The header names standard fields: email, phone, first_name, last_name, gender, birth_date, city, region, postal_code,
    country, mobile_ad_id, external_id, company_domain. For each value given a row is printed: its line in the file, the
    field, the value as it would be stored, what would be sent for it (empty where nothing is), and why not.

    A field that becomes several (a birth date at Meta) shows them one after the other.
    """
    settings = settings_and_logs()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="segsync-")))
        opened = open_file(file, folder, Kind(kind), encoding or "")
        if opened.ignored:
            click.echo(
                f"Left aside, no standard field: {', '.join(name or '(no name)' for name in opened.ignored)}", err=True
            )
        bench = stack.enter_context(workbench(folder))
        connector = load(channel, settings.channels[channel].application)
        size = opened.path.stat().st_size
        bar = stack.enter_context(click.progressbar(length=size, label="Reading", file=sys.stderr, hidden=size < LARGE))
        door = Door(country, date_order or "")
        _print(tell(bench, connector, Kind(kind), opened, door, progress=lambda at: bar.update(at - bar.pos)))


def _print(rows: Iterator[Told]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["line", "field", "normalized", "sent", "problem"])
    writer.writerows((row.line, row.field, row.normalized, row.sent, row.problem) for row in rows)
