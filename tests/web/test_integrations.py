"""Integrations, as people see them: connecting, coming back, deciding, disconnecting."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from connectors.contract import AdAccount, Identity
from segsync.actions import asks
from segsync.app import create_app
from segsync.models import Ask, Integration
from segsync.rules.terms import AskState, SignInState
from tests.actions.fake_channel import with_fakes
from tests.builders import make_integration, make_segment, make_sync


@pytest.fixture
def fake(runtime):
    made = with_fakes(runtime)
    made.fakes.connector.accounts = [AdAccount("act-77", "Northwind EU", role="admin")]
    return made


@pytest.fixture
def app(fake):
    """The application over the fake channel: the way back calls the channel itself."""
    app = create_app(fake)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    return app


@pytest.fixture
def hers(session, ada, fake):
    made = make_integration(
        session, ada, "meta", remote_id="remote-ada", name="Ada at Meta", access_sealed=fake.vault.seal("t")
    )
    session.commit()
    return made


@pytest.fixture
def sync(session, workspace, hers):
    made = make_sync(session, make_segment(session, workspace, "Fintech"), hers, account_name="Northwind EU")
    session.commit()
    return made


def text(response, status=200):
    assert response.status_code == status, response.text
    return " ".join(response.text.split())


def there(client, going_to="/syncs/new"):
    """Presses Connect and Continue; the state that the channel is sent."""
    response = client.post(f"/integrations/meta/connect?next={going_to}")
    return parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]


def back(client, given, **query):
    return client.get("/integrations/meta/callback", query_string={"state": given, "code": "c1", **query})


def answer(fake, session):
    for number in session.scalars(select(Ask.id).where(Ask.state == AskState.QUEUED.value)):
        asks.answer(fake, number)
    session.expire_all()


def test_what_is_asked_for_is_said_first(sign_in, ada):
    """Before going to the channel one reads each permission and what it is for. (S2)."""
    page = text(sign_in(ada).get("/integrations/meta/connect"))
    assert "keep audiences in step" in page
    assert "Continue to Meta" in page


def test_there_and_back_to_where_one_was(sign_in, ada, session, fake):
    """Connected, one is back where one began, and the ad accounts are read meanwhile. (S2)."""
    client = sign_in(ada)
    response = back(client, there(client))
    assert response.headers["Location"] == "/syncs/new"
    assert "Meta is connected as Ada at Meta." in text(client.get("/integrations"))
    answer(fake, session)
    assert "1 ad account, 1 usable" in text(client.get("/integrations/live/meta"))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"state": "made-up"}, "does not belong to a sign-in that you began here"),
        ({"error": "access_denied"}, "You did not allow it at Meta"),
        ({"code": ""}, "sent you back without an answer"),
    ],
)
def test_a_wrong_return_connects_nothing(sign_in, ada, session, query, says):
    """A wrong state, a refused consent, no code: each in a sentence, with a way to try again. (S2)."""
    client = sign_in(ada)
    page = text(back(client, there(client), **query), 422)
    assert says in page
    assert "Connect Meta again" in page
    assert session.scalars(select(Integration)).all() == []


def test_missing_permissions_are_named(sign_in, ada, fake):
    """Fewer permissions than needed: which, and what for. (S2)."""
    fake.fakes.oauth.identity = Identity("remote-ada", "Ada", frozenset())
    client = sign_in(ada)
    page = text(back(client, there(client)), 422)
    assert "A permission is missing" in page
    assert "keep audiences in step" in page


def test_another_sign_in_is_shown_before_anything_moves(sign_in, ada, session, fake, hers, sync):
    """Signed in as somebody else: which syncs it cannot reach is named, and one decides. (S2)."""
    fake.fakes.oauth.identity = Identity("somebody", "Agency", frozenset({"ads"}))
    client = sign_in(ada)
    page_address = back(client, there(client)).headers["Location"]
    assert "is being asked which ad accounts the new sign-in sees" in text(client.get(page_address))
    answer(fake, session)
    page = text(client.get(page_address))
    assert "1 sync is in ad accounts that Agency does not see" in page
    assert "Use Agency, 1 sync stops" in page
    client.post(page_address, data={"answer": "discard"})
    session.expire_all()
    assert (sync.integration_id, hers.state) == (hers.id, SignInState.CONNECTED)


def test_disconnecting_names_the_syncs_first(sign_in, ada, session, hers, sync):
    """Before disconnecting one reads which syncs stop, and the button says it. (S16)."""
    client = sign_in(ada)
    page = text(client.get("/integrations/meta/disconnect"))
    assert sync.public_id in page
    assert "Disconnect, 1 sync stops" in page
    client.post("/integrations/meta/disconnect")
    assert "Our access to Meta is ended and forgotten." in text(client.get("/integrations"))
    session.expire_all()
    assert (hers.state, sync.status) == (SignInState.DISCONNECTED, "failed")


def test_administrators_see_everybodys(sign_in, ada, grace, session, hers, sync):
    """Grace sees whose sign-in needs its person, and how many syncs run on each; Ada sees her own. (S3)."""
    hers.state, hers.problem = SignInState.RECONNECT.value, "signin.expired"
    session.commit()
    page = text(sign_in(grace).get("/integrations"))
    assert '<th scope="row">Ada</th>' in page
    assert "Sign-in expired" in page
    assert '<th scope="row">Ada</th>' not in text(sign_in(ada).get("/integrations"))


def test_view_only_people_need_none(sign_in, vera):
    """Vera reads that she needs no sign-in, and can open no way to one. (S3, S17)."""
    client = sign_in(vera)
    assert "without a sign-in of your own" in text(client.get("/integrations"))
    assert client.get("/integrations/meta/connect").status_code == 403


def test_an_unknown_channel_is_said(sign_in, ada):
    """A mistyped address is no error of ours. (S2)."""
    assert "There is no such channel." in text(sign_in(ada).get("/integrations/tiktok/connect"), 422)


def test_an_answer_is_shown_to_who_asked(sign_in, ada, grace, session, fake, hers):
    """How far a question has come is seen by who asked it, and by nobody else. (S8)."""
    sign_in(ada).post("/integrations/meta/read")
    number = session.scalars(select(Ask.id)).one()
    assert "The channel is being asked" in text(sign_in(ada).get(f"/asks/{number}"))
    assert sign_in(grace).get(f"/asks/{number}").status_code == 404
    answer(fake, session)
    assert "Answered." in text(sign_in(ada).get(f"/asks/{number}"))


def test_the_name_of_a_sign_in_is_for_its_owner_and_administrators(sign_in, ada, alan, vera, max_, sync):
    """It may be an e-mail address: a colleague reads that the sync runs as Ada, and not what she is called there. (S3, S17)."""
    address = f"/syncs/{sync.public_id}"
    seen = {one.name: "Ada at Meta" in text(sign_in(one).get(address)) for one in (ada, alan, vera, max_)}
    assert list(seen.values()) == [True, True, False, False]
