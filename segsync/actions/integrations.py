"""A person's own sign-in at a channel: begun, and come back from. What changes or ends one is in `integration_changes`.

The return calls the channel directly, with plain requests and with no transaction open. Everything else at a channel is asked
through `asks`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from psycopg.errors import DeadlockDetected
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connectors.contract import Identity, Tokens
from connectors.problems import Code, ConnectorProblem
from connectors.registry import CHANNELS
from segsync.actions import tokens as signin_tokens
from segsync.actions.actor import Actor, Refused, acting_person
from segsync.actions.audit import Subject, record
from segsync.actions.revocation import Grant, grant_of, revoke
from segsync.actions.waiting import resume_waiting
from segsync.models import Integration, OAuthFlow, Person, Sync
from segsync.rules.rights import Right
from segsync.rules.terms import SignInState
from segsync.runtime import Runtime

T = TypeVar("T")

FLOW_LASTS = timedelta(minutes=10)
LIVE = (SignInState.CONNECTED.value, SignInState.RECONNECT.value, SignInState.PERMISSION.value)


@dataclass(frozen=True)
class Return:
    """What came of a return: the integration, and what the person should know."""

    integration: Integration
    return_to: str
    pending: bool = False
    """Another sign-in than before: nothing has moved, the person decides on a page."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Permissions that were not given -> what each is for. Then nothing runs on it."""
    colleague: str = ""
    """Who in the organization connected the same sign-in already."""
    resumed: Sequence[int] = ()
    """Runs to wake after the commit."""
    given_up: Sequence[Grant] = field(default=(), repr=False)
    """What to revoke at the channel after the commit."""


# -- there and back --------------------------------------------------------------------------------------------


def begin(runtime: Runtime, session: Session, actor: Actor, channel: str, return_to: str) -> str:
    """The address of the channel's consent page; the caller commits, then sends the person there. Raises Refused."""
    actor.need(Right.CONNECT)
    person = acting_person(session, actor)
    label = label_of(channel)
    app = runtime.application(channel)
    if not app.client_id:
        raise Refused(
            f"{label} is not set up in this installation. Whoever runs it registers the application once and enters it in the settings."
        )
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    session.add(
        OAuthFlow(
            state_digest=_digest(state),
            person_id=person.id,
            channel=channel,
            verifier_sealed=runtime.vault.seal(verifier),
            return_to=return_to,
            created_at=runtime.clock(),
        )
    )
    return runtime.oauth(channel).authorize_url(app, redirect_uri(runtime, channel), state, verifier)


def redirect_uri(runtime: Runtime, channel: str) -> str:
    """Where the channel sends people back to; registered at the channel by the operator."""
    return f"{runtime.settings.address}/integrations/{channel}/callback"


def come_back(runtime: Runtime, actor: Actor, channel: str, query: Mapping[str, str]) -> Return:
    """The return from the consent page. Commits by itself, because the channel is called in between.

    Raises Refused, in a sentence, for a return that is not ours, too late or used, for a refused consent, and for what the channel says.
    """
    actor.need(Right.CONNECT)
    flow = _claim_flow(runtime, actor, channel, query.get("state", ""))
    _consented(channel, query)
    new, identity = _ask_channel(runtime, flow, query["code"])
    came = once_more(runtime, lambda session: _keep(runtime, session, actor, flow, (new, identity)))
    revoke(runtime, came.given_up)
    return came


def once_more(runtime: Runtime, deed: Callable[[Session], T]) -> T:
    """Does it in a transaction of its own, once more where the database ended it to free others: a return counts only once."""
    try:
        with runtime.sessions.begin() as session:
            return deed(session)
    except OperationalError as problem:
        if not isinstance(problem.orig, DeadlockDetected):
            raise
    with runtime.sessions.begin() as session:
        return deed(session)


def _claim_flow(runtime: Runtime, actor: Actor, channel: str, state: str) -> OAuthFlow:
    """Uses the flow up: a state counts once, for the person and channel it was made for, for ten minutes."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        flow: OAuthFlow | None = session.scalar(
            update(OAuthFlow)
            .where(
                OAuthFlow.state_digest == _digest(state),
                OAuthFlow.person_id == actor.person_id,
                OAuthFlow.channel == channel,
                OAuthFlow.used_at.is_(None),
                OAuthFlow.created_at > now - FLOW_LASTS,
            )
            .values(used_at=now)
            .returning(OAuthFlow)
        )
    if flow is None:
        raise Refused(
            f"This return from {label_of(channel)} does not belong to a sign-in that you began here in the last ten minutes. "
            "Nothing was connected.",
            link=again(channel),
        )
    return flow


def _consented(channel: str, query: Mapping[str, str]) -> None:
    label = label_of(channel)
    if query.get("error"):
        raise Refused(
            f"You did not allow it at {label}, so nothing was connected and nothing was changed.", link=again(channel)
        )
    if not query.get("code"):
        raise Refused(f"{label} sent you back without an answer. Nothing was connected.", link=again(channel))


def _ask_channel(runtime: Runtime, flow: OAuthFlow, code: str) -> tuple[Tokens, Identity]:
    oauth, app = runtime.oauth(flow.channel), runtime.application(flow.channel)
    verifier = runtime.vault.open(flow.verifier_sealed)
    try:
        new = oauth.exchange_code(app, redirect_uri(runtime, flow.channel), code, verifier)
        return new, oauth.whoami(app, new.access_token)
    except ConnectorProblem as problem:
        raise Refused(_not_connected(flow.channel, problem), link=again(flow.channel)) from None


def _not_connected(channel: str, problem: ConnectorProblem) -> str:
    label = label_of(channel)
    said = f" ({label} says {problem.raw})" if problem.raw else ""
    if problem.code in {Code.OUTAGE, Code.TIMEOUT, Code.RATE_LIMIT}:
        return f"{label} does not answer just now{said}. Nothing was connected; try again in a few minutes."
    if problem.code.value.startswith("app."):
        return f"{label} does not accept this installation's application{said}. Tell whoever runs it. Nothing was connected."
    return f"{label} did not accept the sign-in{said}. Nothing was connected."


# -- keeping it ------------------------------------------------------------------------------------------------


def _keep(
    runtime: Runtime, session: Session, actor: Actor, flow: OAuthFlow, signed_in: tuple[Tokens, Identity]
) -> Return:
    new, identity = signed_in
    before = previous(session, flow.person_id, flow.channel)
    needed = runtime.oauth(flow.channel).needed
    missing = {scope: why for scope, why in needed.items() if scope not in (identity.scopes or new.scopes)}
    colleague = colleague_of(session, actor, flow.channel, identity.remote_id)
    other = before is not None and before.remote_id != identity.remote_id
    if missing and before is not None and (other or before.state == SignInState.CONNECTED):
        # what works is not given up for less, and what is not kept is not left open at the channel
        unkept = [Grant(flow.channel, identity.remote_id, new)]
        return Return(before, flow.return_to, missing=missing, colleague=colleague, given_up=unkept)
    if other:
        older = _end_pending(runtime, session, flow)
        pending = _pend(runtime, session, flow, signed_in)
        return Return(pending, flow.return_to, pending=True, colleague=colleague, given_up=older)
    integration = _write(runtime, session, before or _blank(runtime, session, flow, identity), signed_in)
    connect(integration, missing=bool(missing))
    event = "integration.connect" if before is None else "integration.reconnect"
    record(session, actor, event, subject(integration), change=({}, {"state": integration.state}))
    resumed = [] if missing else resume_waiting(runtime, session, integration)
    return Return(integration, flow.return_to, missing=missing, colleague=colleague, resumed=resumed)


def previous(session: Session, person_id: int, channel: str) -> Integration | None:
    """The person's sign-in at a channel before this one: the live one, else the last one that syncs still stand on.

    Locked so that a run which ends may still name it in an alert: it holds its sync, which is wanted here next.
    """
    own = (Integration.person_id == person_id, Integration.channel == channel)
    live = session.scalar(select(Integration).where(*own, Integration.state.in_(LIVE)).with_for_update(key_share=True))
    if live is not None:
        return live
    ended = select(Integration).where(*own, Integration.state == SignInState.DISCONNECTED.value, _has_syncs())
    return session.scalars(ended.order_by(Integration.id.desc()).limit(1).with_for_update(key_share=True)).first()


def _has_syncs() -> ColumnElement[bool]:
    return select(Sync.id).where(Sync.integration_id == Integration.id, Sync.deleted_at.is_(None)).exists()


def _blank(runtime: Runtime, session: Session, flow: OAuthFlow, identity: Identity) -> Integration:
    person = session.get_one(Person, flow.person_id)
    integration = Integration(
        organization_id=person.organization_id,
        person_id=person.id,
        channel=flow.channel,
        remote_id=identity.remote_id,
        name=identity.name,
        state=SignInState.CONNECTED.value,
        connected_at=runtime.clock(),
    )
    session.add(integration)
    return integration


def _write(
    runtime: Runtime, session: Session, integration: Integration, signed_in: tuple[Tokens, Identity]
) -> Integration:
    new, identity = signed_in
    signin_tokens.store(runtime, integration, new)
    integration.name = identity.name or integration.name
    integration.scopes = sorted(identity.scopes or new.scopes)
    integration.connected_at = runtime.clock()
    integration.refresh_lease_until = None
    # whoever renews the token before this one must not store over it
    integration.refresh_fence = (integration.refresh_fence or 0) + 1
    session.flush()
    return integration


def connect(integration: Integration, *, missing: bool) -> None:
    """In working order, or short of a permission."""
    integration.state = (SignInState.PERMISSION if missing else SignInState.CONNECTED).value
    integration.problem = Code.SCOPE_MISSING.value if missing else None
    integration.disconnected_at = None


def _end_pending(runtime: Runtime, session: Session, flow: OAuthFlow) -> list[Grant]:
    """Earlier sign-ins that still waited for a decision give way to this one."""
    given_up: list[Grant] = []
    for older in pending_of(session, flow.person_id, flow.channel):
        given_up += grant_of(runtime, older)
        end(runtime, older)
    return given_up


def _pend(runtime: Runtime, session: Session, flow: OAuthFlow, signed_in: tuple[Tokens, Identity]) -> Integration:
    integration = _blank(runtime, session, flow, signed_in[1])
    integration.state = SignInState.PENDING.value
    return _write(runtime, session, integration, signed_in)


def pending_of(session: Session, person_id: int, channel: str) -> Sequence[Integration]:
    """Sign-ins of a person that wait for their word, newest first."""
    wanted = select(Integration).where(
        Integration.person_id == person_id,
        Integration.channel == channel,
        Integration.state == SignInState.PENDING.value,
    )
    return session.scalars(wanted.order_by(Integration.id.desc())).all()


def colleague_of(session: Session, actor: Actor, channel: str, remote_id: str) -> str:
    """Who else of the organization has the same sign-in connected; '' where nobody has."""
    name = session.scalar(
        select(Person.name)
        .join(Integration, Integration.person_id == Person.id)
        .where(
            Integration.organization_id == actor.organization_id,
            Integration.channel == channel,
            Integration.remote_id == remote_id,
            Integration.person_id != actor.person_id,
            Integration.state.in_(LIVE),
        )
        .order_by(Person.name)
        .limit(1)
    )
    return name or ""


def end(runtime: Runtime, integration: Integration) -> None:
    """Forgets the tokens: nothing can be done with this sign-in any more."""
    integration.state = SignInState.DISCONNECTED.value
    integration.disconnected_at = runtime.clock()
    integration.access_sealed = integration.refresh_sealed = None
    integration.refresh_at = integration.must_act_by = None
    integration.refresh_fence = (integration.refresh_fence or 0) + 1


def subject(integration: Integration) -> Subject:
    """The sign-in as the audit trail names it: by channel, not by the address it belongs to."""
    return Subject("integration", integration.id, label_of(integration.channel))


def label_of(channel: str) -> str:
    """The channel's name as people know it. Raises Refused for none of ours."""
    if channel not in CHANNELS:
        raise Refused("There is no such channel.", link=("Integrations", "/integrations"))
    return CHANNELS[channel].capabilities.label


def again(channel: str) -> tuple[str, str]:
    """Where to try once more."""
    return f"Connect {label_of(channel)} again", f"/integrations/{channel}/connect"


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
