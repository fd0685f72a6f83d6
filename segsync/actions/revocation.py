"""Ends our access at a channel when a sign-in is given up here, unless the same sign-in is in use elsewhere in the installation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from connectors.contract import Tokens
from connectors.problems import ConnectorProblem
from connectors.registry import CHANNELS
from segsync.actions import tokens as signin_tokens
from segsync.models import Integration
from segsync.rules.terms import SignInState
from segsync.runtime import Runtime


@dataclass(frozen=True)
class Grant:
    """What was given up: told to the channel after the commit. Not shown, because it holds tokens."""

    channel: str
    remote_id: str
    tokens: Tokens


def grant_of(runtime: Runtime, integration: Integration) -> list[Grant]:
    """The grant behind a sign-in that is about to be forgotten; none where it holds no token."""
    if not integration.access_sealed:
        return []
    return [Grant(integration.channel, integration.remote_id, signin_tokens.opened(runtime, integration))]


def revoke(runtime: Runtime, grants: Iterable[Grant]) -> list[str]:
    """Tells the channels, with no transaction open. Returns a sentence for each grant that says what became of it."""
    return [_told(runtime, grant) for grant in grants]


def _told(runtime: Runtime, grant: Grant) -> str:
    label = CHANNELS[grant.channel].capabilities.label
    if _in_use(runtime, grant):
        return (
            f"The same sign-in is also used elsewhere in this installation, so {label} was not told: that use goes on. "
            f"Our access is forgotten here."
        )
    try:
        runtime.oauth(grant.channel).revoke(runtime.application(grant.channel), grant.tokens)
    except ConnectorProblem as problem:
        said = f" ({problem.raw})" if problem.raw else ""
        return f"{label} could not be told{said}. Our access is forgotten here; you can also remove it in your {label} settings."
    return f"Our access to {label} is ended and forgotten."


def _in_use(runtime: Runtime, grant: Grant) -> bool:
    """A channel ends all that one account gave to our application, so every organization counts; none is named."""
    with runtime.sessions() as session:
        used = session.scalar(
            select(Integration.id)
            .where(
                Integration.channel == grant.channel,
                Integration.remote_id == grant.remote_id,
                Integration.state != SignInState.DISCONNECTED.value,
                Integration.access_sealed.is_not(None),
            )
            .limit(1)
        )
    return used is not None
