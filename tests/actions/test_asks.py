"""Questions to a channel: asked by a page, answered once by a worker, and kept where pages look."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from connectors.contract import AdAccount, AudienceState, Figure, Reason, State
from connectors.problems import AccessDenied, Code, ReconnectNeeded, TryLater
from segsync import jobs
from segsync.actions import asks
from segsync.actions.actor import NotAllowed, Refused
from segsync.models import AdAccount as Kept
from segsync.models import Ask
from segsync.rules.terms import AskState, SignInState
from tests.actions.fake_channel import with_fakes
from tests.actions.northwind import ACCOUNT, Northwind
from tests.fakes import Killed


@pytest.fixture
def northwind(session):
    made = Northwind(session)
    made.session.commit()
    return made


@pytest.fixture
def fake(runtime, northwind):
    made = with_fakes(runtime)
    for integration in northwind.integrations.values():
        integration.access_sealed = made.vault.seal("token")
        integration.refresh_sealed = made.vault.seal("refresh")
    northwind.session.commit()
    return made


def asked(fake, northwind, kind, name="Ada", **params):
    """Somebody asks and the worker answers."""
    question = asks.ask(fake, northwind.session, northwind.actor(name), kind, params)
    northwind.session.commit()
    asks.answer(fake, question.id)
    northwind.session.expire_all()
    return question


def kept(northwind, **where):
    return northwind.session.scalars(select(Kept).filter_by(**where).order_by(Kept.remote_id)).all()


def test_ad_accounts_are_kept_with_the_time_they_were_seen(fake, northwind, clock):
    """New ones appear with their reason, those that are gone are marked, known ones keep their fresh check. (S8)."""
    clock.forward(minutes=5)
    hers = northwind.integrations["Ada"]
    northwind.see(hers, "act-gone")
    fake.fakes.connector.accounts = [
        AdAccount(ACCOUNT, "Northwind EU", role="admin"),
        AdAccount("act-new", "Northwind US", blocked=(Reason("account.view_only", {"role": "analyst"}),)),
    ]
    question = asked(fake, northwind, "accounts", integration=hers.id)
    known, gone, new = kept(northwind, integration_id=hers.id)
    assert (question.state, question.answer) == (AskState.DONE, {"count": 2})
    assert (known.role, known.seen_at, known.checked_at) == ("admin", clock.now, clock.now - timedelta(minutes=5))
    assert (gone.gone_at, hers.accounts_at) == (clock.now, clock.now)
    assert (new.blocked, new.checked_at) == ([{"code": "account.view_only", "facts": {"role": "analyst"}}], None)


def test_a_check_says_what_is_in_the_way(fake, northwind, clock):
    """One ad account is looked at live, with terms and role, and the answer stands beside it. (S8)."""
    fake.fakes.connector.checked = AdAccount(ACCOUNT, "Northwind EU", blocked=(Reason("terms.not_accepted"),))
    asked(fake, northwind, "check", integration=northwind.integrations["Ada"].id, account=ACCOUNT)
    (row,) = kept(northwind, integration_id=northwind.integrations["Ada"].id)
    assert (row.blocked, row.checked_at) == ([{"code": "terms.not_accepted", "facts": {}}], clock.now)


def test_a_refusal_by_the_accounts_side_is_an_answer_too(fake, northwind):
    """Lost access is shown as the reason beside the ad account, not as an error of ours. (S8)."""
    fake.fakes.connector.problems = [AccessDenied(Code.ACCOUNT_NO_ROLE, raw="200", account=ACCOUNT)]
    question = asked(fake, northwind, "check", integration=northwind.integrations["Ada"].id, account=ACCOUNT)
    (row,) = kept(northwind, integration_id=northwind.integrations["Ada"].id)
    assert (question.state, row.blocked[0]["code"]) == (AskState.DONE, "account.no_role")


def test_campaigns_are_kept_with_state_use_and_time(fake, northwind, clock):
    """Campaigns are read on the account the sync runs on, with how they use the audience. (S10)."""
    sync = northwind.sync(audience_id="aud-1")
    asked(fake, northwind, "campaigns", "Grace", sync=sync.id)
    assert [(one["name"], one["state"], one["use"]) for one in sync.campaigns] == [("Spring EU", "active", "exclude")]
    assert (sync.campaigns_at, fake.fakes.connector.calls) == (clock.now, ["aud-1"])


def test_where_reading_fails_the_last_list_stays(fake, northwind, clock):
    """The channel is away: the ask says so, and the last list stays with its age. (S10)."""
    sync = northwind.sync(audience_id="aud-1", campaigns=[{"name": "Old"}], campaigns_at=clock.now)
    clock.forward(hours=3)
    fake.fakes.connector.problems = [TryLater(Code.OUTAGE, raw="503")]
    question = asked(fake, northwind, "campaigns", sync=sync.id)
    assert (question.state, question.problem_code, question.problem_raw) == (AskState.FAILED, "wait.outage", "503")
    assert (sync.campaigns, sync.campaigns_at) == ([{"name": "Old"}], clock.now - timedelta(hours=3))


def test_the_audiences_state_is_kept_beside_ours(fake, northwind, clock):
    """The channel's own state comes with its age and figures, and never touches our status. (B9)."""
    sync = northwind.sync(audience_id="aud-1")
    fake.fakes.connector.state = AudienceState(State.READY, figures=(Figure("size", "1,200"),), match_rate="41 to 50 %")
    asked(fake, northwind, "state", sync=sync.id)
    assert (sync.audience_state, sync.audience_match_rate, sync.audience_seen_at) == ("ready", "41 to 50 %", clock.now)
    assert (sync.audience_figures[0]["text"], sync.status) == ("1,200", "synced")


def test_a_token_that_the_channel_refuses_is_renewed_once(fake, northwind):
    """An expired token is no failure: it is renewed, and the question asked again. (S16)."""
    fake.fakes.connector.problems = [ReconnectNeeded(Code.SIGNIN_EXPIRED)]
    question = asked(fake, northwind, "accounts", integration=northwind.integrations["Ada"].id)
    assert (question.state, fake.fakes.connector.tokens) == (AskState.DONE, ["token", "access-new"])


def test_a_dead_sign_in_is_seen_at_once(fake, northwind):
    """What the channel says about the sign-in stands on the overview before a sync suffers. (S3, S16)."""
    fake.fakes.connector.problems = [ReconnectNeeded(Code.SIGNIN_REVOKED)]
    question = asked(fake, northwind, "accounts", integration=northwind.integrations["Ada"].id)
    hers = northwind.integrations["Ada"]
    assert (question.state, hers.state, hers.problem) == (AskState.FAILED, SignInState.RECONNECT, "signin.revoked")


def test_the_same_question_is_asked_once(fake, northwind):
    """Reloading the page does not ask the channel again within half a minute. (S8)."""
    params = {"integration": northwind.integrations["Ada"].id}
    first = asks.ask(fake, northwind.session, northwind.actor("Ada"), "accounts", params)
    assert asks.ask(fake, northwind.session, northwind.actor("Ada"), "accounts", params).id == first.id


def test_an_answer_is_given_once(fake, northwind):
    """A wake-up too many does not call the channel a second time. (S8)."""
    question = asked(fake, northwind, "accounts", integration=northwind.integrations["Ada"].id)
    asks.answer(fake, question.id)
    assert fake.fakes.connector.calls == ["ad_accounts"]


def test_a_question_of_a_dead_worker_is_taken_over(fake, northwind, clock):
    """A worker died while it asked: once its lease is over another answers; before that nobody does. (S8)."""
    question = asks.ask(
        fake, northwind.session, northwind.actor("Ada"), "accounts", {"integration": northwind.integrations["Ada"].id}
    )
    question.state, question.lease_until = AskState.WORKING.value, clock.now + timedelta(days=36500)
    northwind.session.commit()
    asks.answer(fake, question.id)
    assert fake.fakes.connector.calls == []
    question.lease_until = clock.now - timedelta(days=36500)
    northwind.session.commit()
    asks.answer(fake, question.id)
    assert fake.fakes.connector.calls == ["ad_accounts"]


def test_nobody_asks_with_somebody_elses_sign_in(fake, northwind):
    """A person asks with their own sign-in only; Vera asks nothing; an answer is seen by who asked. (S2)."""
    with pytest.raises(Refused, match="not your sign-in"):
        asked(fake, northwind, "accounts", "Max", integration=northwind.integrations["Ada"].id)
    hers = northwind.sync()
    with pytest.raises(NotAllowed):
        asked(fake, northwind, "state", "Vera", sync=hers.id)
    for kind in ("state", "campaigns"):
        with pytest.raises(NotAllowed, match="Only Ada or an administrator"):
            asked(fake, northwind, kind, "Max", sync=hers.id)
    assert fake.fakes.connector.calls == []
    question = asked(fake, northwind, "accounts", integration=northwind.integrations["Ada"].id)
    with pytest.raises(Refused, match="You asked no such question"):
        asks.own(northwind.session, northwind.actor("Grace"), question.id)
    assert northwind.session.scalars(select(Ask)).one() is asks.own(
        northwind.session, northwind.actor("Ada"), question.id
    )


class StumbleError(Exception):
    """What nobody thought of."""


def raising(problem):
    def ad_accounts(_token):
        raise problem

    return ad_accounts


def pressed(fake, northwind):
    """A question that nobody answered yet."""
    params = {"integration": northwind.integrations["Ada"].id}
    question = asks.ask(fake, northwind.session, northwind.actor("Ada"), "accounts", params)
    northwind.session.commit()
    return question


def lease_ends(northwind, question):
    northwind.session.execute(update(Ask).where(Ask.id == question.id).values(lease_until=None))
    northwind.session.commit()


def test_a_question_that_breaks_is_given_up(fake, northwind):
    """What fails in a way nobody thought of is tried three times, then the page says so instead of waiting for ever. (S8)."""
    question = pressed(fake, northwind)
    fake.fakes.connector.ad_accounts = raising(StumbleError())
    jobs.bind(fake)
    states = []
    for _ in range(3):
        jobs.answer_ask(question.id)
        northwind.session.refresh(question)
        states.append(question.state)
        lease_ends(northwind, question)
    assert states == [AskState.WORKING, AskState.WORKING, AskState.FAILED]
    assert (question.problem_code, question.problem_raw) == ("bug.broken", "StumbleError")


def test_a_question_that_kills_its_workers_is_given_up(fake, northwind):
    """A worker that dies leaves no word: the fourth asks nothing any more. (S8)."""
    question = pressed(fake, northwind)
    fake.fakes.connector.ad_accounts = raising(Killed())
    for _ in range(3):
        with pytest.raises(Killed):
            asks.answer(fake, question.id)
        lease_ends(northwind, question)
    asks.answer(fake, question.id)
    northwind.session.refresh(question)
    assert (question.state, question.problem_code, question.tries) == (AskState.FAILED, "bug.broken", 4)


def test_a_question_is_tried_again_in_a_moment(fake, northwind):
    """One stumble is no failure: the same question is answered a few seconds later. (S8)."""
    question = pressed(fake, northwind)
    fake.fakes.connector.ad_accounts = raising(StumbleError())
    jobs.bind(fake)
    jobs.answer_ask(question.id)
    del fake.fakes.connector.ad_accounts
    lease_ends(northwind, question)
    asks.answer(fake, question.id)
    northwind.session.refresh(question)
    assert question.state == AskState.DONE
