"""The guard at the door: who is signed in, and whether their role may open the page. What the table does not name stays shut."""

from __future__ import annotations

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask_login import LoginManager, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from segsync.actions import browser_sessions
from segsync.actions.actor import NotAllowed
from segsync.models import Person
from segsync.rules.browsers import told
from segsync.rules.rights import PUBLIC, Right, may, needed_for
from segsync.rules.terms import Role
from segsync.web.frame import db, runtime


class SignedIn:
    """A person with a session, in the form that Flask-Login asks for."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, person: Person, token: str, browser_id: int = 0) -> None:
        self.person = person
        self.token = token
        self.browser_id = browser_id

    def get_id(self) -> str:
        """The secret of this browser's session: what it names in the database may have ended."""
        return self.token


class UnnamedRoute(Exception):  # noqa: N818 - read aloud as "unnamed route"
    """A page that `rules.rights` does not name. Seen in tests only; elsewhere nobody gets in."""


def set_up(app: Flask) -> None:
    """Nobody passes without being looked at."""
    manager = LoginManager(app)
    manager.user_loader(_load)
    app.before_request(_check)


def begin_session(person: Person, token: str) -> None:
    """Signs a person in, with a session that shares nothing with the one before, which ends."""
    _end()
    session.permanent = True
    login_user(SignedIn(person, token))


def end_session() -> None:
    """Signs whoever is here out of this browser, and out of whatever has a copy of its cookie."""
    _end()
    logout_user()


def this_browser() -> str:
    """The browser that asks, in plain words."""
    return told(request.user_agent.string)


def _end() -> None:
    if token := session.get("_user_id"):
        browser_sessions.end(db(), token, runtime().clock())
        db().commit()
    session.clear()


def _load(token: str) -> SignedIn | None:
    found = browser_sessions.find(db(), token, runtime().clock())
    return SignedIn(found.person, token, found.id) if found else None


def _check() -> Response | None:
    if request.endpoint is None:
        return None  # there is no such page, which is said further on
    needed = needed_for(request.endpoint, request.method)
    if needed == PUBLIC:
        return None
    if needed is None:
        return _unnamed(request.endpoint)
    if not current_user.is_authenticated:
        return _to_sign_in()
    if isinstance(needed, Right) and not may(Role(current_user.person.role), needed):
        raise NotAllowed(needed.refusal)
    return None


def _unnamed(endpoint: str) -> Response:
    if current_app.testing:
        raise UnnamedRoute(endpoint)
    abort(403)


def _to_sign_in() -> Response:
    if request.headers.get("X-Requested-With") == "segsync":
        abort(401)  # a live part: the script says it, instead of showing the sign-in page in a corner
    going_to = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in", next=going_to if going_to != "/" else None))
