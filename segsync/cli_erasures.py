"""The commands that carry erasures over a restored backup."""

from __future__ import annotations

import getpass
from typing import TextIO

import click

from segsync.actions import erased, erasures_again
from segsync.cli_support import answer, as_json, opened


@click.group()
def erasures() -> None:
    """Proofs of erasures: keyed hashes that recognise who was erased, and tell nobody who it was."""


@erasures.command("export")
def erasures_export() -> None:
    """Print every proof, a line of JSON each. Keep them apart from the backups."""
    with opened() as runtime, runtime.sessions() as session:
        for line in erased.export(session):
            click.echo(line)


@erasures.command("apply")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@as_json
def erasures_apply(file: TextIO, as_json: bool) -> None:
    """Erase again whoever the proofs in FILE recognise: after a backup was restored. May be repeated."""
    with opened() as runtime:
        begun = erasures_again.apply(runtime, erasures_again.read(file), getpass.getuser())
    nobody = "Nobody here is recognised by these proofs: all are erased already, or they were made with other keys than this vault's."
    told = f"{begun:,} {'erasure was' if begun == 1 else 'erasures were'} begun. Workers carry them out."
    answer({"begun": begun}, told if begun else nobody, in_json=as_json)
