"""Ad accounts and campaigns through the Google Ads API."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from connectors.contract import AccountRef, Token, Use
from connectors.google.oauth import ADS as ADS_SCOPE
from connectors.google.oauth import DATA_MANAGER
from connectors.google.replies import ADS
from connectors.problems import AccessDenied, Code, ReconnectNeeded, SetupNeeded, TryLater
from tests.connectors.google_at_hand import (
    ADA,
    BRAND,
    CLOSED,
    GRACE,
    LINUS,
    MANAGER,
    SEARCH,
    SHOPPING,
    google_at_hand,
    refusal,
    spec,
)


@pytest.fixture
def google():
    with google_at_hand() as at_hand:
        yield at_hand


@pytest.fixture
def ada(google):
    return google.token()


def reasons(account):
    return [reason.code for reason in account.blocked]


def by_number(accounts):
    return {account.remote_id: account for account in accounts}


def test_accounts_are_found_through_managers_and_directly(google, ada):
    """A marketer sees every account the sign-in reaches, and each keeps the way that leads there (S8)."""
    found = by_number(google.connector.ad_accounts(ada))
    ways = {number: (account.name, account.via) for number, account in found.items() if not account.blocked}
    assert ways == {"1001000001": ("Northwind Search", MANAGER), "1001000002": ("Northwind Shopping", "")}
    assert (found["1001000001"].currency, found["1001000001"].time_zone) == ("EUR", "Europe/Berlin")


def test_what_cannot_take_audiences_says_why(google, ada):
    """Managers, closed accounts and those one may only look at stay visible with their reason (S8)."""
    found = by_number(google.connector.ad_accounts(ada))
    assert reasons(found[MANAGER]) == [Code.ACCOUNT_MANAGER]
    assert reasons(found[CLOSED.remote_id]) == [Code.ACCOUNT_CLOSED]
    assert reasons(found[BRAND.remote_id]) == [Code.ACCOUNT_VIEW_ONLY]


def test_clients_of_clients_are_found(google, ada):
    """An agency's tree of managers is walked to the end (S8)."""
    manager, client = (google.world.get("google", "accounts", number) for number in (MANAGER, "1001000001"))
    google.world.put("google", "accounts", "1001000010", manager | {"manager_id": MANAGER, "access": {}})
    google.world.put("google", "accounts", "1001000011", client | {"manager_id": "1001000010"})
    found = by_number(google.connector.ad_accounts(ada))
    assert (found["1001000011"].via, found["1001000011"].blocked) == (MANAGER, ())


def test_an_account_reached_in_two_ways_is_offered_once(google, ada):
    """Who is a user of an account does not go through its manager (S8)."""
    google.change("accounts", "1001000001", access={ADA: "STANDARD"})
    ways = [account.via for account in google.connector.ad_accounts(ada) if account.remote_id == "1001000001"]
    assert ways == [""]


def test_one_account_that_cannot_be_read_hides_no_other(google, ada):
    """An account cancelled at Google does not empty the list (S8)."""
    google.change("accounts", SHOPPING.remote_id, status="CANCELED")
    found = by_number(google.connector.ad_accounts(ada))
    assert reasons(found[SHOPPING.remote_id]) == [Code.ACCOUNT_CLOSED]
    assert not found["1001000001"].blocked


def test_a_live_check_agrees_with_the_list(google, ada):
    """Create looks at the account again, live (S8)."""
    checked = google.connector.check_account(ada, SEARCH)
    assert (checked.blocked, checked.warnings, checked.role, checked.state) == ((), (), "admin", "enabled")
    assert reasons(google.connector.check_account(ada, BRAND)) == [Code.ACCOUNT_VIEW_ONLY]
    assert refusal(google.connector.check_account, ada, CLOSED).code is Code.ACCOUNT_CLOSED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"customer_match": False}, Code.ACCOUNT_NOT_ELIGIBLE),
        ({"political_declaration": False}, Code.ACCOUNT_POLITICAL),
        ({"status": "SUSPENDED"}, Code.ACCOUNT_DISABLED),
        ({"status": "CLOSED"}, Code.ACCOUNT_CLOSED),
    ],
    ids=["not eligible for customer lists", "no declaration on political ads", "suspended", "closed"],
)
def test_a_live_check_finds_what_would_stop_a_sync(google, ada, change, code):
    """What would stop the first run is told before the sync is made (S8)."""
    google.change("accounts", SEARCH.remote_id, **change)
    try:
        found = reasons(google.connector.check_account(ada, SEARCH))
    except AccessDenied as denied:
        found = [denied.code]
    assert found == [code]


def test_a_live_check_makes_nothing(google, ada):
    """Looking leaves no audience behind (S8)."""
    google.connector.check_account(ada, SEARCH)
    assert not google.world.all("google", "audiences")


def test_terms_that_may_be_missing_are_a_hint(google, ada):
    """Google's field speaks of other terms too, so it warns and does not block (S8)."""
    google.change("accounts", SEARCH.remote_id, terms=False)
    checked = google.connector.check_account(ada, SEARCH)
    assert [reason.code for reason in checked.warnings] == [Code.TERMS_NOT_ACCEPTED]
    assert not checked.blocked


def test_a_test_account_is_said_to_be_one(google, ada):
    """Test accounts take no lists, by Google's support (S8)."""
    google.change("accounts", SEARCH.remote_id, test=True)
    checked = google.connector.check_account(ada, SEARCH)
    assert [(reason.code, reason.facts["test"]) for reason in checked.warnings] == [(Code.ACCOUNT_NOT_ELIGIBLE, "yes")]


def test_somebody_without_any_account_is_told_so(google):
    """A Google sign-in without Google Ads cannot be used: another one is needed (S13)."""
    for doc in google.world.all("google", "accounts"):
        google.change("accounts", doc["key"], access={})
    problem = refusal(google.connector.ad_accounts, google.token(LINUS))
    assert isinstance(problem, ReconnectNeeded)
    assert problem.code is Code.SIGNIN_NO_ADS_USER


def test_a_role_that_may_not_be_read_blocks_nobody(google):
    """Without the permission to know the e-mail address the role stays unknown, and accounts are offered (S8)."""
    token = google.token(scopes=(ADS_SCOPE, DATA_MANAGER))
    found = by_number(google.connector.ad_accounts(token))
    assert (found["1001000001"].role, found["1001000001"].blocked) == ("", ())


def test_somebody_elses_account_is_refused(google):
    """A person who is no user of an account gets nowhere near it (S8)."""
    linus = google.token(LINUS)
    assert refusal(google.connector.check_account, linus, SEARCH).code is Code.ACCOUNT_NO_ROLE
    wrong = AccountRef(SHOPPING.remote_id, MANAGER)
    assert refusal(google.connector.check_account, google.token(GRACE), wrong).code is Code.ACCOUNT_WRONG_MANAGER


# -- campaigns -----------------------------------------------------------------------------------------------------


def test_campaigns_and_ad_groups_that_use_an_audience_are_named(google, ada):
    """Before switching off, one sees what goes stale: name, state, include or exclude, in campaigns and ad groups (S10)."""
    made = google.connector.create_audience(ada, SEARCH, spec())
    google.change("campaigns", "20000000001", uses=[{"audience": "sync-1", "negative": True}])
    google.change("campaigns", "20000000003", uses=[{"audience": made.remote_id, "ad_group": "Everybody"}])
    found = google.connector.campaigns_using(ada, SEARCH, made)
    assert [(c.name, c.state, c.use, c.level) for c in found] == [
        ("Autumn Sale", "enabled", Use.EXCLUDE, "campaign"),
        ("Win-back › Everybody", "paused", Use.INCLUDE, "ad group"),
    ]


def test_removed_campaigns_and_other_audiences_are_left_out(google, ada):
    """Only what is in use now is named (S10)."""
    made = google.connector.create_audience(ada, SEARCH, spec())
    other = google.connector.create_audience(ada, SEARCH, spec("sync-2", "Others"))
    google.change("campaigns", "20000000001", uses=[{"audience": made.remote_id}], status="REMOVED")
    google.change("campaigns", "20000000002", uses=[{"audience": other.remote_id}])
    assert not google.connector.campaigns_using(ada, SEARCH, made)


# -- what Google Ads refuses ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared():
    with google_at_hand() as at_hand:
        yield at_hand, at_hand.connector, at_hand.token()


@pytest.mark.parametrize("name", sorted(ADS))
def test_each_error_of_google_ads_has_a_meaning(shared, name):
    """Every error in Google's table is told to whoever can act, with Google's own name and reference (S13)."""
    google, connector, ada = shared
    google.fault("code", "ads.search", code=name)
    problem = refusal(connector.check_account, ada, SHOPPING)
    assert (type(problem), problem.code) == ADS[name]
    assert problem.raw.endswith(f".{name}")
    assert problem.reference


def test_a_quota_says_how_long_to_wait(google, ada):
    """Google's own waiting time is kept, although its client library hides it (S7)."""
    google.fault("rate_limit", "ads.accessible", retry_after=90)
    problem = refusal(google.connector.ad_accounts, ada)
    assert (problem.code, problem.retry_after) == (Code.RATE_LIMIT, timedelta(seconds=90))


@pytest.mark.parametrize("name", ["BOGUS_VALUE_OF_TOMORROW", "QueryError.BAD_FIELD_NAME"])
def test_an_error_nobody_knows_is_not_waited_out(google, ada, name):
    """An unknown error is a developer's, an outage is nobody's (S13)."""
    google.fault("code", "ads.accessible", code=name)
    problem = refusal(google.connector.ad_accounts, ada)
    assert problem.code is (Code.UNEXPECTED if name.startswith("Query") else Code.OUTAGE)


def test_an_api_version_that_is_over_is_the_operators(google, ada):
    """A version that Google switched off, or that this program does not have, is said to need an upgrade (S13)."""
    google.fault("version_dead", "ads.accessible")
    problem = refusal(google.connector.ad_accounts, ada)
    assert isinstance(problem, SetupNeeded)
    unknown = refusal(google.at_version("v7").connector.ad_accounts, ada)
    assert (problem.code, unknown.code, unknown.facts) == (Code.APP_VERSION, Code.APP_VERSION, {"version": "v7"})


def test_an_older_version_that_google_still_serves_works(google, ada):
    """The version is a setting of the operator."""
    assert google.at_version("v25").connector.ad_accounts(ada)


@pytest.mark.parametrize("kind", ["error", "cut", "cut_before"])
def test_a_server_that_does_not_answer_is_waited_for(google, ada, kind):
    """An outage of Google Ads is waited out (S7)."""
    google.fault(kind, "ads.accessible", times=0)
    assert isinstance(refusal(google.connector.ad_accounts, ada), TryLater)


def test_one_hiccup_is_not_even_noticed(google, ada):
    """A connection that went stale is tried again at once (S7)."""
    google.fault("cut_before", "ads.accessible")
    assert google.connector.ad_accounts(ada)


def test_a_missing_permission_is_the_persons(google):
    """Who unticked Google Ads on the consent page has to tick it (S3)."""
    token = google.token(scopes=(DATA_MANAGER, "openid", "email"))
    assert isinstance(refusal(google.connector.ad_accounts, token), ReconnectNeeded)


def test_logs_hold_nothing_of_the_person(google, caplog):
    """However much is logged, tokens and addresses stay out of it."""
    caplog.set_level("DEBUG")
    token: Token = google.token()
    google.connector.ad_accounts(token)
    assert token.access_token not in caplog.text
    assert "ada.byron@" not in caplog.text


FORKED = """
import json, os, sys
from connectors.contract import Application, Token
from connectors.google.connector import GoogleConnector

given = json.load(sys.stdin)
connector = GoogleConnector(Application("client", "secret", given["bases"]))
for _ in range(2):
    child = os.fork()
    if child == 0:
        os._exit(0 if connector.ad_accounts(Token(given["token"], "ada")) else 1)
    assert os.waitpid(child, 0)[1] == 0
assert connector.ad_accounts(Token(given["token"], "ada"))
"""


@pytest.mark.slow
def test_workers_may_fork_after_loading_the_connector(google, ada):
    """Loading the connector opens nothing: each forked worker opens its own connection."""
    given = json.dumps({"bases": dict(google.app.bases), "token": ada.access_token})
    subprocess.run([sys.executable, "-c", FORKED], input=given, text=True, check=True, timeout=60)
