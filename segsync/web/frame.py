"""What every page asks the frame for: the database, the runtime, who is here, and which workspaces are theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, g, request, session, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.db import let_go
from segsync.models import Organization, Person, Workspace, WorkspacePerson
from segsync.rules.rights import Right
from segsync.rules.terms import Role
from segsync.runtime import Runtime
from segsync.web.forms import PageForm
from segsync.web.requests import request_id


def set_up(app: Flask) -> None:
    """Closes what a request opened."""
    app.teardown_appcontext(_close)


def runtime() -> Runtime:
    """What the product acts through."""
    return cast("Runtime", current_app.extensions["segsync.runtime"])


def db() -> Session:
    """The database session of this request. A page that changes something calls one action, then commits."""
    if "db" not in g:
        g.db = runtime().sessions()
    return cast("Session", g.db)


def signed_in() -> bool:
    """Whether somebody is signed in."""
    return bool(current_user and current_user.is_authenticated)


def me() -> Person:
    """The person who is signed in."""
    return cast("Person", current_user.person)


def my_organization() -> Organization:
    """The organization of the person who is signed in."""
    return db().get_one(Organization, me().organization_id)


def actor() -> Actor:
    """The person who is signed in, as actions and the audit trail know them."""
    return Actor.person(me(), request_id())


def need(right: Right) -> None:
    """Shows the page that says who may, when the person may not."""
    actor().need(right)


def may(right: Right) -> bool:
    """Whether the person's role includes this right."""
    return actor().can(right)


def my_workspaces() -> list[Workspace]:
    """The workspaces that the person belongs to, by name; all of them for an administrator."""
    if "workspaces" not in g:
        person = me()
        wanted = select(Workspace).where(Workspace.organization_id == person.organization_id)
        if not Role(person.role).administers:
            wanted = wanted.join(WorkspacePerson).where(WorkspacePerson.person_id == person.id)
        g.workspaces = list(db().scalars(wanted.order_by(func.lower(Workspace.name), Workspace.id)))
    return cast("list[Workspace]", g.workspaces)


def workspace_or_404(workspace_id: int) -> Workspace:
    """One of the person's workspaces, remembered as the one they are in; any other does not exist for them."""
    workspace = next((each for each in my_workspaces() if each.id == workspace_id), None)
    if workspace is None:
        abort(404)
    if session.get("workspace") != workspace_id:
        session["workspace"] = workspace_id
    g.workspace = workspace
    return workspace


def current_workspace() -> Workspace | None:
    """The workspace of this page, else the one last visited, else the first; None for somebody without any."""
    if "workspace" not in g:
        mine = my_workspaces()
        last = [workspace for workspace in mine if workspace.id == session.get("workspace")]
        g.workspace = next(iter(last or mine), None)
    return cast("Workspace | None", g.workspace)


def show_refusal(form: PageForm, refusal: Refused) -> None:
    """Puts a refusal beside the field it is about, or on top of the form. Somebody without the right sees the 403 page."""
    if isinstance(refusal, NotAllowed):
        raise refusal
    form.refuse(refusal.message, field=refusal.field, link=refusal.link)
    db().rollback()


def done(form: PageForm, deed: Callable[[], object]) -> bool:
    """Whether a form was sent and did what it is for. A refusal is shown in it, and then nothing was done."""
    if not form.validate_on_submit():
        return False
    try:
        deed()
    except Refused as refusal:
        show_refusal(form, refusal)
        return False
    db().commit()
    return True


def outside_address(endpoint: str, **values: Any) -> str:
    """An address to hand on to somebody outside: under the public address where one is set."""
    settings = runtime().settings
    asked = urlsplit(request.host_url)
    # what a browser says of the host is believed only where it names this machine: a link must not lead elsewhere
    here = asked.hostname in {"127.0.0.1", "localhost", "::1", settings.host}
    base = settings.public_url or (request.host_url.rstrip("/") if here else settings.address)
    return base + url_for(endpoint, **values)


def safe_next(target: str | None, default: str) -> str:
    """Where to go on: only addresses inside this product are followed."""
    target = target or ""
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if inside and target.isprintable() and "\\" not in target else default


def _close(_error: BaseException | None) -> None:
    session_opened: Session | None = g.pop("db", None)
    if session_opened is not None:
        let_go(session_opened)
