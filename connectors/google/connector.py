"""Google: accounts and campaigns through the Google Ads API, audiences and members through the Data Manager API.

Loaded by workers only: importing it imports Google's client library. Nothing is opened before the first call.
Addresses by name in `Application.bases`: `ads`, `datamanager`, `userinfo`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.contract import (
    AccountRef,
    AdAccount,
    Application,
    AudienceRef,
    AudienceSpec,
    AudienceState,
    Batch,
    Campaign,
    Erased,
    Kind,
    PushResult,
    Reason,
    Retire,
    Settlement,
    Token,
)
from connectors.google import accounts, identifiers, members
from connectors.google.ads import Ads
from connectors.google.audiences import Audiences
from connectors.google.data_manager import DataManager
from connectors.google.limits import LIMITS
from connectors.google.oauth import GoogleOAuth
from connectors.limits import Usage, with_options
from connectors.problems import AccessDenied, Code, ReconnectNeeded, SegmentRefused, UnexpectedReply
from connectors.protocols import Words

if TYPE_CHECKING:
    import ibis.expr.types as ir


class GoogleConnector:
    """The Google channel."""

    capabilities = identifiers.CAPABILITIES

    def __init__(self, app: Application) -> None:
        self._app = app
        self.limits = with_options(LIMITS, app.options)
        self._oauth = GoogleOAuth()
        self._ads = Ads(app)
        self._manager = DataManager(app)
        self._audiences = Audiences(self._manager)

    def heard(self) -> Sequence[Usage]:
        """Nothing: it only refuses."""
        return ()

    def identifiers(self, members: ir.Table, kind: Kind, words: Words) -> ir.Table:  # noqa: ARG002 - people only
        """Members as Google takes them."""
        return identifiers.identifiers(members, words)

    def ad_accounts(self, token: Token) -> Sequence[AdAccount]:
        """Every account this sign-in reaches, itself or through managers of any depth."""
        return accounts.listed(self._ads, token.access_token, self._email(token))

    def check_account(self, token: Token, account: AccountRef) -> AdAccount:
        """One account, live. Data Manager is asked too whether a list could be made there, without making it."""
        found = accounts.checked(self._ads, token.access_token, account, self._email(token))
        return found if found.blocked else self._tried_out(token, account, found)

    def _tried_out(self, token: Token, account: AccountRef, found: AdAccount) -> AdAccount:
        name = f"segsync check {account.remote_id}"
        trial = AudienceSpec(name, name, name, "Never made: only asks whether it could be.", Kind.PEOPLE)
        try:
            self._audiences.try_out(token.access_token, account, trial)
        except AccessDenied as denied:
            return replace(found, blocked=(Reason(denied.code, {"account": account.remote_id, **denied.facts}),))
        except (SegmentRefused, UnexpectedReply):
            return found  # says something about the trial, nothing about the account
        return found

    def _email(self, token: Token) -> str:
        """Google Ads knows people by their address only; without the permission to see it, roles stay unknown."""
        try:
            return str(self._oauth.person(self._app, token.access_token).get("email", ""))
        except ReconnectNeeded as problem:
            if problem.code is Code.SCOPE_MISSING:
                return ""
            raise

    def find_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef | None:
        """The list that carries our marker, or None."""
        return self._audiences.find(token.access_token, account, spec)

    def create_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef:
        """Finds the list by our marker or makes it."""
        return self._audiences.create(token.access_token, account, spec)

    def rename_audience(self, token: Token, account: AccountRef, audience: AudienceRef, name: str) -> None:
        """Gives the list another name."""
        self._audiences.rename(token.access_token, account, audience, name)

    def push(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> PushResult:
        """Sends one batch. Adding somebody again only renews the membership, so repeating is safe."""
        return members.push(self._manager, token.access_token, account, audience, batch)

    def settle(self, token: Token, account: AccountRef, receipts: Sequence[str]) -> Sequence[Settlement]:  # noqa: ARG002
        """Later results, one request for each receipt."""
        return [members.settled(self._manager, token.access_token, receipt) for receipt in receipts]

    def audience_state(self, token: Token, account: AccountRef, audience: AudienceRef) -> AudienceState:
        """What Google says of the list."""
        return self._audiences.state(token.access_token, account, audience)

    def campaigns_using(self, token: Token, account: AccountRef, audience: AudienceRef) -> Sequence[Campaign]:
        """Campaigns and ad groups that include or exclude the list."""
        return accounts.using(self._ads, token.access_token, account, audience)

    def retire(self, token: Token, account: AccountRef, audience: AudienceRef, how: Retire) -> None:
        """Leaves, empties or deletes the list."""
        self._audiences.retire(token.access_token, account, audience, how)

    def erase(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> Erased:
        """Takes people out of this list: Google has no call that does it for a whole ad account."""
        result = self.push(token, account, audience, batch)
        return Erased(not result.refused, result.reference, result.receipt)
