"""Meta's ad accounts as we offer them: who may upload, what stands in the way, and where it is put right.

https://developers.facebook.com/docs/marketing-api/reference/ad-account
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import AdAccount, Reason
from connectors.meta.identifiers import TERMS_LINK
from connectors.problems import Code

FIELDS = (
    "id", "account_id", "name", "account_status", "disable_reason", "currency", "timezone_name", "business", "user_tasks",
    "tos_accepted", "user_tos_accepted",
)  # fmt: skip

STATES: Mapping[int, str] = {
    1: "active", 2: "disabled", 3: "unsettled", 7: "pending risk review", 8: "pending settlement", 9: "in grace period",
    100: "pending closure", 101: "closed", 201: "active", 202: "closed",
}  # fmt: skip
BLOCKED: Mapping[int, Code] = {
    2: Code.ACCOUNT_DISABLED, 100: Code.ACCOUNT_CLOSED, 101: Code.ACCOUNT_CLOSED, 202: Code.ACCOUNT_CLOSED,
}  # fmt: skip
WARNED: Mapping[int, Code] = {3: Code.ACCOUNT_UNPAID, 7: Code.ACCOUNT_BLOCKED, 8: Code.ACCOUNT_UNPAID}
UPLOADING = frozenset({"MANAGE", "ADVERTISE"})
TERMS = "custom_audience_tos"


def ad_account(data: Mapping[str, Any]) -> AdAccount:
    """One ad account as Graph describes it."""
    number = str(data.get("account_id") or str(data["id"]).removeprefix("act_"))
    status = int(data.get("account_status") or 0)
    tasks = sorted(map(str, data.get("user_tasks") or ()))
    return AdAccount(
        number,
        str(data.get("name") or number),
        role=", ".join(task.replace("_", " ").lower() for task in tasks),
        state=STATES.get(status, f"status {status}"),
        currency=str(data.get("currency") or ""),
        time_zone=str(data.get("timezone_name") or ""),
        blocked=tuple(_blocked(data, number, status)),
        warnings=tuple(_warned(data, number, status)),
    )


def terms_link(account: str) -> str:
    """Where a person accepts the Custom Audience terms for this ad account."""
    return TERMS_LINK.format(account=account)


def _blocked(data: Mapping[str, Any], number: str, status: int) -> list[Reason]:
    reasons = []
    facts = {"account": number}
    if status in BLOCKED:
        told = data.get("disable_reason")
        reasons.append(Reason(BLOCKED[status], facts | ({"reason": str(told)} if told else {})))
    if "user_tasks" in data and not UPLOADING & set(data["user_tasks"]):
        reasons.append(Reason(Code.ACCOUNT_VIEW_ONLY, facts))
    if not all(terms.get(TERMS) for terms in _terms(data)):
        reasons.append(Reason(Code.TERMS_NOT_ACCEPTED, facts | {"link": terms_link(number)}))
    return reasons


def _terms(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What Meta tells of the terms: for the account, and for this person unless it is a system user."""
    return [data[field] for field in ("tos_accepted", "user_tos_accepted") if isinstance(data.get(field), Mapping)]


def _warned(data: Mapping[str, Any], number: str, status: int) -> list[Reason]:
    reasons = [Reason(WARNED[status], {"account": number})] if status in WARNED else []
    if not data.get("business"):
        reasons.append(Reason(Code.ACCOUNT_NO_BUSINESS, {"account": number}))
    if not _terms(data):
        # Silence is no refusal: the first batch will tell.
        reasons.append(Reason(Code.TERMS_NOT_ACCEPTED, {"account": number, "link": terms_link(number)}))
    return reasons
