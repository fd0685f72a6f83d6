"""Ad accounts and campaigns, read through the Google Ads API.

https://developers.google.com/google-ads/api/docs/account-management/listing-accounts
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.contract import AccountRef, AdAccount, AudienceRef, Campaign, Reason, Use
from connectors.google.ads import Ads, quoted
from connectors.problems import AccessDenied, Code

CUSTOMER = """
SELECT customer.id, customer.descriptive_name, customer.manager, customer.status, customer.currency_code,
       customer.time_zone, customer.test_account,
       customer.conversion_tracking_setting.accepted_customer_data_terms
FROM customer"""

# All levels at once: clients of clients are listed too.
CLIENTS = """
SELECT customer_client.id, customer_client.descriptive_name, customer_client.manager, customer_client.status,
       customer_client.currency_code, customer_client.time_zone, customer_client.test_account, customer_client.level
FROM customer_client"""

ROLE = """
SELECT customer_user_access.access_role FROM customer_user_access
WHERE customer_user_access.email_address = {}"""

CAMPAIGNS = """
SELECT campaign.id, campaign.name, campaign.status, campaign_criterion.negative FROM campaign_criterion
WHERE campaign_criterion.type = 'USER_LIST' AND campaign_criterion.user_list.user_list = {}
  AND campaign_criterion.status != 'REMOVED' AND campaign.status != 'REMOVED'"""

AD_GROUPS = """
SELECT campaign.id, campaign.name, campaign.status, ad_group.id, ad_group.name, ad_group.status,
       ad_group_criterion.negative FROM ad_group_criterion
WHERE ad_group_criterion.type = 'USER_LIST' AND ad_group_criterion.user_list.user_list = {}
  AND ad_group_criterion.status != 'REMOVED' AND ad_group.status != 'REMOVED' AND campaign.status != 'REMOVED'"""

BLOCKED_STATES: Mapping[str, Code] = {
    "CANCELED": Code.ACCOUNT_CLOSED,
    "CLOSED": Code.ACCOUNT_CLOSED,
    "SUSPENDED": Code.ACCOUNT_DISABLED,
}
READERS = frozenset({"READ_ONLY", "EMAIL_ONLY"})


def listed(ads: Ads, token: str, email: str) -> list[AdAccount]:
    """Every account this person reaches, once: as its own user rather than through a manager where both are so."""
    found: dict[str, AdAccount] = {}
    for root in ads.accessible(token):
        for account in _under(ads, token, root, email):
            known = found.get(account.remote_id)
            if known is None or (known.via and not account.via):
                found[account.remote_id] = account
    return list(found.values())


def _under(ads: Ads, token: str, root: str, email: str) -> Iterator[AdAccount]:
    """The account itself and, of a manager, all below it. One that cannot be read never hides the others."""
    try:
        own = ads.rows(token, root, CUSTOMER, login=root)[0].customer
        role = _role(ads, token, AccountRef(root), email)
        clients = ads.rows(token, root, CLIENTS, login=root) if own.manager else []
    except AccessDenied as denied:
        yield AdAccount(root, root, blocked=(Reason(denied.code, {"account": root}),))
        return
    yield _account(own, role=role)
    for row in clients:
        if str(row.customer_client.id) != root:
            yield _account(row.customer_client, via=root, role=role)


def checked(ads: Ads, token: str, account: AccountRef, email: str) -> AdAccount:
    """One account, live, the way a sync reaches it. Raises any ConnectorProblem."""
    login = account.via or account.remote_id
    own = ads.rows(token, account.remote_id, CUSTOMER, login=login)[0].customer
    terms = own.conversion_tracking_setting.accepted_customer_data_terms
    # Only a hint: this field speaks of enhanced conversions, whose terms are accepted on the same page.
    hints = () if terms else (Reason(Code.TERMS_NOT_ACCEPTED, {"account": account.remote_id}),)
    return _account(own, via=account.via, role=_role(ads, token, account, email), hints=hints)


def _role(ads: Ads, token: str, account: AccountRef, email: str) -> str:
    """The person's role where they are a user: on the manager when they come through one. '' where it may not be read."""
    if not email:
        return ""
    place = account.via or account.remote_id
    try:
        rows = ads.rows(token, place, ROLE.format(quoted(email)), login=place)
    except AccessDenied:
        return ""
    return rows[0].customer_user_access.access_role.name if rows else ""


def _account(own: Any, *, via: str = "", role: str = "", hints: tuple[Reason, ...] = ()) -> AdAccount:
    number, state = str(own.id), own.status.name
    facts = {"account": number}
    codes = [Code.ACCOUNT_MANAGER] if own.manager else []
    codes += [BLOCKED_STATES[state]] if state in BLOCKED_STATES else []
    codes += [Code.ACCOUNT_VIEW_ONLY] if role in READERS else []
    # Google's support says that test accounts take no lists; whether that still holds is not certain enough to block.
    test = (Reason(Code.ACCOUNT_NOT_ELIGIBLE, {**facts, "test": "yes"}),) if own.test_account else ()
    return AdAccount(
        remote_id=number,
        name=own.descriptive_name or number,
        via=via,
        role=_words(role),
        state=_words(state),
        currency=own.currency_code,
        time_zone=own.time_zone,
        blocked=tuple(Reason(code, facts) for code in codes),
        warnings=test + hints,
    )


def using(ads: Ads, token: str, account: AccountRef, audience: AudienceRef) -> list[Campaign]:
    """Campaigns, and ad groups inside them, that include or exclude the audience. Raises any ConnectorProblem."""
    login = account.via or account.remote_id
    name = quoted(f"customers/{account.remote_id}/userLists/{audience.remote_id}")
    campaigns = ads.rows(token, account.remote_id, CAMPAIGNS.format(name), login=login)
    groups = ads.rows(token, account.remote_id, AD_GROUPS.format(name), login=login)
    return [_campaign(row) for row in campaigns] + [_ad_group(row) for row in groups]


def _campaign(row: Any) -> Campaign:
    own = row.campaign
    return Campaign(str(own.id), own.name, _words(own.status.name), _use(row.campaign_criterion))


def _ad_group(row: Any) -> Campaign:
    """An ad group shows no ads while its campaign is paused, so the campaign's state counts unless it runs."""
    campaign, group = row.campaign, row.ad_group
    state = group.status.name if campaign.status.name == "ENABLED" else campaign.status.name
    name = f"{campaign.name} › {group.name}"
    return Campaign(str(group.id), name, _words(state), _use(row.ad_group_criterion), level="ad group")


def _use(criterion: Any) -> Use:
    return Use.EXCLUDE if criterion.negative else Use.INCLUDE


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
