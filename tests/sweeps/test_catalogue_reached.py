"""No entry of the alert catalogue is a dead letter: each is reached, by a fault at a simulator or by a test that opens it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import AccountRef, Action, AudienceRef, Token
from connectors.google import replies as google
from connectors.linkedin import replies as linkedin
from connectors.meta import replies as meta
from connectors.problems import Code, ConnectorProblem
from connectors.registry import load
from connectors.simulators import Simulators
from segsync.actions.push.follow import worry_of
from segsync.rules.catalogue import CATALOGUE
from tests.actions import test_alerts_late as late
from tests.actions import test_alerts_of_runs as of_runs
from tests.actions import test_alerts_opened as opened
from tests.actions import test_asks, test_holds, test_push, test_removals, test_segment_gone, test_warehouse_there
from tests.actions import test_warehouse_runs as warehouses
from tests.audience import test_warehouse_members, test_warehouse_stage
from tests.contract.harness import Harness
from tests.contract.harness_google import GoogleHarness
from tests.contract.harness_linkedin import LinkedInHarness
from tests.contract.harness_meta import MetaHarness

HARNESSES = {one.channel: one for one in (GoogleHarness, LinkedInHarness, MetaHarness)}
MANAGER = AccountRef("1001000000")


@dataclass
class Stage:
    """A channel at its simulator with an audience that holds somebody, and what can be done there."""

    at: Harness
    token: Token
    audience: AudienceRef
    facts: Mapping[str, Any]

    def add(self) -> list[str]:
        return self._push(Action.ADD)

    def remove(self) -> list[str]:
        return self._push(Action.REMOVE)

    def add_nobody(self) -> list[str]:
        """Somebody without any identifier."""
        return self._push(Action.ADD, [{"country": "DE"}])

    def add_and_wait(self) -> list[str]:
        """Members whose later result is asked for."""
        batch = self.at.batch(self.at.people(3))
        receipt = self.at.push(self.token, self.audience, batch).receipt
        (settled,) = self.at.connector.settle(self.token, self.at.account, [receipt])
        return [one.code for one in settled.refused]

    def add_impatiently(self) -> list[str]:
        hurried = load(self.at.channel, replace(self.at.app, request_seconds=0.3))
        hurried.push(self.token, self.at.account, self.audience, self.at.batch(self.at.people(1)))
        return []

    def create(self) -> list[str]:
        self.at.connector.create_audience(self.token, self.at.account, self.at.spec())
        return []

    def rename(self) -> list[str]:
        self.at.connector.rename_audience(self.token, self.at.account, self.audience, "Another name")
        return []

    def delete(self) -> list[str]:
        how = self.at.can.retire
        self.at.connector.retire(self.token, self.at.account, self.audience, min(how))
        return []

    def accounts(self) -> list[str]:
        self.at.connector.ad_accounts(self.token)
        return []

    def check(self) -> list[str]:
        """The live check of an ad account: the usual one, or the one that the order names."""
        account = self.facts.get("account", self.at.account)
        found = self.at.connector.check_account(self.token, account)
        return [reason.code for reason in (*found.blocked, *found.warnings)]

    def look(self) -> list[str]:
        """What the channel makes of the audience."""
        told = worry_of(self.at.connector.audience_state(self.token, self.at.account, self.audience))
        return [told] if told else []

    def deleted_there(self) -> list[str]:
        self.at.delete_there(self.audience)
        return self.look()

    def sign_in(self) -> list[str]:
        self.at.tokens()
        return []

    def _push(self, action: Action, people: Any = None) -> list[str]:
        batch = self.at.batch(people or self.at.people(3), action)
        result = self.at.connector.push(self.token, self.at.account, self.audience, batch)
        return [one.code for one in result.refused]


Deed = Callable[[Stage], list[str]]


@dataclass(frozen=True)
class Order:
    """What is ordered to go wrong at a simulator, and the deed that meets it. `there` changes what stands there instead."""

    channel: str
    deed: Deed
    kind: str = ""
    at: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    there: Mapping[str, Any] = field(default_factory=dict)
    """Of the sort `sort`: the ad account's document, or the audience's."""
    sort: str = ""


def ads(code: str) -> Order:
    """An error of Google Ads while an account is checked."""
    return Order("google", Stage.check, "code", "ads.search", {"code": code})


def data(code: str, deed: Deed = Stage.add, at: str = "members.add") -> Order:
    """An error of Google's Data Manager."""
    return Order("google", deed, "code", at, {"code": code})


def graph(kind: str, deed: Deed = Stage.add, **facts: Any) -> Order:
    """A fault at Meta."""
    return Order("meta", deed, kind, facts=facts)


def rest(kind: str, deed: Deed = Stage.add, **facts: Any) -> Order:
    """A fault at LinkedIn."""
    return Order("linkedin", deed, kind, facts=facts)


def later(reason: str) -> Order:
    """Records that Google refuses when it processes them."""
    return Order("google", Stage.add_and_wait, "reject_rows", "members.add", {"rows": [0], "reason": reason})


REACHED: Mapping[Code, Order] = {
    Code.SIGNIN_EXPIRED: graph("token_expired"),
    Code.SIGNIN_REVOKED: graph("token_revoked"),
    Code.SIGNIN_CHECKPOINT: graph("checkpoint"),
    Code.SIGNIN_PASSWORD_CHANGED: graph("password_changed"),
    Code.SIGNIN_TWO_STEP: ads("TWO_STEP_VERIFICATION_NOT_ENROLLED"),
    Code.SIGNIN_NO_ADS_USER: Order("google", Stage.accounts, "code", "ads.accessible", {"code": "NOT_ADS_USER"}),
    Code.SCOPE_MISSING: graph("scope_missing"),
    Code.CONSENT_REFUSED: Order("google", Stage.sign_in, "code", "signin.token", {"code": "access_denied"}),
    Code.ACCOUNT_NO_ROLE: Order("google", Stage.add, "permission_lost", "members.add"),
    Code.ACCOUNT_VIEW_ONLY: Order("meta", Stage.check, facts={"account": MetaHarness.view_only}),
    Code.ACCOUNT_GONE: graph("account_gone", Stage.check),
    Code.ACCOUNT_CLOSED: Order("google", Stage.check, facts={"account": GoogleHarness.closed}),
    Code.ACCOUNT_DISABLED: Order("meta", Stage.check, facts={"account": MetaHarness.closed}),
    Code.ACCOUNT_UNPAID: Order("meta", Stage.check, there={"status": 3}, sort="accounts"),
    Code.ACCOUNT_MANAGER: Order("google", Stage.check, facts={"account": MANAGER}),
    Code.ACCOUNT_WRONG_MANAGER: data("OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH"),
    Code.ACCOUNT_NO_BUSINESS: graph("no_business"),
    Code.ACCOUNT_NOT_ELIGIBLE: Order("google", Stage.add, "not_eligible", "members.add"),
    Code.ACCOUNT_POLITICAL: data("EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"),
    Code.ACCOUNT_BLOCKED: graph("blocked"),
    Code.TERMS_NOT_ACCEPTED: graph("terms"),
    Code.TERMS_BUSINESS: graph("business_terms"),
    Code.AUDIENCE_GONE: Order("linkedin", Stage.deleted_there),
    Code.AUDIENCE_EXPIRED: rest("expired_segment"),
    Code.AUDIENCE_CLOSED: Order("google", Stage.look, there={"membership_status": "CLOSED"}, sort="audiences"),
    Code.AUDIENCE_NAME: rest("name_invalid", Stage.rename),
    Code.AUDIENCE_NOT_OURS: data("OWNERSHIP_REQUIRED_FOR_UPDATE", Stage.rename, "lists.change"),
    Code.AUDIENCE_FLAGGED: graph("flagged"),
    Code.AUDIENCE_IN_USE: rest("in_use", Stage.delete),
    Code.AUDIENCE_TOO_SMALL: rest("audience_too_small"),
    Code.AUDIENCE_LIMIT: rest("segment_limit", Stage.create),
    Code.AUDIENCE_KIND: data("INVALID_USER_LIST_TYPE"),
    Code.AUDIENCE_FAILED: graph("failed"),
    Code.REMOVAL_TOO_SMALL: graph("too_small", Stage.remove),
    Code.ROW_NO_IDENTIFIER: Order("google", Stage.add_nobody),
    Code.ROW_BAD_FORMAT: later("INVALID_FORMAT"),
    Code.ROW_NO_CONSENT: later("NO_CONSENT"),
    Code.ROW_REFUSED: later("SOMETHING_NEW"),
    Code.APP_WRONG: graph("app_wrong"),
    Code.APP_NOT_APPROVED: graph("app_not_approved"),
    Code.APP_DISABLED: data("SERVICE_DISABLED"),
    Code.APP_VERSION: rest("version_dead"),
    Code.APP_CLOCK: data("INVALID_REMOVE_AS_OF_TIME", Stage.remove, "members.remove"),
    Code.RATE_LIMIT: graph("rate_limit"),
    Code.DAILY_LIMIT: Order("google", Stage.add, "daily_limit", "members.add"),
    Code.OUTAGE: graph("html"),
    Code.TIMEOUT: graph("slow", Stage.add_impatiently, seconds=1),
    Code.CONFLICT: graph("conflict"),
    Code.TOO_NEW: later("DESTINATION_TOO_RECENTLY_CREATED"),
    Code.LOCKED: rest("locked"),
    Code.BAD_REQUEST: data("MULTIPLE_DATA_TYPES_NOT_ALLOWED"),
    Code.UNEXPECTED: graph("code", code=5000),
}
"""Each cause that a channel can give -> how it is met."""

OPENED: Mapping[str, Callable[..., object]] = {
    "signin.soon": opened.test_a_sign_in_that_ends_soon_is_told,
    "segment.deleted": test_push.test_deleted_segment_stops_the_run,
    "removal.waits": test_removals.test_dead_signin_waits_in_an_alert_and_can_be_done_by_hand,
    "segment.asks_for_deleted": test_segment_gone.test_a_run_sends_nobody_while_its_rules_ask_for_a_deleted_segment,
    "segment.empty": of_runs.test_an_empty_segment_is_told_to_whoever_owns_the_sync,
    "ledger.unreadable": of_runs.test_a_ledger_that_cannot_be_read_is_told_to_the_operator,
    "disk.full": of_runs.test_a_full_disk_is_told_to_the_operator,
    "warehouse.unreachable": warehouses.test_a_warehouse_that_cannot_be_reached_is_never_read_as_empty,
    "warehouse.signin": warehouses.test_a_sign_in_that_no_longer_works_waits_for_an_administrator,
    "warehouse.off_limits": warehouses.test_a_folder_that_nobody_listed_is_off_limits,
    "warehouse.not_offered": warehouses.test_an_engine_that_is_not_installed_is_said_to_be_so,
    "warehouse.slow": warehouses.test_a_warehouse_that_is_too_slow_is_broken_off,
    "warehouse.keys_collide": test_warehouse_stage.test_two_keys_that_look_the_same_to_us_stop_the_run,
    "warehouse.schema": test_warehouse_there.test_without_the_right_members_are_streamed,
    "warehouse.words": test_warehouse_members.test_an_engine_with_other_words_than_ours_makes_nothing,
    **dict.fromkeys(
        (
            "warehouse.column_gone",
            "warehouse.type_changed",
            "warehouse.query",
            "warehouse.no_key",
            "warehouse.key_twice",
            "warehouse.broke",
        ),
        warehouses.test_what_goes_wrong_in_a_warehouse_sends_nothing_and_loses_nothing,
    ),
    "redis.absent": opened.test_redis_away_is_told_to_the_operator_until_it_is_back,
    "worker.absent": opened.test_a_missing_part_is_told_to_every_organization,
    "scheduler.absent": opened.test_a_missing_part_is_told_to_every_organization,
    "limit.near": opened.test_a_limit_that_is_near_or_reached_is_told_to_administrators,
    "limit.reached": opened.test_a_limit_that_is_near_or_reached_is_told_to_administrators,
    "sync.overdue": late.test_a_run_that_lasts_a_whole_interval_is_overdue,
    "sync.lapsing": late.test_members_that_a_channel_is_about_to_forget_are_told,
    "run.everybody": of_runs.test_everybody_is_never_sent_again_in_silence,
    "run.held": test_holds.test_a_large_removal_is_held_before_anything_is_sent,
    "segment.unusual": of_runs.test_an_unusual_size_is_told_and_ends_by_itself,
    "person.deactivated": opened.test_syncs_of_somebody_who_left_are_told_to_administrators,
    "bug.broken": test_asks.test_a_question_that_breaks_is_given_up,
}
"""Each cause of our own -> the test that brings it about."""


@pytest.fixture(scope="module")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


@pytest.fixture
def stage(simulators, request) -> Iterator[Stage]:
    """The channel of the order, with an audience that two people are in."""
    order = REACHED[request.param]
    harness = HARNESSES[order.channel](simulators)
    token = harness.token()
    audience = harness.connector.create_audience(token, harness.account, harness.spec())
    harness.wait()
    harness.push(token, audience, harness.batch(harness.people(2)))
    made = Stage(harness, token, audience, order.facts)
    before = _change(made, order)
    yield made
    simulators.world.clear_faults()
    if before is not None:
        harness.world.put(order.channel, order.sort, before["key"], before)


def _change(stage: Stage, order: Order) -> dict[str, Any] | None:
    """Orders the fault, or changes what stands at the channel. Gives back what stood there."""
    if order.kind:
        stage.at.world.add_fault(order.channel, order.kind, operation=order.at, facts=order.facts)
    if not order.sort:
        return None
    key = stage.at.account.remote_id if order.sort == "accounts" else stage.audience.remote_id
    before = stage.at.world.get(order.channel, order.sort, key) | {"key": key}
    stage.at.world.put(order.channel, order.sort, key, before | order.there)
    return before


@pytest.mark.parametrize(("stage", "code"), [(code, code) for code in REACHED], indirect=["stage"], ids=str)
def test_a_channel_reaches_this_entry(stage, code):
    """What the catalogue explains does happen: the shipped connector, at the channel's simulator, ends in this very cause (S13)."""
    try:
        met = REACHED[code].deed(stage)
    except ConnectorProblem as problem:
        met = [problem.code.value]
    assert code.value in met


@pytest.mark.parametrize("code", sorted(OPENED))
def test_a_test_brings_this_cause_about(code):
    """Each cause of our own has a test that brings it about, and asks for it by its code (S13)."""
    source = inspect.getsource(OPENED[code])
    part, _, absent = code.partition(".")
    assert code in source or (absent == "absent" and f"{part}.absent" in inspect.getsource(opened))


def test_no_entry_is_a_dead_letter():
    """An entry that nothing reaches is an entry too many; a cause without an entry would leave people alone (S13)."""
    assert set(REACHED) == set(Code)
    assert {code.value for code in REACHED} | set(OPENED) == set(CATALOGUE)


PRODUCT = Path(__file__).parent.parent.parent / "segsync"


def test_every_cause_of_our_own_stands_in_the_code_that_brings_it_about():
    """The product itself names each of them, beside the catalogue's own words (S13)."""
    named = {
        node.value
        for folder in ("actions", "audience")
        for path in (PRODUCT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    missing = {code for code in OPENED if code not in named}
    assert missing == {"worker.absent", "scheduler.absent", "redis.absent"}, (
        "made of a part's name, see `actions.watch`"
    )


# -- the channels' own codes -----------------------------------------------------------------------------------


def vendors_rows() -> Iterator[tuple[str, str]]:
    """Every row of every table of the channels' codes: where it stands, and the cause that it means."""
    for name in ("OAUTH", "ADS", "DATA_MANAGER", "STATUS"):
        yield from ((f"google {name} {raw}", meaning[1]) for raw, meaning in getattr(google, name).items())
    yield from ((f"google PROCESSING {raw}", code) for raw, code in google.PROCESSING.items())
    for name in ("ROWS", "TOKEN_ROWS", "ELEMENT_ROWS"):
        yield from ((f"linkedin {name} {row.status} {row.words}", row.code) for row in getattr(linkedin, name))
    for name in ("ERRORS", "SUBCODES", "SIGNIN_ERRORS"):
        yield from ((f"meta {name} {raw}", row[1]) for raw, row in getattr(meta, name).items())


def test_every_code_of_every_channel_is_explained():
    """Whatever a channel answers, there is an entry that says what it means and what to do (S13)."""
    rows = list(vendors_rows())
    assert [where for where, code in rows if code.value not in CATALOGUE] == []
    assert len(rows) > 200
    assert {where.split()[0] for where, _ in rows} == set(HARNESSES)


def test_every_table_of_codes_is_looked_at():
    """A table that a channel gets tomorrow is looked at too, or this fails (S13)."""
    for module, looked_at in (
        (google, {"OAUTH", "ADS", "DATA_MANAGER", "STATUS", "PROCESSING"}),
        (linkedin, {"ROWS", "TOKEN_ROWS", "ELEMENT_ROWS"}),
        (meta, {"ERRORS", "SUBCODES", "SIGNIN_ERRORS"}),
    ):
        tables = {
            name
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, dict | tuple) and "Code." in repr(value)
        }
        assert (
            tables - {name for name in tables if name.startswith("_") or len(repr(getattr(module, name))) < 200}
            <= looked_at
        )
        assert looked_at <= set(vars(module))
