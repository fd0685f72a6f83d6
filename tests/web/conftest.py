"""A browser without a screen, the people of Northwind (Ada and Max market, Grace and Alan administer, Vera looks), and a sync of Ada's."""

from __future__ import annotations

import pytest

from segsync.actions import browser_sessions
from segsync.app import create_app
from tests.actions.fake_channel import with_fakes
from tests.builders import NOW, make_integration, make_segment, make_sync
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


@pytest.fixture
def fake(runtime):
    """The runtime over a channel that answers what the test says."""
    return with_fakes(runtime)


@pytest.fixture
def sync(session, workspace, ada, fake):  # noqa: F811 - the fixtures above
    """Ada's sync, in step, with an audience at Meta."""
    hers = make_integration(session, ada, "meta", name="ada@meta.example", access_sealed=fake.vault.seal("token"))
    segment = make_segment(session, workspace, "Enterprise prospects", ada, size=1204, refreshed_at=NOW)
    made = make_sync(
        session,
        segment,
        hers,
        account_id="act-77",
        account_name="Northwind EU",
        audience_id="aud-1",
        audience_name="Enterprise prospects",
        members_held=1204,
    )
    session.commit()
    return made
