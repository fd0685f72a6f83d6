"""LinkedIn's DMP segments as audiences: ad accounts, audiences, members, and the campaigns that use them.

LinkedIn has no idempotency keys, no member list and no replacing. So an audience is looked up by our marker
(`sourceSegmentId`) before and after every attempt to make one, and members go only as additions and removals.
Addresses by name: see `oauth.py`. `Application.version` is the API version (YYYYMM), `options["source_platform"]` the name
that LinkedIn gives an approved application, `options["pause_after_create"]` the seconds in which a new audience is left alone.
https://learn.microsoft.com/linkedin/marketing/matched-audiences/create-and-manage-segments
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

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
    Retire,
    Settlement,
    State,
    Token,
)
from connectors.limits import Usage, with_options
from connectors.linkedin import identifiers as expression
from connectors.linkedin.accounts import account_of, roles_of
from connectors.linkedin.audiences import campaigns_of, state_of, targeted_as
from connectors.linkedin.limits import LIMITS
from connectors.linkedin.members import PATHS, Element, deliver
from connectors.linkedin.oauth import ADS_SCOPE, SEGMENTS_SCOPE, granted
from connectors.linkedin.replies import content, reference
from connectors.linkedin.rest import Rest, encoded, made_id, query, urn
from connectors.problems import (
    AccessDenied,
    Code,
    ConnectorProblem,
    ReconnectNeeded,
    SegmentRefused,
    SetupNeeded,
    TryLater,
    UnexpectedReply,
)
from connectors.protocols import Words

if TYPE_CHECKING:
    import ibis.expr.types as ir

TYPES = {Kind.PEOPLE: "USER", Kind.COMPANIES: "COMPANY"}
SEGMENTS = "/dmpSegments"
ACCOUNTS = "/adAccounts"
USERS = "/adAccountUsers"
MINE = "q=authenticatedUser"
# LinkedIn asks for at least this many seconds between making an audience and its first members: what comes earlier
# may be lost without a word.
PAUSE = "5"
# "Could not find DMP segment" lasts one or two minutes after an audience is made.
TOO_NEW_WAIT = timedelta(seconds=60)
# Campaigns that may still serve somebody. https://learn.microsoft.com/linkedin/marketing/integrations/ads/account-structure/create-and-manage-campaigns
CAMPAIGNS = "q=search&search=(status:(values:List(ACTIVE,PAUSED,DRAFT)))&fields=id,name,status,targetingCriteria"


class LinkedInConnector:
    """The channel LinkedIn. One per worker."""

    capabilities = expression.CAPABILITIES

    def __init__(self, app: Application) -> None:
        """Opens nothing yet."""
        self._app = app
        self.limits = with_options(LIMITS, app.options)
        self._rest = Rest(app)

    def heard(self) -> Sequence[Usage]:
        """Nothing: it only refuses."""
        return ()

    def identifiers(self, members: ir.Table, kind: Kind, words: Words) -> ir.Table:
        """Members with the columns that LinkedIn takes."""
        return expression.identifiers(members, kind, words)

    # -- ad accounts -----------------------------------------------------------------------------------------------

    def ad_accounts(self, token: Token) -> Sequence[AdAccount]:
        """All ad accounts of the person, those that they may only view included."""
        roles = self._roles(token)
        found = self._rest.chained(token.access_token, ACCOUNTS, "q=search")
        return [account_of(account, roles) for account in found]

    def check_account(self, token: Token, account: AccountRef) -> AdAccount:
        """The ad account and the person's role in it, as they are now."""
        roles = self._roles(token)
        try:
            found = self._rest.read(token.access_token, f"{ACCOUNTS}/{account.remote_id}")
        except SegmentRefused as missing:
            raise AccessDenied(Code.ACCOUNT_GONE, raw=missing.raw, reference=missing.reference) from None
        return account_of(found, roles)

    def _roles(self, token: Token) -> dict[str, str]:
        try:
            return roles_of(self._rest.numbered(token.access_token, USERS, MINE))
        except AccessDenied as denied:
            # One's own roles need no role, so it is the scope or the application.
            raise self._without_scope(token, ADS_SCOPE, denied) from None

    # -- audiences -------------------------------------------------------------------------------------------------

    def find_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef | None:
        """The audience whose `sourceSegmentId` is our marker."""
        search = query(
            q="account",
            account=encoded(urn("sponsoredAccount", account.remote_id)),
            sourceSegmentId=encoded(spec.marker),
            sourcePlatform=encoded(self._platform()),
        )
        with_marker = (
            # Should LinkedIn ignore the filter, everybody's audiences come: only ours is taken.
            segment
            for segment in self._listed(token, account, search)
            if segment.get("sourceSegmentId") == spec.marker
        )
        found = next(with_marker, None)
        if found is None:
            return None
        if found.get("type", TYPES[spec.kind]) != TYPES[spec.kind]:
            raise SegmentRefused(Code.AUDIENCE_KIND, audience=str(found["id"]))
        return AudienceRef(str(found["id"]), str(found.get("name", "")))

    def create_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef:
        """Makes the audience unless it is there. An expired one holds nobody and takes nobody: a new one takes its place."""
        found = self.find_audience(token, account, spec)
        if found is not None and self.audience_state(token, account, found).state is not State.EXPIRED:
            return found
        if found is not None:
            self.retire(token, account, found, Retire.DELETE)
        try:
            made = self._create(token, account, spec, spec.name)
        except SegmentRefused as refusal:
            if refusal.code is not Code.AUDIENCE_NAME:
                raise
            made = self._create(token, account, spec, spec.fallback_name)
        # The vendor asks for it once per audience; the first batch would otherwise be lost unnoticed.
        time.sleep(float(self._app.options.get("pause_after_create", PAUSE)))
        return made

    def _create(self, token: Token, account: AccountRef, spec: AudienceSpec, name: str) -> AudienceRef:
        body = {
            "name": name,
            "description": spec.description,
            "account": urn("sponsoredAccount", account.remote_id),
            "type": TYPES[spec.kind],
            "sourcePlatform": self._platform(),
            "sourceSegmentId": spec.marker,
            "destinations": [{"destination": "LINKEDIN"}],
            "accessPolicy": "PRIVATE",
        }
        try:
            made = made_id(self._call(token, account, "POST", SEGMENTS, body=body))
        except (TryLater, UnexpectedReply):
            # It may have been made although no usable answer came, or somebody else was quicker.
            found = self.find_audience(token, account, spec)
            if found is None:
                raise
            return AudienceRef(found.remote_id, found.name, created=True)
        if not made:
            raise UnexpectedReply(Code.UNEXPECTED, raw="201/x-restli-id")
        return AudienceRef(made, name, created=True)

    def rename_audience(self, token: Token, account: AccountRef, audience: AudienceRef, name: str) -> None:
        """Gives it another name."""
        body = {"patch": {"$set": {"name": name}}}
        self._on(token, account, audience, "POST", body=body, action="PARTIAL_UPDATE")

    def audience_state(self, token: Token, account: AccountRef, audience: AudienceRef) -> AudienceState:
        """Status and sizes of its LinkedIn destination."""
        try:
            return state_of(self._segment(token, account, audience), datetime.now(UTC))
        except SegmentRefused as missing:
            if missing.code is not Code.AUDIENCE_GONE:
                raise
            return AudienceState(State.GONE, raw=missing.raw)
        except TryLater as new:
            if new.code is not Code.TOO_NEW:
                raise
            return AudienceState(State.BUILDING, raw=new.raw, name=audience.name)

    def campaigns_using(self, token: Token, account: AccountRef, audience: AudienceRef) -> Sequence[Campaign]:
        """Campaigns whose targeting names the ad segment that LinkedIn derives from the audience."""
        names = targeted_as(self._segment(token, account, audience))
        path = f"{ACCOUNTS}/{account.remote_id}/adCampaigns"
        return campaigns_of(self._rest.chained(token.access_token, path, CAMPAIGNS), names)

    def retire(self, token: Token, account: AccountRef, audience: AudienceRef, how: Retire) -> None:
        """Leaves or deletes it. Raises ValueError for what the capabilities do not name."""
        if how not in self.capabilities.retire:
            raise ValueError(f"LinkedIn cannot {how.value} an audience")
        if how is Retire.LEAVE:
            return
        try:
            self._on(token, account, audience, "DELETE")
        except SegmentRefused as missing:
            if missing.code is not Code.AUDIENCE_GONE:
                raise

    # -- members ---------------------------------------------------------------------------------------------------

    def push(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> PushResult:
        """Sends one batch; the answer is final."""

        def send(elements: Sequence[Element]) -> requests.Response:
            body = {"elements": list(elements)}
            return self._on(token, account, audience, "POST", PATHS[batch.kind], body=body, action="BATCH_CREATE")

        return deliver(batch, send, self._app.request_seconds)

    def settle(self, token: Token, account: AccountRef, receipts: Sequence[str]) -> Sequence[Settlement]:
        """Nothing comes later at LinkedIn."""
        del token, account
        return [Settlement(receipt, final=True) for receipt in receipts]

    def erase(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> Erased:
        """Takes people out of this audience; LinkedIn has nothing that reaches further."""
        result = self.push(token, account, audience, batch)
        return Erased(not result.refused, result.reference, result.receipt)

    # -- calls -----------------------------------------------------------------------------------------------------

    def _platform(self) -> str:
        platform = self._app.options.get("source_platform", "")
        if not platform:
            raise SetupNeeded(Code.APP_WRONG, setting="source_platform")
        return platform

    def _listed(self, token: Token, account: AccountRef, search: str) -> list[dict[str, Any]]:
        try:
            return list(self._rest.numbered(token.access_token, SEGMENTS, search))
        except AccessDenied as denied:
            raise self._why_denied(token, account, denied) from None

    def _call(self, token: Token, account: AccountRef, method: str, path: str, **more: Any) -> requests.Response:
        try:
            return self._rest.call(token.access_token, method, path, **more)
        except AccessDenied as denied:
            raise self._why_denied(token, account, denied) from None

    def _on(
        self, token: Token, account: AccountRef, audience: AudienceRef, method: str, part: str = "", **more: Any
    ) -> requests.Response:
        """A call on one audience, or on a part of it. A 404 is told apart: gone, or too new to be found."""
        path = "/".join(filter(None, (SEGMENTS, audience.remote_id, part)))
        try:
            return self._call(token, account, method, path, **more)
        except SegmentRefused as missing:
            if missing.code is Code.AUDIENCE_GONE and self._is_listed(token, account, audience):
                raise TryLater(
                    Code.TOO_NEW, retry_after=TOO_NEW_WAIT, raw=missing.raw, reference=missing.reference
                ) from None
            raise

    def _segment(self, token: Token, account: AccountRef, audience: AudienceRef) -> dict[str, Any]:
        reply = self._on(token, account, audience, "GET")
        told = content(reply)
        if not told:
            raise UnexpectedReply(Code.UNEXPECTED, raw=str(reply.status_code), reference=reference(reply))
        return told

    def _is_listed(self, token: Token, account: AccountRef, audience: AudienceRef) -> bool:
        """Whether the ad account's list has it: a new audience stands there before it can be found by its id."""
        search = query(q="account", account=encoded(urn("sponsoredAccount", account.remote_id)))
        return any(str(segment.get("id")) == audience.remote_id for segment in self._listed(token, account, search))

    def _why_denied(self, token: Token, account: AccountRef, denied: AccessDenied) -> ConnectorProblem:
        """LinkedIn's 403 does not tell which of role, scope and approval is missing. So they are looked at."""
        now = self.check_account(token, account)
        if now.blocked:
            return AccessDenied(Code(now.blocked[0].code), raw=denied.raw, reference=denied.reference)
        return self._without_scope(token, SEGMENTS_SCOPE, denied)

    def _without_scope(self, token: Token, scope: str, denied: AccessDenied) -> ConnectorProblem:
        if scope not in granted(self._app, token.access_token):
            return ReconnectNeeded(Code.SCOPE_MISSING, raw=denied.raw, reference=denied.reference, scope=scope)
        return SetupNeeded(Code.APP_NOT_APPROVED, raw=denied.raw, reference=denied.reference)
