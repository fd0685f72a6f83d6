"""A browser without a screen, and the people of Northwind: Ada and Max market, Grace and Alan administer, Vera looks."""

from __future__ import annotations

import pytest

from segsync.actions import browser_sessions
from segsync.app import create_app
from tests.people import ada, alan, grace, max_, organization, vera, workspace  # noqa: F401 - fixtures


@pytest.fixture
def app(runtime):
    """The application without the check against forged forms; `test_security` looks at that."""
    app = create_app(runtime)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def sign_in(client, runtime):
    """Signs a person in, in place of whoever was; returns the client."""

    def signed_in(person):
        with runtime.sessions.begin() as session:
            token = browser_sessions.begin(session, person, "Firefox on Linux", runtime.clock())
        with client.session_transaction() as session:
            session.clear()
            session["_user_id"] = token
            session["_fresh"] = True
        return client

    return signed_in
