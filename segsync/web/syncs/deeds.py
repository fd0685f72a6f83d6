"""What one does to a sync: switch it off and on, run it now, delete it. Each dangerous thing has a page that says what happens."""

from __future__ import annotations

from typing import Any, Final

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, RadioField, SelectMultipleField, TextAreaField
from wtforms.validators import InputRequired

from connectors.contract import Retire
from connectors.registry import CHANNELS
from segsync.actions import asks, limits, sync_history, sync_preview, sync_rebuild, sync_switch
from segsync.actions import syncs as actions
from segsync.actions.actor import Refused
from segsync.actions.ask_kinds import CAMPAIGNS, CHECK
from segsync.actions.statements import statement_key, to_make
from segsync.actions.sync_access import need_own
from segsync.actions.sync_switch import LONGEST_REASON, Off
from segsync.models import Ask, Sync
from segsync.rules import limit as limit_rules
from segsync.rules.terms import SignInState, Status
from segsync.web.asking import asked, under_way
from segsync.web.forms import PageForm
from segsync.web.frame import actor, db, runtime, show_refusal
from segsync.web.live import fragment
from segsync.web.syncs.blueprint import syncs
from segsync.web.syncs.found import sync_or_404

Answer = str | Response | tuple[str, int]

HOW_LABELS: Final = {
    Retire.LEAVE: "Leave it there. It goes stale: people who leave the segment stay in it.",
    Retire.EMPTY: "Empty it there. The audience stays, without members; campaigns that use it reach nobody.",
    Retire.DELETE: "Delete it there. Campaigns that use it lose it.",
}


BY_OUR_BOOKS: Final = (
    "Empty it there. {label} cannot empty an audience by itself, so everyone who is in it because of us is taken out; "
    "the audience stays, and campaigns that use it reach none of them."
)


class OffForm(PageForm):
    """Why a sync is switched off."""

    reason = TextAreaField("Reason", [InputRequired("Say why you switch it off.")], description="Others will see it.")
    locked = BooleanField("Keep it off until an administrator allows it")


class OnForm(PageForm):
    """The statements that whoever switches on makes; where none is asked, pressing it is enough."""

    statements = SelectMultipleField("Statements", validate_choice=False)


class DeleteForm(PageForm):
    """What becomes of the audience."""

    how = RadioField("What becomes of the audience", [InputRequired("Choose what becomes of the audience.")])


# -- off -------------------------------------------------------------------------------------------------------


@syncs.route("/syncs/<public_id>/off", methods=["GET", "POST"])
def switch_off(public_id: str) -> Answer:
    """Says what happens, with the campaigns that use the audience, and asks for a reason."""
    sync = _own(public_id, "switch this off")
    if sync.status == Status.INACTIVE or sync.deleted_at is not None:
        return redirect(url_for("syncs.page", public_id=sync.public_id))
    form = OffForm()
    if form.validate_on_submit():
        off = Off(form.reason.data or "", locked=bool(form.locked.data))
        try:
            sync_switch.switch_off(runtime(), db(), actor(), sync.public_id, off)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash("The sync is switched off. Nothing more is sent.", "success")
            return redirect(url_for("syncs.page", public_id=sync.public_id))
    shown = render_template(
        "syncs/off.html", form=form, sync=sync, reading=_read_campaigns(sync), longest=LONGEST_REASON
    )
    return (shown, 422) if form.failed else shown


@syncs.route("/syncs/<public_id>/campaigns")
def campaigns(public_id: str) -> Response:
    """The campaigns that use the audience, polled while the channel is asked."""
    sync = _own(public_id, "switch this off")
    reading = asks.last(db(), actor(), CAMPAIGNS, {"sync": sync.id})
    return fragment(render_template("syncs/_campaigns.html", sync=sync, reading=reading), busy=under_way(reading))


def _read_campaigns(sync: Sync) -> Ask | None:
    """Asks on the account that the sync runs on; nothing to ask where there is no audience yet."""
    if sync.audience_id is None:
        return None
    return asked(CAMPAIGNS, {"sync": sync.id})


# -- on --------------------------------------------------------------------------------------------------------


@syncs.route("/syncs/<public_id>/on", methods=["GET", "POST"])
def switch_on(public_id: str) -> Answer:
    """Says on whose account it will run, after a live check of the ad account, and what it does to the limit."""
    sync = sync_or_404(public_id)
    if sync.status != Status.INACTIVE or sync.deleted_at is not None:
        return redirect(url_for("syncs.page", public_id=sync.public_id))
    form = OnForm()
    if form.validate_on_submit():
        ticked = frozenset(form.statements.data or ())
        try:
            made = sync_switch.switch_on(runtime(), db(), actor(), sync.public_id, ticked)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            runtime().queue.wake_run(made.run.id)
            near = f" {limit_rules.said(made.use)}" if made.use.near else ""
            flash(f"The sync is switched on and runs on your own sign-in from now on.{near}", "success")
            return redirect(url_for("syncs.page", public_id=sync.public_id))
    shown = render_template("syncs/on.html", form=form, **_on_parts(sync))
    return (shown, 422) if form.failed else shown


@syncs.route("/syncs/<public_id>/on/check")
def on_check(public_id: str) -> Response:
    """The live check before switching on, polled."""
    parts = _on_parts(sync_or_404(public_id))
    return fragment(render_template("syncs/_on_check.html", **parts), busy=under_way(parts["check"]))


def _on_parts(sync: Sync) -> dict[str, Any]:
    who = actor()
    mine = sync_preview.signins(db(), who).get(sync.channel)
    works = mine is not None and mine.state == SignInState.CONNECTED
    offered = sync_preview.accounts(runtime(), db(), mine, None) if works and mine is not None else []
    seen = next((one for one in offered if one.account.remote_id == sync.account_id), None)
    why_not = sync_switch.why_not_on(db(), who, sync)
    check = None
    if works and mine is not None and not why_not and not (seen and seen.checked):
        via = seen.account.via if seen else sync.account_via
        check = asked(CHECK, {"integration": mine.id, "account": sync.account_id, "via": via})
    use = limits.use(db(), who.organization_id)
    return {
        "sync": sync,
        "why_not": why_not,
        "statements": to_make(db(), sync, who.person_id) if not why_not else (),
        "statement_key": statement_key,
        "account_id": sync.account_id,
        "signin": mine,
        "seen": seen,
        "check": check,
        "use": use,
        "after_this": limit_rules.after_this(use),
        "no_place": limit_rules.refusal(use) if use.full else "",
        "off_by": sync_history.name_of(db(), sync.off_by) if sync.off_by else "",
    }


# -- now, and for good -----------------------------------------------------------------------------------------


@syncs.post("/syncs/<public_id>/now")
def sync_now(public_id: str) -> Response:
    """Starts a run at once."""
    run = actions.sync_now(runtime(), db(), actor(), public_id)
    db().commit()
    runtime().queue.wake_run(run.id)
    flash("The run has started.", "success")
    return redirect(url_for("syncs.page", public_id=public_id))


@syncs.post("/syncs/<public_id>/rebuild")
def rebuild(public_id: str) -> Response:
    """Has what was lost rebuilt, in the way that the page of the sync tells."""
    run = sync_rebuild.rebuild(runtime(), db(), actor(), public_id)
    db().commit()
    runtime().queue.wake_run(run.id)
    flash("Rebuilding has started.", "success")
    return redirect(url_for("syncs.page", public_id=public_id))


@syncs.route("/syncs/<public_id>/delete", methods=["GET", "POST"])
def delete(public_id: str) -> Answer:
    """Asks what becomes of the audience, and deletes the sync."""
    sync = _own(public_id, "delete this sync")
    if sync.deleted_at is not None:
        return redirect(url_for("syncs.page", public_id=sync.public_id))
    form = DeleteForm()
    form.how.choices = _ways(sync.channel)
    if form.validate_on_submit():
        try:
            actions.delete(runtime(), db(), actor(), sync.public_id, Retire(form.how.data))
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            runtime().queue.wake_chore("retire", sync.id)
            flash(f"The sync {sync.public_id} is deleted, and its place is free.", "success")
            return redirect(url_for("syncs.page", public_id=sync.public_id))
    shown = render_template("syncs/delete.html", form=form, sync=sync, reading=_read_campaigns(sync))
    return (shown, 422) if form.failed else shown


def _ways(channel: str) -> list[tuple[str, str]]:
    capabilities, ways = CHANNELS[channel].capabilities, actions.ways_to_retire(channel)
    texts = dict(HOW_LABELS)
    if Retire.EMPTY not in capabilities.retire:
        texts[Retire.EMPTY] = BY_OUR_BOOKS.format(label=capabilities.label)
    return [(how.value, text) for how, text in texts.items() if how in ways]


# -- together --------------------------------------------------------------------------------------------------


def _own(public_id: str, deed: str) -> Sync:
    sync = sync_or_404(public_id)
    need_own(actor(), sync, deed)
    return sync
