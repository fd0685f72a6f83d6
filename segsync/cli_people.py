"""Commands about organizations, people and workspaces."""

from __future__ import annotations

import click
from sqlalchemy import select

from segsync.actions import invitations, limits, organizations, people, workspaces
from segsync.actions.actor import Actor
from segsync.actions.invitations import Invited
from segsync.actions.workspaces import WorkspaceForm
from segsync.cli_support import (
    ROLE,
    answer,
    as_json,
    by_email,
    new_person,
    opened,
    operating,
    operator,
    org_option,
    organization_of,
    table,
)
from segsync.models import Organization
from segsync.rules.terms import Role

password_option = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input instead of asking."
)
role_option = click.option("--role", type=ROLE, required=True, help="What the person may do.")


@click.group()
def org() -> None:
    """Organizations and their contracted limit."""


@org.command("create")
@click.argument("name")
@click.option("--limit", type=int, required=True, help="How many syncs were contracted.")
@click.option("--admin-email", required=True, help="The first Primary Administrator's sign-in.")
@click.option("--admin-name", required=True, help="Their name.")
@click.option("--workspace", default="Main", show_default=True, help="Its first workspace.")
@password_option
@as_json
def org_create(
    name: str, limit: int, admin_email: str, admin_name: str, workspace: str, from_stdin: bool, as_json: bool
) -> None:
    """Make an organization with its first Primary Administrator and its first workspace."""
    admin = new_person(admin_email, admin_name, from_stdin=from_stdin)
    with opened() as runtime, runtime.sessions.begin() as session:
        made = organizations.create(session, name, limit, admin, operator())
        workspaces.create(session, Actor.command_line(made, operator()), WorkspaceForm(workspace))
        facts = {"id": made.id, "name": made.name, "limit": made.contracted_limit}
    answer(facts, f"{made.name} is organization {made.id}, with a limit of {limit} syncs.", in_json=as_json)


@org.command("limit")
@click.argument("limit", type=int)
@org_option
@as_json
def org_limit(limit: int, org: str, as_json: bool) -> None:
    """Set the contracted number of syncs. Below what is used, nothing stops and nothing new starts."""
    with operating(org) as (session, actor, _):
        found = organizations.set_limit(session, organization_of(session, actor), limit, operator())
        session.flush()
        use = limits.use(session, found.id)
        name = found.name
    answer(
        {"name": name, "limit": use.contracted, "used": use.used},
        f"{name} may have {use.contracted} syncs; {use.used} are used.",
        in_json=as_json,
    )


@org.command("list")
@as_json
def org_list(as_json: bool) -> None:
    """Show all organizations with the use of their limit."""
    with opened() as runtime, runtime.sessions() as session:
        found = session.scalars(select(Organization).order_by(Organization.id)).all()
        uses = [limits.use(session, one.id) for one in found]
    facts = [
        {"id": one.id, "name": one.name, "limit": use.contracted, "used": use.used}
        for one, use in zip(found, uses, strict=True)
    ]
    rows = [list(fact.values()) for fact in facts]
    answer(facts, table(["id", "name", "limit", "used"], rows), in_json=as_json)


@click.group()
def user() -> None:
    """People who sign in with a password given here."""


@user.command("create")
@click.option("--email", required=True, help="What they sign in with.")
@click.option("--name", required=True, help="How colleagues know them.")
@role_option
@org_option
@password_option
@as_json
def user_create(email: str, name: str, role: str, org: str, from_stdin: bool, as_json: bool) -> None:
    """Make a person. `people invite` lets them choose their own password instead."""
    new = new_person(email, name, from_stdin=from_stdin)
    with operating(org) as (session, actor, _):
        made = people.create(session, actor, new, Role(role))
        facts = {"id": made.id, "name": made.name, "role": made.role}
    answer(facts, f"{made.name} can sign in as {Role(role).label}.", in_json=as_json)


@click.group("people")
def people_() -> None:
    """People, their roles, and invitations."""


@people_.command("list")
@org_option
@as_json
def people_list(org: str, as_json: bool) -> None:
    """Show everybody."""
    with operating(org) as (session, actor, _):
        found = people.everybody(session, actor)
        facts = [
            {
                "id": person.id,
                "name": person.name,
                "email": person.email,
                "role": person.role,
                "active": person.deactivated_at is None,
                "last_signin": person.last_signin_at,
            }
            for person in found
        ]
    rows = [
        [fact["id"], fact["name"], fact["email"], fact["role"], "" if fact["active"] else "deactivated"]
        for fact in facts
    ]
    answer(facts, table(["id", "name", "e-mail", "role", ""], rows), in_json=as_json)


@people_.command("role")
@click.argument("email")
@click.argument("role", type=ROLE)
@org_option
def people_role(email: str, role: str, org: str) -> None:
    """Give a person another role."""
    with operating(org) as (session, actor, _):
        person = people.change_role(session, actor, by_email(session, actor, email).id, Role(role))
    click.echo(f"{person.name} is {Role(role).label}.")


@people_.command("deactivate")
@click.argument("email")
@org_option
def people_deactivate(email: str, org: str) -> None:
    """Sign a person out everywhere and let them in no more."""
    with operating(org) as (session, actor, runtime):
        person = people.deactivate(session, actor, by_email(session, actor, email).id, runtime.clock())
    click.echo(f"{person.name} is deactivated.")


@people_.command("reactivate")
@click.argument("email")
@org_option
def people_reactivate(email: str, org: str) -> None:
    """Let a person sign in again."""
    with operating(org) as (session, actor, _):
        person = people.reactivate(session, actor, by_email(session, actor, email).id)
    click.echo(f"{person.name} can sign in again.")


@people_.command("password")
@click.argument("email")
@org_option
@password_option
def people_password(email: str, org: str, from_stdin: bool) -> None:
    """Give a person a new password, and sign them out everywhere."""
    password = new_person(email, "", from_stdin=from_stdin).password
    with operating(org) as (session, actor, runtime):
        found = by_email(session, actor, email)
        person = people.set_password(session, actor, found.id, password, runtime.clock())
    click.echo(f"{person.name} has a new password.")


@people_.command("invite")
@click.option("--email", required=True, help="What they will sign in with.")
@click.option("--name", required=True, help="How colleagues know them.")
@role_option
@click.option("--workspace", "ids", type=int, multiple=True, help="Number of a workspace they join; may be repeated.")
@org_option
@as_json
def people_invite(email: str, name: str, role: str, ids: tuple[int, ...], org: str, as_json: bool) -> None:
    """Print a link with which a person joins within 14 days. Nobody can read it again."""
    with operating(org) as (session, actor, runtime):
        invitation, token = invitations.invite(session, actor, Invited(email, name, Role(role), ids), runtime.clock())
        link = f"{runtime.settings.address}/join/{token}"
        expires = invitation.expires_at
    answer(
        {"link": link, "expires_at": expires},
        f"Send this link to {name}; it works once, until {expires:%d %B %Y}:\n{link}",
        in_json=as_json,
    )


@click.group()
def workspace() -> None:
    """Workspaces and who belongs to them."""


@workspace.command("create")
@click.argument("name")
@click.option("--country", default="US", show_default=True, help="Where phone numbers without a country code belong.")
@click.option("--time-zone", default="UTC", show_default=True, help='What "today" means there.')
@org_option
@as_json
def workspace_create(name: str, country: str, time_zone: str, org: str, as_json: bool) -> None:
    """Make a workspace."""
    with operating(org) as (session, actor, _):
        made = workspaces.create(session, actor, WorkspaceForm(name, country, time_zone))
        facts = {"id": made.id, "name": made.name}
    answer(facts, f"{made.name} is workspace {made.id}.", in_json=as_json)


@workspace.command("list")
@org_option
@as_json
def workspace_list(org: str, as_json: bool) -> None:
    """Show all workspaces."""
    with operating(org) as (session, actor, _):
        facts = [
            {"id": one.id, "name": one.name, "country": one.country, "time_zone": one.time_zone}
            for one in workspaces.visible(session, actor)
        ]
    answer(facts, table(["id", "name", "country", "time zone"], [list(one.values()) for one in facts]), in_json=as_json)


@workspace.command("add-person")
@click.argument("workspace_id", type=int)
@click.argument("email")
@org_option
def workspace_add_person(workspace_id: int, email: str, org: str) -> None:
    """Let a person see a workspace."""
    with operating(org) as (session, actor, _):
        person = by_email(session, actor, email)
        workspaces.add_person(session, actor, workspace_id, person.id)
    click.echo(f"{person.name} belongs to workspace {workspace_id}.")


@workspace.command("remove-person")
@click.argument("workspace_id", type=int)
@click.argument("email")
@org_option
def workspace_remove_person(workspace_id: int, email: str, org: str) -> None:
    """Take a person out of a workspace; what they made there stays."""
    with operating(org) as (session, actor, _):
        person = by_email(session, actor, email)
        workspaces.remove_person(session, actor, workspace_id, person.id)
    click.echo(f"{person.name} no longer belongs to workspace {workspace_id}.")
