"""Signing in at a channel: there and back, with everything that can be wrong with a return."""

from concurrent.futures import ThreadPoolExecutor, wait
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from connectors.contract import Identity
from connectors.problems import Code, ReconnectNeeded, TryLater
from segsync.actions import runs
from segsync.actions.actor import NotAllowed, Refused
from segsync.actions.integration_changes import confirm, discard, disconnect, planned_move
from segsync.actions.integrations import begin, come_back, once_more
from segsync.actions.revocation import revoke
from segsync.actions.trouble import Trouble
from segsync.models import Alert, Integration, OAuthFlow, Run, Sync
from segsync.rules.terms import Detail, RunState, SignInState, Status, Why
from tests.actions.fake_channel import with_fakes
from tests.actions.northwind import ACCOUNT, Northwind
from tests.builders import make_integration, make_organization, make_person, make_segment, make_sync


@pytest.fixture
def northwind(session):
    return Northwind(session)


@pytest.fixture
def fake(runtime):
    return with_fakes(runtime)


def go(fake, northwind, name="Alan", **query):
    """Somebody presses Connect, and comes back with this."""
    address = begin(fake, northwind.session, northwind.actor(name), "meta", "/syncs")
    northwind.session.commit()
    state = parse_qs(urlsplit(address).query)["state"][0]
    return come_back(fake, northwind.actor(name), "meta", {"state": state, "code": "c1", **query})


def mine(northwind, name):
    wanted = select(Integration).where(Integration.person_id == northwind.people[name].id).order_by(Integration.id)
    return northwind.session.scalars(wanted.execution_options(populate_existing=True)).all()


# -- there and back --------------------------------------------------------------------------------------------


def test_connecting_keeps_the_sign_in_sealed(fake, northwind):
    """Alan connects Meta: it is his, in working order, and no token lies in clear. (S2)."""
    came = go(fake, northwind)
    assert (came.integration.name, came.integration.state) == ("Ada at Meta", SignInState.CONNECTED)
    assert came.integration.person_id == northwind.people["Alan"].id
    assert "access-c1" not in came.integration.access_sealed
    assert fake.vault.open(came.integration.access_sealed) == "access-c1"
    assert came.return_to == "/syncs"


def test_the_verifier_of_the_beginning_is_used_at_the_end(fake, northwind):
    """What proves that the return is ours never leaves in clear, and is sent with the code. (S2)."""
    go(fake, northwind)
    flow = northwind.session.scalars(select(OAuthFlow)).one()
    ((code, verifier),) = fake.fakes.oauth.exchanged
    assert (code, verifier) == ("c1", fake.vault.open(flow.verifier_sealed))
    assert len(verifier) >= 43


@pytest.mark.parametrize("state", ["", "made-up"])
def test_a_wrong_or_missing_state_connects_nothing(fake, northwind, state):
    """A return that nobody began here is refused in a sentence, with a way to begin. (S2)."""
    with pytest.raises(Refused, match="does not belong to a sign-in that you began here") as refused:
        go(fake, northwind, state=state)
    assert refused.value.link == ("Connect Meta again", "/integrations/meta/connect")
    assert mine(northwind, "Alan") == []


def test_a_state_counts_once_for_ten_minutes_and_for_one_person(fake, northwind, clock):
    """Used twice, too late, or by somebody else: refused each time. (S2)."""

    def fresh():
        address = begin(fake, northwind.session, northwind.actor("Alan"), "meta", "/")
        northwind.session.commit()
        return {"state": parse_qs(urlsplit(address).query)["state"][0], "code": "c1"}

    def refused(query, name="Alan"):
        with pytest.raises(Refused, match="does not belong"):
            come_back(fake, northwind.actor(name), "meta", query)

    query = fresh()
    refused(query, "Max")
    come_back(fake, northwind.actor("Alan"), "meta", query)
    refused(query)
    query = fresh()
    clock.forward(minutes=11)
    refused(query)


def test_a_refused_consent_changes_nothing(fake, northwind):
    """Whoever presses Cancel at the channel reads that nothing was connected. (S2)."""
    with pytest.raises(Refused, match="You did not allow it at Meta"):
        go(fake, northwind, error="access_denied")
    assert mine(northwind, "Alan") == []


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (TryLater(Code.OUTAGE, raw="503"), "does not answer just now"),
        (ReconnectNeeded(Code.SIGNIN_REVOKED, raw="100"), "did not accept the sign-in \\(Meta says 100\\)"),
    ],
)
def test_what_the_channel_says_is_told(fake, northwind, problem, says):
    """When the channel refuses the return, one reads why and that nothing was connected. (S2)."""
    fake.fakes.oauth.problem = problem
    with pytest.raises(Refused, match=says):
        go(fake, northwind)


def test_fewer_permissions_than_needed_are_named_with_what_for(fake, northwind):
    """A permission that was unticked is named, with what it is for, and nothing runs on the sign-in. (S2, S3)."""
    fake.fakes.oauth.identity = Identity("remote-alan", "Alan", frozenset())
    came = go(fake, northwind)
    assert came.missing == {"ads": "keep audiences in step"}
    assert (came.integration.state, came.integration.problem) == (SignInState.PERMISSION, Code.SCOPE_MISSING)


def test_what_works_is_not_given_up_for_less(fake, northwind):
    """Ada's sign-in works; coming back with fewer permissions leaves it as it is. (S2)."""
    fake.fakes.oauth.identity = Identity(northwind.integrations["Ada"].remote_id, "Ada", frozenset())
    came = go(fake, northwind, "Ada")
    assert (came.missing, mine(northwind, "Ada")[0].state) == ({"ads": "keep audiences in step"}, SignInState.CONNECTED)


def test_the_sign_in_of_a_colleague_is_allowed_and_said(fake, northwind):
    """Alan comes back with the sign-in that Max has connected: allowed, and said whose it is too. (S2)."""
    northwind.integrations["Max"].remote_id = "agency"
    northwind.session.commit()
    fake.fakes.oauth.identity = Identity("agency", "Agency", frozenset({"ads"}))
    came = go(fake, northwind)
    assert (came.colleague, came.integration.state) == ("Max", SignInState.CONNECTED)


def test_view_only_people_cannot_connect(fake, northwind):
    """Vera needs no channel, and reads that. (S3, S17)."""
    with pytest.raises(NotAllowed, match="need no channel of their own"):
        begin(fake, northwind.session, northwind.actor("Vera"), "meta", "/")


def test_a_channel_that_is_not_set_up_is_said(fake, northwind):
    """Where the operator registered no application, one reads that instead of an error of the channel. (S2)."""
    fake.settings.channels["meta"].client_id = ""
    with pytest.raises(Refused, match="not set up in this installation"):
        begin(fake, northwind.session, northwind.actor("Ada"), "meta", "/")


# -- reconnecting ----------------------------------------------------------------------------------------------


def test_reconnecting_sets_waiting_syncs_going(fake, northwind):
    """Ada reconnects: her sync that waited for it runs again and the alert is closed, without another click. (S15, S16)."""
    hers = northwind.integrations["Ada"]
    hers.state = SignInState.RECONNECT.value
    sync = northwind.sync(status="failed", detail="needs a person", problem_code="signin.expired")
    other = make_sync(
        northwind.session,
        make_segment(northwind.session, northwind.workspace),
        hers,
        status="failed",
        problem_code="audience.gone",
    )
    northwind.session.add(
        Alert(organization_id=northwind.organization.id, code="signin.expired", cause=f"integration:{hers.id}",
              acts="person", integration_id=hers.id)
    )  # fmt: skip
    northwind.session.commit()
    fake.fakes.oauth.identity = Identity(hers.remote_id, "Ada", frozenset({"ads"}))
    came = go(fake, northwind, "Ada")
    northwind.session.expire_all()
    run = northwind.session.scalars(select(Run)).one()
    assert (list(came.resumed), run.sync_id, run.why) == ([run.id], sync.id, Why.CAUSE_GONE)
    assert (hers.state, sync.status, other.status) == (SignInState.CONNECTED, Status.SYNCING, Status.FAILED)
    assert northwind.session.scalars(select(Alert)).one().closed_at


def test_another_sign_in_than_before_moves_nothing_before_a_word(fake, northwind):
    """Ada comes back as somebody else: her syncs stay where they are, and she is told which it cannot reach. (S2)."""
    sync = northwind.sync("Ada")
    fake.fakes.oauth.identity = Identity("somebody-else", "Ada's agency", frozenset({"ads"}))
    came = go(fake, northwind, "Ada")
    assert (came.pending, came.integration.state) == (True, SignInState.PENDING)
    move = planned_move(northwind.session, northwind.actor("Ada"), came.integration.id)
    assert (move.old, list(move.lost), move.known) == (northwind.integrations["Ada"], [sync], False)
    with pytest.raises(Refused, match="still being read"):
        confirm(fake, northwind.session, northwind.actor("Ada"), came.integration.id)


def test_confirming_moves_the_syncs(fake, northwind, clock):
    """After her word the syncs run on the new sign-in, the old one is forgotten, and what waited goes on. (S2, S16)."""
    reached = northwind.sync("Ada", status="failed", detail="needs a person", problem_code="signin.revoked")
    fake.fakes.oauth.identity = Identity("somebody-else", "Agency", frozenset({"ads"}))
    new = go(fake, northwind, "Ada").integration
    northwind.see(northwind.session.get(Integration, new.id), ACCOUNT, via="mcc")
    northwind.session.get(Integration, new.id).accounts_at = clock.now
    came = confirm(fake, northwind.session, northwind.actor("Ada"), new.id)
    northwind.session.commit()
    old, now = mine(northwind, "Ada")
    assert (old.state, old.access_sealed, now.state) == (SignInState.DISCONNECTED, None, SignInState.CONNECTED)
    assert (reached.integration_id, reached.account_via, reached.status) == (new.id, "mcc", Status.SYNCING)
    assert len(came.resumed) == 1


def test_discarding_leaves_everything_as_it_was(fake, northwind):
    """Pressing 'Keep the sign-in as before' forgets the new one. (S2)."""
    sync = northwind.sync("Ada")
    fake.fakes.oauth.identity = Identity("somebody-else", "Agency", frozenset({"ads"}))
    new = go(fake, northwind, "Ada").integration
    discard(fake, northwind.session, northwind.actor("Ada"), new.id)
    northwind.session.commit()
    old, forgotten = mine(northwind, "Ada")
    assert (old.state, forgotten.state, forgotten.access_sealed) == (
        SignInState.CONNECTED,
        SignInState.DISCONNECTED,
        None,
    )
    assert sync.integration_id == old.id


def revoked(fake):
    return [held.access_token for held in fake.fakes.oauth.revoked]


def test_the_sign_in_that_is_replaced_is_ended_at_the_channel(fake, northwind, clock):
    """After her word nothing is left open at the channel: the old sign-in is ended there too, after the commit. (S2)."""
    northwind.integrations["Ada"].access_sealed = fake.vault.seal("access-old")
    northwind.session.commit()
    fake.fakes.oauth.identity = Identity("somebody-else", "Agency", frozenset({"ads"}))
    new = go(fake, northwind, "Ada").integration
    northwind.session.get(Integration, new.id).accounts_at = clock.now
    came = confirm(fake, northwind.session, northwind.actor("Ada"), new.id)
    assert revoked(fake) == []
    northwind.session.commit()
    revoke(fake, came.given_up)
    assert revoked(fake) == ["access-old"]


def test_the_sign_in_that_is_discarded_is_ended_at_the_channel(fake, northwind):
    """'Keep the sign-in as before' ends the other one at the channel, unless a colleague works with it. (S2)."""
    fake.fakes.oauth.identity = Identity("somebody-else", "Agency", frozenset({"ads"}))
    for colleague in (None, northwind.integrations["Max"]):
        if colleague is not None:
            colleague.remote_id, colleague.access_sealed = "somebody-else", fake.vault.seal("access-max")
            northwind.session.commit()
        new = go(fake, northwind, "Ada").integration
        given_up = discard(fake, northwind.session, northwind.actor("Ada"), new.id)
        northwind.session.commit()
        revoke(fake, given_up)
    assert revoked(fake) == ["access-c1"]


def test_what_a_later_return_pushes_aside_is_ended_at_the_channel(fake, northwind):
    """Two returns as two others, the second without a permission as a third: only what is still asked about stays. (S2)."""
    fake.fakes.oauth.identity = Identity("first", "First", frozenset({"ads"}))
    go(fake, northwind, "Ada", code="c1")
    fake.fakes.oauth.identity = Identity("second", "Second", frozenset({"ads"}))
    go(fake, northwind, "Ada", code="c2")
    assert revoked(fake) == ["access-c1"]
    fake.fakes.oauth.identity = Identity("third", "Third", frozenset())
    go(fake, northwind, "Ada", code="c3")
    assert revoked(fake) == ["access-c1", "access-c3"]


def test_nobody_decides_about_a_colleagues_sign_in(fake, northwind):
    """A pending sign-in waits for its own person only. (S2)."""
    fake.fakes.oauth.identity = Identity("somebody-else", "Agency", frozenset({"ads"}))
    new = go(fake, northwind, "Ada").integration
    with pytest.raises(Refused, match="waits for no decision"):
        confirm(fake, northwind.session, northwind.actor("Grace"), new.id)


# -- disconnecting ---------------------------------------------------------------------------------------------


def test_disconnecting_ends_it_there_and_its_syncs_wait(fake, northwind):
    """The channel is told, tokens are forgotten, syncs stop and wait in one alert that names them. (S13, S16)."""
    made = northwind.create(fake, "Ada")
    hers = northwind.integrations["Ada"]
    hers.access_sealed = fake.vault.seal("access-old")
    northwind.session.commit()
    said = disconnect(fake, northwind.actor("Ada"), "meta")
    northwind.session.expire_all()
    assert said == "Our access to Meta is ended and forgotten."
    assert [held.access_token for held in fake.fakes.oauth.revoked] == ["access-old"]
    assert (hers.state, hers.access_sealed) == (SignInState.DISCONNECTED, None)
    assert (made.sync.status, made.sync.detail, made.run.state) == (
        Status.FAILED,
        Detail.NEEDS_PERSON,
        RunState.STOPPED,
    )
    alert = northwind.session.scalars(select(Alert)).one()
    assert (alert.code, alert.person_id) == ("signin.revoked", northwind.people["Ada"].id)


def test_connecting_again_resumes_what_disconnecting_stopped(fake, northwind):
    """Disconnected and connected again as the same: the syncs go on without further work. (S16)."""
    sync = northwind.create(fake, "Ada").sync
    remote_id = northwind.integrations["Ada"].remote_id
    disconnect(fake, northwind.actor("Ada"), "meta")
    fake.fakes.oauth.identity = Identity(remote_id, "Ada", frozenset({"ads"}))
    go(fake, northwind, "Ada")
    northwind.session.expire_all()
    assert (len(mine(northwind, "Ada")), sync.status) == (1, Status.SYNCING)


def test_a_shared_sign_in_is_not_ended_for_the_colleague(fake, northwind):
    """Where Max uses the same sign-in, the channel is not told, and Ada reads why. (S2)."""
    northwind.integrations["Max"].remote_id = northwind.integrations["Ada"].remote_id
    northwind.session.commit()
    assert disconnect(fake, northwind.actor("Ada"), "meta").startswith("Max is connected with the same sign-in")
    assert fake.fakes.oauth.revoked == []


def test_a_sign_in_of_another_organization_is_not_ended(fake, northwind):
    """An agency's sign-in serves a second organization: disconnecting here leaves theirs, and names nobody. (S2)."""
    hers = northwind.integrations["Ada"]
    hers.access_sealed = fake.vault.seal("access-old")
    kim = make_person(northwind.session, make_organization(northwind.session, "Contoso"), "Kim")
    make_integration(northwind.session, kim, remote_id=hers.remote_id, access_sealed=fake.vault.seal("access-kim"))
    northwind.session.commit()
    said = disconnect(fake, northwind.actor("Ada"), "meta")
    assert fake.fakes.oauth.revoked == []
    assert said.startswith("The same sign-in is also used elsewhere in this installation, so Meta was not told")
    assert not {"Kim", "Contoso"} & set(said.replace(",", " ").split())


def test_a_channel_that_cannot_be_told_is_said(fake, northwind):
    """Where the channel is away, our access is forgotten all the same, and one reads where to end it there. (S2)."""
    northwind.integrations["Ada"].access_sealed = fake.vault.seal("access-old")
    northwind.session.commit()
    fake.fakes.oauth.problem = TryLater(Code.OUTAGE, raw="503")
    assert "could not be told (503)" in disconnect(fake, northwind.actor("Ada"), "meta")
    assert mine(northwind, "Ada")[0].state == SignInState.DISCONNECTED


@pytest.mark.parametrize("deed", ["connect", "disconnect"])
def test_a_run_that_fails_at_the_same_moment_loses_nobodys_return(fake, northwind, runtime, clock, deed):
    """A run writes down its end while Ada connects again or disconnects: both come through, none in a circle. (S2, S16)."""
    made = northwind.create(fake, "Ada")
    hers = northwind.integrations["Ada"]
    fake.fakes.oauth.identity = Identity(hers.remote_id, "Ada", frozenset({"ads"}))
    with ThreadPoolExecutor() as pool, runtime.sessions.begin() as worker:
        worker.get_one(Sync, made.sync.id, with_for_update={"key_share": True})
        act = (lambda: go(fake, northwind, "Ada")) if deed == "connect" else None
        coming = pool.submit(act or (lambda: disconnect(fake, northwind.actor("Ada"), "meta")))
        wait([coming], timeout=1)  # it holds the sign-in by now, and wants the sync
        worker.execute(text("set local lock_timeout = '3s'"))
        runs.fail(worker, worker.get_one(Run, made.run.id), Trouble("signin.expired"), now=clock.now)
    coming.result(30)
    northwind.session.expire_all()
    assert hers.state == (SignInState.CONNECTED if deed == "connect" else SignInState.DISCONNECTED)


def test_what_the_database_ended_to_free_others_is_done_once_more(runtime):
    """A return that met others in a circle is kept at the second try; any other trouble is not hidden. (S2)."""
    tries = []

    def deed(session, sqlstate="40P01"):
        tries.append(sqlstate)
        if len(tries) == 1 or sqlstate != "40P01":
            session.execute(text(f"do $$ begin raise exception sqlstate '{sqlstate}'; end $$"))
        return "kept"

    assert (once_more(runtime, deed), len(tries)) == ("kept", 2)
    with pytest.raises(OperationalError):
        once_more(runtime, lambda session: deed(session, "55P03"))
    assert len(tries) == 3
