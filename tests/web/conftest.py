"""A browser without a screen, and the people of Northwind: Ada and Max market, Grace and Alan administer, Vera looks."""

from __future__ import annotations

import pytest

from segsync.app import create_app
from segsync.rules.terms import Role
from segsync.web.guard import SignedIn
from tests.builders import make_organization, make_person, make_workspace


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
def sign_in(client):
    """Signs a person in, in place of whoever was; returns the client."""

    def signed_in(person):
        with client.session_transaction() as session:
            session.clear()
            session["_user_id"] = SignedIn(person).get_id()
            session["_fresh"] = True
        return client

    return signed_in


@pytest.fixture
def organization(session):
    made = make_organization(session)
    session.commit()
    return made


@pytest.fixture
def workspace(session, organization):
    made = make_workspace(session, organization)
    session.commit()
    return made


def person_fixture(name: str, role: Role):
    @pytest.fixture(name=name.lower() if name != "Max" else "max_")
    def made(session, organization, workspace):
        person = make_person(session, organization, name, role, (workspace,))
        session.commit()
        return person

    return made


ada = person_fixture("Ada", Role.MARKETING_USER)
max_ = person_fixture("Max", Role.MARKETING_USER)
grace = person_fixture("Grace", Role.PRIMARY_ADMIN)
alan = person_fixture("Alan", Role.ABM_ADMIN)
vera = person_fixture("Vera", Role.VIEW_ONLY)
