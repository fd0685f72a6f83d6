"""Create sync: segment, channel and ad account one after the other, and what will happen if one presses the button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectMultipleField

from connectors.registry import CHANNELS
from segsync.actions import asks, limits, sync_preview, sync_schedule, timing, tries
from segsync.actions import syncs as actions
from segsync.actions.actor import Refused
from segsync.actions.ask_kinds import ACCOUNTS, CHECK
from segsync.actions.sync_preview import Offered
from segsync.models import Ask, Integration, Segment, Workspace
from segsync.rules import limit as limit_rules
from segsync.rules.terms import SignInState
from segsync.web.asking import asked, under_way
from segsync.web.frame import actor, db, runtime, show_refusal
from segsync.web.live import fragment
from segsync.web.syncs.blueprint import syncs
from segsync.web.syncs.when import ScheduleForm

CHOICES: Final = ("segment", "channel", "account")


class StartForm(ScheduleForm):
    """What was chosen on the left, when it is to run, and the statements ticked on the right."""

    segment = HiddenField()
    channel = HiddenField()
    account = HiddenField()
    statements = SelectMultipleField("Statements", validate_choice=False)


@dataclass(frozen=True)
class Chosen:
    """What stands chosen, each part only where it can be: a later choice waits for the one before it."""

    segment: Segment | None
    channel: str
    integration: Integration | None
    """My own sign-in at the channel, in working order."""
    offered: Offered | None

    @property
    def account_id(self) -> str:
        """The ad account chosen, or ''."""
        return self.offered.account.remote_id if self.offered else ""


@syncs.route("/syncs/new", methods=["GET", "POST"])
def create() -> str | Response | tuple[str, int]:
    """The page; pressing Start creates the sync and shows it."""
    form = StartForm()
    if request.method == "GET":
        return _page(form, request.args)
    try:
        made = actions.create(runtime(), db(), actor(), _wanted(form))
    except Refused as refusal:
        show_refusal(form, refusal)
        return _page(form, {name: form[name].data or "" for name in CHOICES}), 422
    db().commit()
    runtime().queue.wake_run(made.run.id)
    flash(_started(made), "success")
    return redirect(url_for("syncs.page", public_id=made.sync.public_id))


@syncs.post("/syncs/new/try")
def create_try() -> Response | tuple[str, int]:
    """Works out what would happen, and creates nothing."""
    form = StartForm()
    try:
        run = tries.try_new(runtime(), db(), actor(), _wanted(form))
    except Refused as refusal:
        show_refusal(form, refusal)
        return _page(form, {name: form[name].data or "" for name in CHOICES}), 422
    db().commit()
    runtime().queue.wake_run(run.id)
    return redirect(url_for("syncs.run", public_id=run.sync.public_id, run_id=run.id))


@syncs.route("/syncs/new/accounts")
def create_accounts() -> Response:
    """The third choice, polled while the channel is asked."""
    parts = _parts(request.args)
    reading = parts["reading"]
    return fragment(render_template("syncs/_create_accounts.html", **parts), busy=under_way(reading))


@syncs.route("/syncs/new/start")
def create_start() -> Response:
    """The live check of the ad account and the button, polled while the channel is asked."""
    parts = _parts(request.args)
    shown = render_template("syncs/_create_start.html", **parts, **_places())
    return fragment(shown, busy=under_way(parts["check"]))


def _wanted(form: StartForm) -> actions.Wanted:
    segment = form.segment.data or ""
    if not _is_number(segment):
        raise Refused("Choose a segment.", field="segment")
    # no ad account has such a character, and the database takes none
    if not form.account.data or "\0" in form.account.data:
        raise Refused("Choose an ad account.", field="account")
    return actions.Wanted(
        segment_id=int(segment),
        channel=form.channel.data or "",
        account_id=form.account.data,
        statements=frozenset(form.statements.data or ()),
        schedule=sync_schedule.read(form.given, timing.usual(runtime())) if form.how.data else None,
    )


def _started(made: actions.Created) -> str:
    use = made.use
    near = f" {limit_rules.said(use)}" if use.near else ""
    return f"The sync has started. Its ID is {made.sync.public_id}.{near}"


def _page(form: StartForm, query: Mapping[str, str]) -> str:
    parts = _parts(query)
    chosen: Chosen = parts["chosen"]
    outlook, why_not = None, _why_not(query.get("segment", ""))
    if chosen.segment is not None and chosen.channel:
        try:
            outlook = sync_preview.outlook(runtime(), db(), chosen.segment, chosen.channel)
        except Refused as refusal:
            why_not = refusal
    form.offer(timing.usual(runtime()), _zone_of(chosen))
    found, total = sync_preview.segments(db(), actor(), parts["text"])
    return render_template(
        "syncs/create.html",
        form=form,
        segments=found,
        segments_total=total,
        workspaces=sync_preview.workspace_names(db(), [*found, *([chosen.segment] if chosen.segment else [])]),
        channels=CHANNELS,
        signins=sync_preview.signins(db(), actor()),
        outlook=outlook,
        why_not=why_not,
        statement_key=actions.statement_key,
        **parts,
        **_places(),
    )


def _zone_of(chosen: Chosen) -> str:
    return db().get_one(Workspace, chosen.segment.workspace_id).time_zone if chosen.segment else "UTC"


def _parts(query: Mapping[str, str]) -> dict[str, Any]:
    """What the page and its live parts have in common."""
    chosen, offered = _chosen(query)
    text = " ".join(query.get("text", "").replace("\0", "").split())[:200]
    given = {name: query.get(name, "") for name in CHOICES if query.get(name)}
    return {
        "chosen": chosen,
        "offered": offered,
        "text": text,
        "query": given,
        "here": url_for("syncs.create", **given),  # type: ignore[arg-type]  # url_for's own options are no choices
        "reading": _reading(chosen, again="read" in query),
        "check": _check(chosen),
    }


def _chosen(query: Mapping[str, str]) -> tuple[Chosen, list[Offered]]:
    session = db()
    segment = _segment(query.get("segment", ""))
    channel = query.get("channel", "") if segment else ""
    mine = sync_preview.signins(session, actor()).get(channel)
    usable = mine if mine is not None and mine.state == SignInState.CONNECTED else None
    channel = channel if usable else ""
    offered = sync_preview.accounts(runtime(), session, usable, segment) if usable else []
    wanted = query.get("account", "")
    account = next((one for one in offered if one.account.remote_id == wanted), None)
    return Chosen(segment, channel, usable, account), offered


def _segment(typed: str) -> Segment | None:
    if not _is_number(typed) or _why_not(typed) is not None:
        return None
    return sync_preview.segment_to_sync(db(), actor(), int(typed))


def _why_not(typed: str) -> Refused | None:
    """Why the segment that was chosen cannot be synced."""
    if not _is_number(typed):
        return None
    try:
        sync_preview.segment_to_sync(db(), actor(), int(typed))
    except Refused as refusal:
        return refusal
    return None


def _is_number(typed: str) -> bool:
    """Whether this can be the number of a row: no more digits than the database has."""
    return len(typed) < len(str(2**63)) and typed.isascii() and typed.isdecimal()


def _reading(chosen: Chosen, *, again: bool) -> Ask | None:
    """The question for my ad accounts: asked when the list is missing or old, or when somebody wants it read again."""
    if chosen.integration is None:
        return None
    params = {"integration": chosen.integration.id}
    if again or sync_preview.needs_reading(runtime(), chosen.integration):
        return asked(ACCOUNTS, params)
    last = asks.last(db(), actor(), ACCOUNTS, params)
    return last if last is not None and under_way(last) else None


def _check(chosen: Chosen) -> Ask | None:
    """The live question for the chosen ad account; None where it was answered a moment ago."""
    if chosen.offered is None or chosen.integration is None or chosen.offered.taken or chosen.offered.checked:
        return None
    account = chosen.offered.account
    return asked(CHECK, {"integration": chosen.integration.id, "account": account.remote_id, "via": account.via})


def _places() -> dict[str, Any]:
    use = limits.use(db(), actor().organization_id)
    return {
        "use": use,
        "after_this": limit_rules.after_this(use),
        "no_place": limit_rules.refusal(use) if use.full else "",
    }
