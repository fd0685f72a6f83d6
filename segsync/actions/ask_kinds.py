"""What can be asked of a channel: ad accounts, one account's check, campaigns, an audience's state. Each kind is one row below.

Every answer is stored where pages look for it; what an ask itself keeps is only enough to tell whether to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connectors.contract import AccountRef, AudienceRef, Reason, State, Token
from connectors.contract import AdAccount as SeenAccount
from connectors.problems import AccessDenied, Code, ReconnectNeeded
from segsync.actions import tokens
from segsync.actions.actor import Actor, Refused
from segsync.actions.sync_access import belongs, need_own
from segsync.models import AdAccount, Contact, Integration, Segment, Sync, WarehouseConnection
from segsync.rules.rights import Right
from segsync.rules.terms import SignInState
from segsync.runtime import Runtime

T = TypeVar("T")
Params = Mapping[str, Any]

CHECK_COUNTS_FOR: Final = timedelta(hours=1)
"""A live check of one account knows more than the list of all, and is kept for so long."""


@dataclass(frozen=True)
class Kind:
    """A kind of question: who may ask it (raises Refused otherwise), and how it is answered."""

    allowed: Callable[[Session, Actor, Params], None]
    answer: Callable[[Runtime, Params], Mapping[str, Any]]


# -- who may ask -----------------------------------------------------------------------------------------------


def _own_signin(session: Session, actor: Actor, params: Params) -> None:
    integration = session.get(Integration, params["integration"])
    if integration is None or integration.person_id != actor.person_id:
        raise Refused("This is not your sign-in.")


def _own_sync(session: Session, actor: Actor, params: Params) -> None:
    actor.need(Right.EDIT_OWN_SYNCS)
    sync = session.get(Sync, params["sync"])
    if sync is None or sync.organization_id != actor.organization_id:
        raise Refused("There is no such sync in your organization.")
    # the question goes out with the sign-in that the sync runs on
    need_own(actor, sync, "ask this of the channel")


# -- ad accounts -----------------------------------------------------------------------------------------------


def _accounts(runtime: Runtime, params: Params) -> Mapping[str, Any]:
    """All ad accounts of a sign-in, kept with the time they were seen; those that are gone are kept as gone."""
    integration_id = int(params["integration"])
    channel = _channel_of(runtime, integration_id)
    seen = _with_token(runtime, integration_id, runtime.connector(channel, asked=True).ad_accounts)
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        integration = session.get_one(Integration, integration_id, with_for_update=True)
        known = _known(session, integration_id)
        for account in seen:
            row = known.pop((account.remote_id, account.via), None) or _row(session, integration_id, account)
            _describe(row, account, now)
            _list_says(row, account, now)
        for gone in known.values():
            gone.gone_at = gone.gone_at or now
        integration.accounts_at = now
    return {"count": len(seen)}


def _check(runtime: Runtime, params: Params) -> Mapping[str, Any]:
    """One ad account, live: role, state, terms. A refusal by the account's side is an answer too, kept as its reason."""
    integration_id = int(params["integration"])
    account = AccountRef(str(params["account"]), str(params.get("via", "")))
    connector = runtime.connector(_channel_of(runtime, integration_id), asked=True)
    try:
        seen = _with_token(runtime, integration_id, lambda token: connector.check_account(token, account))
    except AccessDenied as denied:
        reason = Reason(denied.code.value, {key: str(value) for key, value in denied.facts.items()})
        return _refused_by_account(runtime, integration_id, account, reason)
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        row = _known(session, integration_id).get((account.remote_id, account.via))
        row = row or _row(session, integration_id, seen)
        _describe(row, seen, now)
        row.blocked, row.warnings = _reasons(seen.blocked), _reasons(seen.warnings)
        row.checked_at = now
    return {"blocked": len(seen.blocked)}


def _refused_by_account(
    runtime: Runtime, integration_id: int, account: AccountRef, reason: Reason
) -> Mapping[str, Any]:
    with runtime.sessions.begin() as session:
        row = _known(session, integration_id).get((account.remote_id, account.via))
        if row is not None:
            row.blocked, row.warnings = _reasons([reason]), []
            row.checked_at = runtime.clock()
    return {"blocked": 1, "reasons": _reasons([reason])}


def _known(session: Session, integration_id: int) -> dict[tuple[str, str], AdAccount]:
    rows = session.scalars(select(AdAccount).where(AdAccount.integration_id == integration_id))
    return {(row.remote_id, row.via): row for row in rows}


def _row(session: Session, integration_id: int, seen: SeenAccount) -> AdAccount:
    row = AdAccount(integration_id=integration_id, remote_id=seen.remote_id, via=seen.via)
    session.add(row)
    return row


def _describe(row: AdAccount, seen: SeenAccount, now: datetime) -> None:
    row.name, row.role, row.state = seen.name, seen.role, seen.state
    row.currency, row.time_zone = seen.currency, seen.time_zone
    row.seen_at, row.gone_at = now, None


def _list_says(row: AdAccount, seen: SeenAccount, now: datetime) -> None:
    """The list overrules a check only with a reason of its own, or when the check is old."""
    checked_lately = row.checked_at is not None and row.checked_at > now - CHECK_COUNTS_FOR
    if seen.blocked or not checked_lately:
        row.blocked, row.warnings = _reasons(seen.blocked), _reasons(seen.warnings)
        row.checked_at = row.checked_at if checked_lately else None


def _reasons(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    return [{"code": str(reason.code), "facts": dict(reason.facts)} for reason in reasons]


# -- audiences -------------------------------------------------------------------------------------------------


def _campaigns(runtime: Runtime, params: Params) -> Mapping[str, Any]:
    """Campaigns that use a sync's audience, read on the account the sync runs on, and kept on the sync with the time."""
    sync = _sync(runtime, params)
    found: Sequence[Any] = ()
    if sync.audience_id is not None:
        account, audience = _place(sync)
        connector = runtime.connector(sync.channel, asked=True)
        found = _with_token(
            runtime, sync.integration_id, lambda token: connector.campaigns_using(token, account, audience)
        )
    with runtime.sessions.begin() as session:
        row = session.get_one(Sync, sync.id, with_for_update=True)
        row.campaigns = [asdict(campaign) for campaign in found]
        row.campaigns_at = runtime.clock()
    return {"count": len(found)}


def _state(runtime: Runtime, params: Params) -> Mapping[str, Any]:
    """What the channel says of a sync's audience now, kept on the sync with the time."""
    sync = _sync(runtime, params)
    if sync.audience_id is None:
        return {"state": State.NOT_KNOWN.value}
    account, audience = _place(sync)
    connector = runtime.connector(sync.channel, asked=True)
    told = _with_token(runtime, sync.integration_id, lambda token: connector.audience_state(token, account, audience))
    with runtime.sessions.begin() as session:
        row = session.get_one(Sync, sync.id, with_for_update=True)
        row.audience_state, row.audience_raw = told.state.value, told.raw
        row.audience_figures = [asdict(figure) for figure in told.figures]
        row.audience_match_rate = told.match_rate
        row.audience_name = told.name or row.audience_name
        row.audience_seen_at = runtime.clock()
    return {"state": told.state.value}


def _sync(runtime: Runtime, params: Params) -> Sync:
    with runtime.sessions() as session:
        return session.get_one(Sync, int(params["sync"]))


def _place(sync: Sync) -> tuple[AccountRef, AudienceRef]:
    return AccountRef(sync.account_id, sync.account_via), AudienceRef(sync.audience_id or "", sync.audience_name or "")


# -- tokens ----------------------------------------------------------------------------------------------------


def _with_token(runtime: Runtime, integration_id: int, call: Callable[[Token], T]) -> T:
    """Calls with the sign-in's token; one that the channel refuses is renewed, and tried once more."""
    try:
        try:
            return call(_token(runtime, integration_id))
        except ReconnectNeeded as refused:
            if refused.code is not Code.SIGNIN_EXPIRED:
                raise
        return call(tokens.access(runtime, integration_id, renew=True))
    except ReconnectNeeded as dead:
        _mark(runtime, integration_id, dead)
        raise


def _mark(runtime: Runtime, integration_id: int, dead: ReconnectNeeded) -> None:
    """The overview says at once what the channel just said, before any sync suffers."""
    missing = dead.code is Code.SCOPE_MISSING
    state = SignInState.PERMISSION if missing else SignInState.RECONNECT
    with runtime.sessions.begin() as session:
        session.execute(
            update(Integration)
            .where(Integration.id == integration_id, Integration.state == SignInState.CONNECTED.value)
            .values(state=state.value, problem=dead.code.value)
        )


def _token(runtime: Runtime, integration_id: int) -> Token:
    with runtime.sessions() as session:
        integration = session.get_one(Integration, integration_id)
    if integration.state == SignInState.PENDING:
        # nothing runs on it yet, but its owner is shown what it would reach
        return Token(runtime.vault.open(integration.access_sealed or ""), integration.remote_id)
    return tokens.access(runtime, integration_id)


def _channel_of(runtime: Runtime, integration_id: int) -> str:
    with runtime.sessions() as session:
        return session.get_one(Integration, integration_id).channel


# -- warehouses ------------------------------------------------------------------------------------------------


def _own_connection(session: Session, actor: Actor, params: Params) -> None:
    actor.need(Right.EDIT_WAREHOUSES)
    connection = session.get(WarehouseConnection, params["connection"])
    if connection is None or connection.organization_id != actor.organization_id:
        raise Refused("There is no such warehouse in your organization.")


def _own_segment(session: Session, actor: Actor, params: Params) -> None:
    actor.need(Right.EDIT_DATA)
    segment = session.get(Segment, params["segment"])
    if segment is None or not belongs(session, actor, segment.workspace_id):
        raise Refused("There is no such segment in your workspaces.")


def _in_worker(name: str, of: str, module: str = "warehouse_reading") -> Callable[[Runtime, Params], Mapping[str, Any]]:
    """A function that is loaded when a worker needs it: pages do without the data path."""

    def answer(runtime: Runtime, params: Params) -> Mapping[str, Any]:
        loaded = import_module(f"segsync.actions.{module}")
        answered: Mapping[str, Any] = getattr(loaded, name)(runtime, int(params[of]))
        return answered

    return answer


# -- people ----------------------------------------------------------------------------------------------------


def _own_contact(session: Session, actor: Actor, params: Params) -> None:
    actor.need(Right.SEE_VALUES)
    contact = session.get(Contact, params["contact"])
    if contact is None or not belongs(session, actor, contact.workspace_id):
        raise Refused("There is no such contact in your workspaces.")


WAREHOUSE, WAREHOUSE_SEGMENT, WHERE = "warehouse", "warehouse segment", "where"
ACCOUNTS, CHECK, CAMPAIGNS, STATE = "accounts", "check", "campaigns", "state"

KINDS: Final[Mapping[str, Kind]] = {
    ACCOUNTS: Kind(_own_signin, _accounts),
    CHECK: Kind(_own_signin, _check),
    CAMPAIGNS: Kind(_own_sync, _campaigns),
    STATE: Kind(_own_sync, _state),
    WAREHOUSE: Kind(_own_connection, _in_worker("test", "connection")),
    WAREHOUSE_SEGMENT: Kind(_own_segment, _in_worker("look", "segment")),
    WHERE: Kind(_own_contact, _in_worker("find", "contact", "whereabouts_books")),
}
