"""The command line as an operator uses it: sentences for people, JSON for programs, and nothing half done."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from click.testing import CliRunner, Result
from sqlalchemy import select

from segsync.actions import invitations, signin
from segsync.actions.signin import SignIn
from segsync.cli import COMMANDS, main
from segsync.models import AuditEvent, Organization
from segsync.runtime import utc_now
from segsync.vault import new_key

PASSWORD = "correct horse battery"


@pytest.fixture
def call(settings, monkeypatch):
    """Runs one command over this test's database."""
    for name in ("database_url", "redis_url", "vault_keys"):
        monkeypatch.setenv(f"SEGSYNC_{name.upper()}", getattr(settings, name).get_secret_value())
    monkeypatch.setenv("SEGSYNC_DATA", str(settings.data))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def run(*arguments: str, typed: str = "") -> Result:
        result = CliRunner().invoke(main, arguments, input=typed)
        root.handlers[:], root.level = before, level
        structlog.reset_defaults()
        return result

    return run


@pytest.fixture
def northwind(call) -> None:
    """An organization whose Primary Administrator is Ada."""
    done = call(
        *("org", "create", "Northwind", "--limit", "10", "--admin-email", "ada@northwind.example"),
        *("--admin-name", "Ada", "--password-stdin"),
        typed=PASSWORD + "\n",
    )
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(call, name):
    """--help works for every command and says in a sentence what it does."""
    shown = call(name, "--help")
    assert shown.exit_code == 0
    assert shown.output.count(".") >= 1


def test_the_help_lists_what_there_is(call):
    """The parts of the product and its care are found from `segsync --help`, hidden ones left out."""
    shown = call("--help").output
    assert all(f"  {name} " in shown for name in ("demo", "web", "worker", "scheduler", "simulate", "check"))
    assert "demo-fill" not in shown


def test_an_organization_and_its_administrator(call, northwind, runtime):
    """The operator makes an organization; its administrator can sign in, and its first workspace is there (S9)."""
    person, _ = signin.check(runtime, SignIn("ada@northwind.example", PASSWORD, "192.0.2.1", "Firefox"))
    assert person.name == "Ada"
    assert json.loads(call("workspace", "list", "--json").output)[0]["name"] == "Main"
    assert json.loads(call("org", "list", "--json").output) == [{"id": 1, "name": "Northwind", "limit": 10, "used": 0}]


def test_the_limit_is_set_and_told(call, northwind, session):
    """The contracted limit is the operator's, by name, and the audit trail has who set it (S9, S14)."""
    done = call("org", "limit", "3", "--org", "northwind")
    assert done.output == "Northwind may have 3 syncs; 0 are used.\n"
    assert session.scalars(select(Organization.contracted_limit)).one() == 3
    last = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert (last.event, last.actor_kind) == ("organization.limit", "command line")


def test_people_are_made_changed_and_deactivated(call, northwind):
    """A person's life on the command line: made, given a role, deactivated, let in again (S1)."""
    assert call(
        *("user", "create", "--email", "max@northwind.example", "--name", "Max", "--role", "view_only"),
        "--password-stdin",
        typed=PASSWORD,
    ).output.startswith("Max can sign in as View-only")
    assert call("people", "role", "MAX@northwind.example", "marketing_user").output == "Max is Marketing User.\n"
    assert call("people", "deactivate", "max@northwind.example").output == "Max is deactivated.\n"
    people = json.loads(call("people", "list", "--json").output)
    assert [(one["name"], one["role"], one["active"]) for one in people] == [
        ("Ada", "primary_admin", True),
        ("Max", "marketing_user", False),
    ]
    assert call("people", "reactivate", "max@northwind.example").exit_code == 0


def test_a_new_password_is_typed_twice(call, northwind, runtime):
    """A person who forgot the password gets a new one from the operator."""
    typed = "another long one\nanother long one\n"
    assert call("people", "password", "ada@northwind.example", typed=typed).exit_code == 0
    assert signin.check(runtime, SignIn("ada@northwind.example", "another long one", "192.0.2.1", "Firefox"))


def test_an_invitation_is_a_link(call, northwind, session):
    """The link that is printed can be accepted."""
    args = ("--email", "max@northwind.example", "--name", "Max", "--role", "view_only", "--workspace", "1", "--json")
    link = json.loads(call("people", "invite", *args).output)["link"]
    assert invitations.find(session, link.rpartition("/join/")[2], utc_now()).name == "Max"


def test_workspaces_and_who_belongs_to_them(call, northwind):
    """A workspace is made, and a person let in and taken out."""
    assert call("workspace", "create", "Shop", "--country", "DE").output == "Shop is workspace 2.\n"
    assert call("workspace", "add-person", "2", "ada@northwind.example").exit_code == 0
    assert call("workspace", "remove-person", "2", "ada@northwind.example").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("people", "role", "nobody@northwind.example", "view_only"), "Nobody in this organization signs in with"),
        (("people", "role", "ada@northwind.example", "view_only"), "Ada is the only Primary Administrator"),
        (("people", "list", "--org", "Contoso"), "There is no organization Contoso."),
        (("workspace", "create", "main", "--country", "Germany"), "Give the country by its two letters"),
        (("workspace", "create", "Main"), "There is a workspace named Main already"),
        (("org", "limit", "--", "-1"), "The limit is a number from 0"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(call, northwind, arguments, sentence):
    """A refusal ends with 1 and a sentence, never with a traceback."""
    done = call(*arguments)
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {sentence}")


def test_a_wrong_setting_is_said_in_a_sentence(call, monkeypatch):
    """The start is refused with the name of the variable."""
    monkeypatch.setenv("SEGSYNC_PORT", "eighty")
    done = call("org", "list")
    assert done.exit_code == 1
    assert done.output.startswith("Error: SEGSYNC_PORT cannot be used")


def test_an_absent_database_is_said_in_a_sentence(call, monkeypatch, tmp_path):
    """A database that does not answer is named, without its password."""
    monkeypatch.setenv("SEGSYNC_DATABASE_URL", f"postgresql://app:hunter2@/none?host={tmp_path}")
    done = call("org", "list")
    assert done.exit_code == 1
    assert done.output.startswith("Error: The database cannot be reached")
    assert "hunter2" not in done.output


def test_a_database_without_tables_gets_them_by_command(call, monkeypatch, servers):
    """Other commands say what is missing; `db upgrade` makes it, and may be run again."""
    servers.administer("create database untouched")
    monkeypatch.setenv("SEGSYNC_DATABASE_URL", servers.postgres.url_of("untouched"))
    assert "Run `segsync db upgrade` first" in call("org", "list").output
    assert call("db", "upgrade").output.startswith("The tables went from nothing to ")
    assert call("db", "upgrade").output.startswith("The tables are at ")
    assert call("org", "list").exit_code == 0
    servers.administer("drop database untouched with (force)")


def test_check_ends_with_1_and_says_what_is_wrong(call):
    """A monitor sees from the exit code that no worker runs, and a person reads it."""
    done = call("check")
    assert done.exit_code == 1
    assert "BAD  workers" in done.output
    assert "ok   database" in done.output
    found = {one["name"]: one["healthy"] for one in json.loads(call("check", "--json").output)}
    assert (found["database"], found["workers"]) == (True, False)


def test_keys_are_rotated_and_made(call, northwind):
    """Rotation tells how many secrets were sealed again, and what to do with the old key."""
    assert len(call("vault", "new-key").output.strip()) == len(new_key())
    assert "take the older keys out of SEGSYNC_VAULT_KEYS" in call("vault", "rotate").output
