"""The guard at the door: who is signed in, and whether their role may open the page. What the table does not name stays shut."""

from __future__ import annotations

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask_login import LoginManager, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from segsync.actions.actor import NotAllowed
from segsync.models import Person
from segsync.rules.rights import PUBLIC, Right, may, needed_for
from segsync.rules.terms import Role
from segsync.web.frame import db


class SignedIn:
    """A person with a session, in the form that Flask-Login asks for."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, person: Person) -> None:
        self.person = person

    def get_id(self) -> str:
        """Holds the version: raising it ends every session of the person."""
        return f"{self.person.id}:{self.person.session_version}"


class UnnamedRoute(Exception):  # noqa: N818 - read aloud as "unnamed route"
    """A page that `rules.rights` does not name. Seen in tests only; elsewhere nobody gets in."""


def set_up(app: Flask) -> None:
    """Nobody passes without being looked at."""
    manager = LoginManager(app)
    manager.user_loader(_load)
    app.before_request(_check)


def begin_session(person: Person) -> None:
    """Signs a person in, with a session that shares nothing with the one before."""
    session.clear()
    session.permanent = True
    login_user(SignedIn(person))


def end_session() -> None:
    """Signs whoever is here out of this browser."""
    logout_user()
    session.clear()


def _load(marker: str) -> SignedIn | None:
    number, _, version = marker.partition(":")
    person = db().get(Person, int(number)) if number.isdecimal() else None
    if person is None or person.deactivated_at or str(person.session_version) != version:
        return None
    return SignedIn(person)


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
