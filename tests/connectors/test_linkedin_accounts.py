"""Ad accounts at LinkedIn: which can be used, and who has to act where LinkedIn refuses."""

from __future__ import annotations

import pytest

from connectors.problems import AccessDenied, Code, ReconnectNeeded, SetupNeeded, TryLater, UnexpectedReply
from tests.connectors.linkedin_at_hand import ACCOUNT, CLOSED, OTHER, VIEW_ONLY, refusal, spec

# -- ad accounts -----------------------------------------------------------------------------------------------------


def test_ad_accounts_say_why_they_cannot_be_used(linkedin, ada):
    """Every ad account is listed; one that may only be viewed and one that is closed say so (S8)."""
    found = {
        account.name: [reason.code for reason in account.blocked] for account in linkedin.connector.ad_accounts(ada)
    }
    assert found == {
        "Northwind Global": [],
        "Northwind DACH": [],
        "Northwind Recruiting": [Code.ACCOUNT_VIEW_ONLY],
        "Northwind Events 2024": [Code.ACCOUNT_CLOSED],
    }


def test_a_thousand_ad_accounts_are_all_listed(linkedin, ada):
    """An agency sees all of its ad accounts, over all pages (S8)."""
    for number in range(250):
        linkedin.world.put(
            "linkedin", "accounts", str(600_000 + number), {"name": f"Client {number}", "roles": {"ada": "VIEWER"}}
        )
    found = linkedin.connector.ad_accounts(ada)
    assert len({account.remote_id for account in found}) == 254


def test_an_unpaid_account_warns(linkedin, ada):
    """An account on hold for its bills can be filled, and one is warned that it serves nobody (S8)."""
    doc = linkedin.world.get("linkedin", "accounts", ACCOUNT.remote_id)
    linkedin.world.put("linkedin", "accounts", ACCOUNT.remote_id, doc | {"serving": ["BILLING_HOLD"]})
    checked = linkedin.connector.check_account(ada, ACCOUNT)
    assert checked.blocked == ()
    assert [warning.code for warning in checked.warnings] == [Code.ACCOUNT_UNPAID]


@pytest.mark.parametrize(
    ("account", "codes"), [(ACCOUNT, []), (VIEW_ONLY, [Code.ACCOUNT_VIEW_ONLY]), (CLOSED, [Code.ACCOUNT_CLOSED])]
)
def test_one_account_is_checked_live(linkedin, ada, account, codes):
    """Before a sync is made, the account is looked at as it is now (S8)."""
    assert [reason.code for reason in linkedin.connector.check_account(ada, account).blocked] == codes


def test_an_account_that_is_gone_or_not_mine_is_told(linkedin, ada):
    """An ad account that was removed, or where one's role was taken away, is named as such (S8)."""
    linkedin.world.drop("linkedin", "accounts", OTHER.remote_id)
    assert refusal(linkedin.connector.check_account, ada, OTHER) == (AccessDenied, Code.ACCOUNT_GONE)
    linkedin.world.add_fault("linkedin", "permission_lost", account=ACCOUNT.remote_id, person="ada")
    assert refusal(linkedin.connector.check_account, ada, ACCOUNT) == (AccessDenied, Code.ACCOUNT_NO_ROLE)


# -- rights ----------------------------------------------------------------------------------------------------------

WHY_DENIED = [
    ("view_only", AccessDenied, Code.ACCOUNT_VIEW_ONLY),
    ("permission_lost", AccessDenied, Code.ACCOUNT_NO_ROLE),
    ("account_closed", AccessDenied, Code.ACCOUNT_CLOSED),
    ("app_not_approved", SetupNeeded, Code.APP_NOT_APPROVED),
]


@pytest.mark.parametrize(("kind", "problem", "code"), WHY_DENIED)
def test_a_refusal_says_whose_it_is(linkedin, ada, audience, kind, problem, code):
    """LinkedIn says only "not enough permissions": we find out whether it is the role, the account or the application."""
    linkedin.world.add_fault("linkedin", kind)
    assert refusal(linkedin.connector.audience_state, ada, ACCOUNT, audience) == (problem, code)
    assert refusal(linkedin.connector.find_audience, ada, ACCOUNT, spec()) == (problem, code)


def test_a_missing_permission_of_the_sign_in_is_told(linkedin, audience):
    """A sign-in that did not allow audiences, or ad accounts, has to be made again with that permission (S2)."""
    partly = linkedin.token("max", scopes=("openid", "profile", "r_ads"))
    assert refusal(linkedin.connector.audience_state, partly, ACCOUNT, audience) == (
        ReconnectNeeded,
        Code.SCOPE_MISSING,
    )
    hardly = linkedin.token("grace", scopes=("openid", "profile", "rw_dmp_segments"))
    assert refusal(linkedin.connector.ad_accounts, hardly) == (ReconnectNeeded, Code.SCOPE_MISSING)


ANSWERS = [
    ("token_expired", ReconnectNeeded, Code.SIGNIN_EXPIRED),
    ("token_revoked", ReconnectNeeded, Code.SIGNIN_REVOKED),
    ("rate_limit", TryLater, Code.RATE_LIMIT),
    ("daily_limit", TryLater, Code.DAILY_LIMIT),
    ("version_dead", SetupNeeded, Code.APP_VERSION),
    ("locked", TryLater, Code.LOCKED),
    ("bad_request", UnexpectedReply, Code.BAD_REQUEST),
    ("error", TryLater, Code.OUTAGE),
    ("html", TryLater, Code.OUTAGE),
    ("cut_before", TryLater, Code.OUTAGE),
]


@pytest.mark.parametrize(("kind", "problem", "code"), ANSWERS)
def test_what_goes_wrong_at_linkedin_is_told_by_who_acts(linkedin, ada, audience, kind, problem, code):
    """Whatever LinkedIn answers, it is told who has to act, and only what passes by itself is tried again."""
    linkedin.world.add_fault("linkedin", kind)
    assert refusal(linkedin.connector.rename_audience, ada, ACCOUNT, audience, "Other") == (problem, code)


def test_any_row_of_linkedins_error_table_can_be_ordered(linkedin, ada, audience):
    """A code that nobody has seen yet is shown as it came, with LinkedIn's id of the call."""
    linkedin.world.add_fault("linkedin", "code", facts={"status": 418, "code": "TEAPOT", "message": "no"})
    with pytest.raises(UnexpectedReply) as caught:
        linkedin.connector.audience_state(ada, ACCOUNT, audience)
    assert caught.value.raw == "418/TEAPOT"
    assert len(caught.value.reference) == 32
