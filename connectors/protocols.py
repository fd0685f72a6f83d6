"""What a channel does: the sign-in, the vocabulary of its identifiers, and the connector itself.

A connector keeps no state, reads no settings and touches no database: everything arrives as an argument.
It is given access tokens, never refresh tokens. Problems are raised as `connectors.problems.ConnectorProblem`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from connectors.contract import (
    AccountRef,
    AdAccount,
    Application,
    AudienceRef,
    AudienceSpec,
    AudienceState,
    Batch,
    Campaign,
    Capabilities,
    Erased,
    Identity,
    Kind,
    PushResult,
    Retire,
    Settlement,
    Token,
    Tokens,
)
from connectors.limits import Limit, Usage

if TYPE_CHECKING:
    import ibis.expr.types as ir


class OAuth(Protocol):
    """The sign-in of one channel: plain HTTP, safe to import in a web process. Implemented by each `oauth.py`."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Permissions asked for. Those in `needed` must be granted."""

    @property
    def needed(self) -> Mapping[str, str]:
        """Permission that must be granted -> what it is for, in a marketer's words."""

    @property
    def pkce(self) -> bool:
        """Whether the channel offers PKCE."""

    def authorize_url(self, app: Application, redirect_uri: str, state: str, verifier: str) -> str:
        """The address of the channel's consent page."""

    def exchange_code(self, app: Application, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """Turns the code of the return into tokens. Raises ReconnectNeeded, SetupNeeded, TryLater."""

    def refresh(self, app: Application, tokens: Tokens) -> Tokens:
        """New tokens for old ones (Meta: exchanges the access token). Raises ReconnectNeeded when the channel refuses."""

    def revoke(self, app: Application, tokens: Tokens) -> None:
        """Ends the sign-in at the channel where the channel offers that; a token already dead is no error."""

    def whoami(self, app: Application, access_token: str) -> Identity:
        """Who this token belongs to and which permissions it has. Raises ReconnectNeeded when it is dead."""

    def refresh_at(self, tokens: Tokens) -> datetime | None:
        """When the access token should be renewed without anybody's help; None where it cannot be or need not."""

    def must_act_by(self, tokens: Tokens) -> datetime | None:
        """The day a person must sign in again; None where the channel sets none."""


class Words(Protocol):
    """The vocabulary of identifier expressions: each word is one built-in of every engine announced."""

    def sha256_hex(self, text: ir.StringValue) -> ir.StringValue:
        """SHA-256 of the UTF-8 bytes, lower-case hex; null stays null."""

    def lower(self, text: ir.StringValue) -> ir.StringValue:
        """Lower case of every letter, also outside ASCII."""

    def upper(self, text: ir.StringValue) -> ir.StringValue:
        """Upper case."""

    def strip(self, text: ir.StringValue) -> ir.StringValue:
        """Without spaces at both ends."""

    def delete_chars(self, text: ir.StringValue, chars: str) -> ir.StringValue:
        """Without any of these characters (the built-in `translate`)."""

    def keep_only(self, text: ir.StringValue, character_class: str) -> ir.StringValue:
        """Without anything outside this regular-expression class, e.g. 'a-z0-9'."""

    def before(self, text: ir.StringValue, mark: str) -> ir.StringValue:
        """What stands before the first occurrence of `mark`; everything where there is none."""

    def after(self, text: ir.StringValue, mark: str) -> ir.StringValue:
        """What stands after the first occurrence of `mark`; '' where there is none."""

    def replace(self, text: ir.StringValue, old: str, new: str) -> ir.StringValue:
        """Every occurrence replaced."""

    def left(self, text: ir.StringValue, length: int) -> ir.StringValue:
        """The first characters."""

    def middle(self, text: ir.StringValue, start: int, length: int) -> ir.StringValue:
        """`length` characters from position `start`, counted from 0."""

    def blank_to_null(self, text: ir.StringValue) -> ir.StringValue:
        """Null where the text is ''."""


class Connector(Protocol):
    """One channel. Every implementation passes the contract suite against its simulator."""

    @property
    def capabilities(self) -> Capabilities:
        """What the channel can do."""

    @property
    def limits(self) -> Sequence[Limit]:
        """Scopes and cost per call, for the shared limiter. A refusal names one of them where the channel tells which."""

    def heard(self) -> Sequence[Usage]:
        """What the answers since the last time, good or not, tell of these limits; asked after every call."""

    def identifiers(self, members: ir.Table, kind: Kind, words: Words) -> ir.Table:
        """Members as this channel takes them.

        `members` has the standard contact fields of the shape as strings in canonical form (see `segsync.rules.cleaning`:
        e-mail lower-cased and valid, phone in E.164, country upper-case ISO alpha-2, birth_date YYYY-MM-DD, gender
        female/male, null where empty) and any other columns.
        Returns the same rows with all other columns kept and the shape's columns added, null where nothing is sent.
        """

    def ad_accounts(self, token: Token) -> Sequence[AdAccount]:
        """The ad accounts that this sign-in sees, each with why it cannot be used. Raises any ConnectorProblem."""

    def check_account(self, token: Token, account: AccountRef) -> AdAccount:
        """The same for one account, live, with terms and roles looked at. Raises any ConnectorProblem."""

    def find_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef | None:
        """The audience that carries our marker, or None. Never one that only has the same name."""

    def create_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef:
        """Finds by our marker or creates; calling twice is harmless. Takes `fallback_name` where the name is taken."""

    def rename_audience(self, token: Token, account: AccountRef, audience: AudienceRef, name: str) -> None:
        """Gives it another name."""

    def push(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> PushResult:
        """Sends one batch in the fewest requests. Safe to repeat. Raises any ConnectorProblem when nothing is known to be applied."""

    def settle(self, token: Token, account: AccountRef, receipts: Sequence[str]) -> Sequence[Settlement]:
        """Later results, same order, one for each receipt; of the first ones only where something stops it there."""

    def audience_state(self, token: Token, account: AccountRef, audience: AudienceRef) -> AudienceState:
        """What the channel says of it. State GONE where it was deleted there; lost access raises AccessDenied instead."""

    def campaigns_using(self, token: Token, account: AccountRef, audience: AudienceRef) -> Sequence[Campaign]:
        """Campaigns that include or exclude it. Raises any ConnectorProblem."""

    def retire(self, token: Token, account: AccountRef, audience: AudienceRef, how: Retire) -> None:
        """Leaves, empties or deletes it. An audience that is gone already is no error."""

    def erase(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> Erased:
        """Takes people out of everything in the ad account, where the channel can; else out of this audience."""
