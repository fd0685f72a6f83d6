"""Meta: audiences and their members through the Graph API, with the vendor's own SDK.

Base: "graph" (https://graph.facebook.com). Option "body": "json" (the default) or "form", how member batches are written.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount as GraphAccount
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.customaudience import CustomAudience
from facebook_business.adobjects.user import User
from facebook_business.api import Cursor

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
    Kind,
    PushResult,
    Retire,
    Settlement,
    State,
    Token,
)
from connectors.limits import Usage, with_options
from connectors.meta import accounts, audiences, members
from connectors.meta.graph import Graph, everything
from connectors.meta.identifiers import CAPABILITIES, identifiers
from connectors.meta.limits import LIMITS
from connectors.problems import AccessDenied, Code, ConnectorProblem, SegmentRefused

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from connectors.protocols import Words

PAGE = 50
FEW = 20
MOST_AUDIENCES = 500
# Where an ad is or may soon be shown. What is archived or deleted needs no warning.
LIVE = ["ACTIVE", "PAUSED", "CAMPAIGN_PAUSED", "ADSET_PAUSED", "PENDING_REVIEW", "IN_PROCESS", "WITH_ISSUES"]
LIVE_SETS = ["ACTIVE", "PAUSED", "CAMPAIGN_PAUSED", "IN_PROCESS", "WITH_ISSUES"]
LOST = frozenset({Code.ACCOUNT_VIEW_ONLY, Code.ACCOUNT_CLOSED, Code.ACCOUNT_DISABLED})
USED_BY = "campaign{id,name,effective_status}"


class MetaConnector:
    """`connectors.protocols.Connector` for Meta."""

    capabilities: Capabilities = CAPABILITIES

    def __init__(self, app: Application) -> None:
        """Opens no connection yet."""
        self._graph = Graph(app)
        self.limits = with_options(LIMITS, app.options)
        self._form = app.options.get("body", "json")

    def identifiers(self, members: ir.Table, kind: Kind, words: Words) -> ir.Table:
        """See `connectors.meta.identifiers`."""
        return identifiers(members, kind, words)

    def heard(self) -> Sequence[Usage]:
        """Every answer of Graph tells how much is used."""
        return self._graph.heard()

    # -- ad accounts -----------------------------------------------------------------------------------------------

    def ad_accounts(self, token: Token) -> Sequence[AdAccount]:
        """Everything that `/me/adaccounts` shows."""
        me = User("me", api=self._graph.api(token.access_token))
        return [
            accounts.ad_account(row)
            for row in everything(Cursor(me, GraphAccount, list(accounts.FIELDS), {"limit": PAGE}))
        ]

    def check_account(self, token: Token, account: AccountRef) -> AdAccount:
        """The account as it is now, with its state, the person's tasks and the terms."""
        with _at(account):
            return accounts.ad_account(self._account(token, account).api_get(list(accounts.FIELDS)).export_all_data())

    def _account(self, token: Token, account: AccountRef) -> Any:
        return GraphAccount(f"act_{account.remote_id}", api=self._graph.api(token.access_token))

    # -- audiences -------------------------------------------------------------------------------------------------

    def find_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef | None:
        """The audience whose description carries our marker."""
        return _marked(self._audiences(token, account), spec)

    def _audiences(self, token: Token, account: AccountRef) -> list[dict[str, Any]]:
        fields = ["id", "name", "description", "subtype"]
        with _at(account):
            owner = self._account(token, account)
            try:
                return list(everything(Cursor(owner, CustomAudience, fields, {"limit": PAGE})))
            except ConnectorProblem as problem:
                if problem.raw != "1":
                    raise
            # Code 1 also stands for "reduce the amount of data": Meta's own advice is 20 a page.
            return list(everything(Cursor(owner, CustomAudience, fields, {"limit": FEW})))

    def create_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef:
        """Looks for our marker, always, because Graph knows no key that makes a repeated creation harmless."""
        there = self._audiences(token, account)
        ours = _marked(there, spec)
        if ours:
            return ours
        if sum(row.get("subtype") == "CUSTOM" for row in there) >= MOST_AUDIENCES:
            raise SegmentRefused(Code.AUDIENCE_LIMIT, account=account.remote_id, limit=str(MOST_AUDIENCES))
        taken = {row.get("name") for row in there}
        name = spec.fallback_name if spec.name in taken else spec.name
        wanted = {
            "name": name,
            "subtype": "CUSTOM",
            "description": audiences.description(spec),
            "customer_file_source": "USER_PROVIDED_ONLY",
        }
        with _at(account):
            made = self._account(token, account).create_custom_audience(params=wanted)
        return AudienceRef(str(made["id"]), name, created=True)

    def rename_audience(self, token: Token, account: AccountRef, audience: AudienceRef, name: str) -> None:
        """Gives it another name; a flagged name is refused."""
        with self._of(token, account, audience) as ours:
            ours.api_update(params={"name": name})

    def audience_state(self, token: Token, account: AccountRef, audience: AudienceRef) -> AudienceState:
        """Meta's own words for it, put into ours."""
        try:
            with self._of(token, account, audience) as ours:
                return audiences.state(ours.api_get(list(audiences.STATE_FIELDS)).export_all_data())
        except SegmentRefused as problem:
            if problem.code is not Code.AUDIENCE_GONE:
                raise
            return AudienceState(State.GONE, raw=problem.raw)

    def campaigns_using(self, token: Token, account: AccountRef, audience: AudienceRef) -> Sequence[Campaign]:
        """Campaigns of ads that use it, and of ad sets that keep it out."""
        with self._of(token, account, audience) as ours:
            shown = {"effective_status": LIVE, "limit": PAGE}
            ads = list(everything(Cursor(ours, Ad, ["adset_id", USED_BY], shown)))
        with _at(account):
            fields = ["id", "name", "targeting", USED_BY]
            shown = {"effective_status": LIVE_SETS, "limit": PAGE}
            found = Cursor(self._account(token, account), AdSet, fields, shown)
            return audiences.campaigns(audience.remote_id, ads, everything(found))

    def retire(self, token: Token, account: AccountRef, audience: AudienceRef, how: Retire) -> None:
        """Empties by replacing everybody with one made-up member: Graph knows no other way to take all out."""
        if how is Retire.LEAVE:
            return
        try:
            with self._of(token, account, audience) as ours:
                if how is Retire.DELETE:
                    ours.api_delete()
                else:
                    self._replace_by_nobody(token, audience)
        except SegmentRefused as problem:
            if problem.code is not Code.AUDIENCE_GONE:
                raise

    def _replace_by_nobody(self, token: Token, audience: AudienceRef) -> None:
        nobody = {"schema": ["EMAIL"], "data": [[secrets.token_hex(32)]], "is_raw": True}
        session = {
            "session_id": secrets.randbits(62) + 1,
            "batch_seq": 1,
            "last_batch_flag": True,
            "estimated_num_total": 1,
        }
        body, content_type = members.encode({"payload": nobody, "session": session}, self._form)
        reply = self._graph.post(token.access_token, f"{audience.remote_id}/usersreplace", body, content_type)
        members.result(reply, 1)

    # -- members ---------------------------------------------------------------------------------------------------

    def push(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> PushResult:
        """One request. Adding who is in or removing who is not does no harm, so it may be repeated."""
        body, content_type = members.body(batch, self._form)
        with self._of(token, account, audience):
            reply = self._graph.post(token.access_token, f"{audience.remote_id}/users", body, content_type)
        return members.result(reply, batch.rows.num_rows)

    def settle(self, token: Token, account: AccountRef, receipts: Sequence[str]) -> Sequence[Settlement]:  # noqa: ARG002
        """Nothing comes later: Meta's answer to a batch is all it ever says."""
        return [Settlement(receipt, final=True) for receipt in receipts]

    def erase(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> Erased:  # noqa: ARG002
        """Takes the people out of every customer file audience of the ad account."""
        fields = {"payload": members.payload(batch.rows), "method": "DELETE"}
        body, content_type = members.encode(fields, self._form)
        with _at(account):
            path = f"act_{account.remote_id}/usersofanyaudience"
            reply = self._graph.post(token.access_token, path, body, content_type)
        return Erased(done=True, reference=reply.headers.get("x-fb-trace-id", ""))

    # -- gone, or no longer ours to see ----------------------------------------------------------------------------

    @contextmanager
    def _of(self, token: Token, account: AccountRef, audience: AudienceRef) -> Iterator[Any]:
        """The SDK's audience. Where Graph says "missing" or "no permission", the ad account tells which it is."""
        try:
            with _at(account):
                yield CustomAudience(audience.remote_id, api=self._graph.api(token.access_token))
        except AccessDenied as problem:
            if problem.code not in {Code.ACCOUNT_GONE, Code.ACCOUNT_NO_ROLE}:
                raise
            self._refuse_lost_account(token, account, problem)
            if problem.code is Code.ACCOUNT_NO_ROLE:
                raise
            facts = {"account": account.remote_id, "audience": audience.remote_id}
            raise SegmentRefused(Code.AUDIENCE_GONE, raw=problem.raw, reference=problem.reference, **facts) from None

    def _refuse_lost_account(self, token: Token, account: AccountRef, problem: ConnectorProblem) -> None:
        """Raises AccessDenied when the account itself is out of reach; passes when it is open to us."""
        for reason in self.check_account(token, account).blocked:
            if reason.code in LOST:
                raise AccessDenied(Code(reason.code), raw=problem.raw, reference=problem.reference, **reason.facts)


@contextmanager
def _at(account: AccountRef) -> Iterator[None]:
    """Says of a problem which ad account it is about, and where its terms are accepted."""
    try:
        yield
    except ConnectorProblem as problem:
        problem.facts.setdefault("account", account.remote_id)
        if problem.code in {Code.TERMS_NOT_ACCEPTED, Code.TERMS_BUSINESS}:
            problem.facts.setdefault("link", accounts.terms_link(account.remote_id))
        raise


def _marked(rows: Sequence[dict[str, Any]], spec: AudienceSpec) -> AudienceRef | None:
    for row in rows:
        if audiences.is_marked(str(row.get("description") or ""), spec.marker):
            return AudienceRef(str(row["id"]), str(row.get("name") or ""))
    return None
