"""Errors that a connector may raise, by who has to act. Sentences are written elsewhere, from code and facts.

ConnectorProblem
├── ReconnectNeeded    the person whose sign-in it is
├── AccessDenied       the ad account's admin
├── SegmentRefused     whoever owns the segment or sync
├── SetupNeeded        the operator of this installation
├── TryLater           nobody: the system waits (the only branch that is tried again)
└── UnexpectedReply    a developer

A problem never holds personal data, tokens or request bodies: facts are ids, names of settings, counts and times.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Code(StrEnum):
    """Every cause that a channel can give. Each has an entry in the product's catalogue."""

    # the person whose sign-in it is
    SIGNIN_EXPIRED = "signin.expired"
    SIGNIN_REVOKED = "signin.revoked"
    SIGNIN_CHECKPOINT = "signin.checkpoint"  # the channel wants the person to pass a check first
    SIGNIN_PASSWORD_CHANGED = "signin.password_changed"  # noqa: S105 - the name of a cause, not a password
    SIGNIN_TWO_STEP = "signin.two_step"
    SIGNIN_NO_ADS_USER = "signin.no_ads_user"  # this sign-in has no ads account at all
    SCOPE_MISSING = "signin.scope_missing"
    CONSENT_REFUSED = "signin.consent_refused"
    # the ad account's admin
    ACCOUNT_NO_ROLE = "account.no_role"
    ACCOUNT_VIEW_ONLY = "account.view_only"
    ACCOUNT_GONE = "account.gone"
    ACCOUNT_CLOSED = "account.closed"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_UNPAID = "account.unpaid"
    ACCOUNT_MANAGER = "account.manager"  # a manager account holds no audiences
    ACCOUNT_WRONG_MANAGER = "account.wrong_manager"
    ACCOUNT_NO_BUSINESS = "account.no_business"
    ACCOUNT_NOT_ELIGIBLE = "account.not_eligible"  # not allowed to use customer lists
    ACCOUNT_POLITICAL = "account.political"
    ACCOUNT_BLOCKED = "account.blocked"  # policy or abuse
    TERMS_NOT_ACCEPTED = "terms.not_accepted"
    TERMS_BUSINESS = "terms.business"
    # the segment's or sync's owner
    AUDIENCE_GONE = "audience.gone"
    AUDIENCE_EXPIRED = "audience.expired"
    AUDIENCE_CLOSED = "audience.closed"
    AUDIENCE_NAME = "audience.name"
    AUDIENCE_NOT_OURS = "audience.not_ours"
    AUDIENCE_FLAGGED = "audience.flagged"
    AUDIENCE_IN_USE = "audience.in_use"
    AUDIENCE_TOO_SMALL = "audience.too_small"
    AUDIENCE_LIMIT = "audience.limit"
    AUDIENCE_KIND = "audience.kind"
    AUDIENCE_FAILED = "audience.failed"
    REMOVAL_TOO_SMALL = "removal.too_small"
    # rows of a batch
    ROW_NO_IDENTIFIER = "row.no_identifier"
    ROW_BAD_FORMAT = "row.bad_format"
    ROW_NO_CONSENT = "row.no_consent"
    ROW_REFUSED = "row.refused"
    # the operator
    APP_WRONG = "app.wrong"
    APP_NOT_APPROVED = "app.not_approved"
    APP_DISABLED = "app.disabled"
    APP_VERSION = "app.version"
    APP_CLOCK = "app.clock"
    # the system waits
    RATE_LIMIT = "wait.rate_limit"
    DAILY_LIMIT = "wait.daily_limit"
    OUTAGE = "wait.outage"
    TIMEOUT = "wait.timeout"
    CONFLICT = "wait.conflict"
    TOO_NEW = "wait.too_new"
    LOCKED = "wait.locked"
    # a developer
    BAD_REQUEST = "bug.bad_request"
    UNEXPECTED = "bug.unexpected"


class ConnectorProblem(Exception):  # noqa: N818 - named for the reader, as the tree above shows
    """Something at the channel stands in the way."""

    def __init__(self, code: StrEnum, *, raw: str = "", reference: str = "", **facts: str) -> None:
        """`raw` is the channel's own code ('190/463'), `reference` its id of the call; both safe to show.

        `code` is a `Code`; whoever stands around a connector may have codes of its own.
        """
        super().__init__(code.value, raw, reference)
        self.code = code
        self.raw = raw
        self.reference = reference
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles with its facts."""
        return _rebuild, (type(self), self.code, self.raw, self.reference, self.facts, self.retry_after, self.limit)

    retry_after: timedelta | None = None
    limit: str = ""


class ReconnectNeeded(ConnectorProblem):
    """The person has to sign in again."""


class AccessDenied(ConnectorProblem):
    """The ad account's admin has to act."""


class SegmentRefused(ConnectorProblem):
    """The segment or its audience has to change."""


class SetupNeeded(ConnectorProblem):
    """The operator of this installation has to act."""


class TryLater(ConnectorProblem):
    """Goes on by itself. `retry_after` where the channel told when."""

    def __init__(
        self,
        code: StrEnum,
        *,
        retry_after: timedelta | None = None,
        limit: str = "",
        raw: str = "",
        reference: str = "",
        **facts: str,
    ) -> None:
        """As for every problem, when to try again, and the name of the limit that is used up, where the channel tells which."""
        super().__init__(code, raw=raw, reference=reference, **facts)
        self.retry_after = retry_after
        self.limit = limit


class UnexpectedReply(ConnectorProblem):
    """An answer that this version does not understand. Logged in full, never retried for ever."""


def _rebuild(  # noqa: PLR0913 - the parts of a problem
    kind: type[ConnectorProblem],
    code: StrEnum,
    raw: str,
    reference: str,
    facts: dict[str, str],
    retry_after: timedelta | None,
    limit: str = "",
) -> ConnectorProblem:
    problem = kind(code, raw=raw, reference=reference, **facts)
    problem.retry_after, problem.limit = retry_after, limit
    return problem
