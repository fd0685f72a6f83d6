"""LinkedIn's ad accounts in our terms: what a role and a status allow.

https://learn.microsoft.com/linkedin/marketing/integrations/ads/account-structure/create-and-manage-accounts
https://learn.microsoft.com/linkedin/marketing/integrations/ads/account-structure/create-and-manage-account-users
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.contract import AdAccount, Reason
from connectors.problems import Code

VIEWER = "VIEWER"
ENDED = frozenset({"CANCELED", "PENDING_DELETION", "REMOVED"})
# Why an account does not serve ads; its audiences can be kept in step all the same.
HOLDS = {"BILLING_HOLD": Code.ACCOUNT_UNPAID, "RESTRICTED_HOLD": Code.ACCOUNT_BLOCKED}


def roles_of(memberships: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Account id -> the person's role in it."""
    return {str(one.get("account", "")).rpartition(":")[2]: str(one.get("role", "")) for one in memberships}


def account_of(told: Mapping[str, Any], roles: Mapping[str, str]) -> AdAccount:
    """An ad account with why it cannot be used."""
    number = str(told.get("id", ""))
    role, state = roles.get(number, ""), str(told.get("status", ""))
    holds = [HOLDS[name] for name in told.get("servingStatuses", []) if name in HOLDS]
    return AdAccount(
        remote_id=number,
        name=str(told.get("name", "")),
        role=role,
        state=state,
        currency=str(told.get("currency", "")),
        blocked=tuple(_blocked(role, state)),
        warnings=tuple(Reason(code.value) for code in holds),
    )


def _blocked(role: str, state: str) -> Iterable[Reason]:
    if state in ENDED:
        yield Reason(Code.ACCOUNT_CLOSED.value, {"state": state})
    if not role:
        yield Reason(Code.ACCOUNT_NO_ROLE.value)
    elif role == VIEWER:
        # A viewer stays read-only whatever the token allows.
        yield Reason(Code.ACCOUNT_VIEW_ONLY.value, {"role": role})
