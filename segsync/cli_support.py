"""What all commands share: an opened runtime, problems told in sentences, and answers for programs."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from segsync import logs, migrate
from segsync.actions import organizations
from segsync.actions.actor import Actor, Refused
from segsync.actions.people import NewPerson
from segsync.config import Settings, WrongSetting, read_settings
from segsync.models import Organization, Person
from segsync.rules.terms import Role
from segsync.runtime import Runtime, WrongFolder, open_runtime
from segsync.servers import ServerProblem
from segsync.vault import VaultLocked

ROLE: Final = click.Choice([role.value for role in Role])
as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
org_option = click.option(
    "--org", default="", help="Name or number of the organization; needed when there are several."
)


class Commands(click.Group):
    """A group whose commands tell in a sentence what stands in the way, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except (WrongSetting, ServerProblem, WrongFolder, VaultLocked, Refused) as problem:
            raise click.ClickException(str(problem)) from None
        except OperationalError as problem:
            reason = str(problem.orig).strip().splitlines()[0] if problem.orig else "no reason given"
            raise click.ClickException(f"The database cannot be reached: {reason}") from None


def settings_and_logs() -> Settings:
    """Reads the settings and sets up logging by them. Raises WrongSetting."""
    settings = read_settings()
    logs.set_up(settings.log_level, settings.log_format)
    return settings


@contextmanager
def opened(*, migrated: bool = True) -> Iterator[Runtime]:
    """A runtime for one command; with `migrated`, only over a database that has this release's tables."""
    with open_runtime(settings_and_logs()) as runtime:
        if migrated and (found := migrate.current(runtime.engine)) != (wanted := migrate.newest()):
            raise click.ClickException(
                f"The database is at {found or 'nothing'}, this release needs {wanted}. Run `segsync db upgrade` first."
            )
        yield runtime


@contextmanager
def operating(org: str) -> Iterator[tuple[Session, Actor, Runtime]]:
    """A transaction in which the operator acts on one organization; kept when nothing goes wrong."""
    with opened() as runtime, runtime.sessions.begin() as session:
        organization = organizations.find(session, org)
        yield session, Actor.command_line(organization, operator()), runtime


def operator() -> str:
    """Who is at the command line, as the audit trail names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def answer(facts: Any, text: str, *, in_json: bool) -> None:
    """Prints the same for a program or for a person."""
    click.echo(json.dumps(facts, ensure_ascii=False, default=str) if in_json else text)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns that line up."""
    cells = [list(head), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join(lines)


def new_person(email: str, name: str, *, from_stdin: bool) -> NewPerson:
    """Somebody with a password that is typed twice, or read as one line."""
    if from_stdin:
        return NewPerson(email, name, sys.stdin.readline().rstrip("\r\n"))
    return NewPerson(email, name, click.prompt("Password", hide_input=True, confirmation_prompt=True))


def by_email(session: Session, actor: Actor, email: str) -> Person:
    """A person of the organization by their address. Raises Refused."""
    found = session.scalar(
        select(Person).where(
            Person.organization_id == actor.organization_id, func.lower(Person.email) == email.strip().lower()
        )
    )
    if found is None:
        raise Refused("Nobody in this organization signs in with that address.")
    return found


def organization_of(session: Session, actor: Actor) -> Organization:
    """The organization that the operator acts on."""
    return session.get_one(Organization, actor.organization_id)
