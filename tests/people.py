"""The people of Northwind, shared by the tests of pages and of browsers: Ada and Max market, Grace and Alan administer, Vera looks."""

from __future__ import annotations

import pytest

from segsync.rules.terms import Role
from tests.builders import make_organization, make_person, make_workspace


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
    @pytest.fixture(name={"Max": "max_"}.get(name, name.lower()))
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
