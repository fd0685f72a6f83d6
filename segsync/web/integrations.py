"""Integrations: my own sign-in at each channel, and for administrators everybody's."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from connectors.registry import CHANNELS
from segsync.actions import asks, integration_changes, overviews, sync_census, sync_preview
from segsync.actions import integrations as actions
from segsync.actions.actor import Refused
from segsync.actions.ask_kinds import ACCOUNTS
from segsync.actions.integrations import LIVE, Return
from segsync.actions.revocation import revoke
from segsync.models import Integration, Sync
from segsync.rules.rights import Right
from segsync.rules.terms import SignInState, Status
from segsync.web.asking import asked, under_way
from segsync.web.forms import PageForm
from segsync.web.frame import actor, db, may, me, runtime, safe_next, show_refusal
from segsync.web.live import fragment
from segsync.web.words import channel_label

integrations = Blueprint("integrations", __name__)

Answer = str | Response | tuple[str, int]


class ActForm(PageForm):
    """Nothing is typed; pressing it is enough."""


@integrations.route("/integrations")
def index() -> str:
    """My sign-ins, with the ad accounts that each sees; for administrators those of the organization."""
    return render_template("integrations/index.html", **_index())


@integrations.route("/integrations/live/<channel>")
def live(channel: str) -> Response:
    """The ad accounts of one sign-in, polled while the channel is asked."""
    _known(channel)
    shown = next(one for one in _mine() if one["card"].channel == channel)
    return fragment(render_template("integrations/_accounts.html", one=shown), busy=under_way(shown["reading"]))


@integrations.post("/integrations/<channel>/read")
def read_again(channel: str) -> Response:
    """Asks the channel for my ad accounts once more."""
    mine = _signin(channel)
    asked(ACCOUNTS, {"integration": mine.id})
    return redirect(url_for("integrations.index") + f"#{channel}")


# -- there and back --------------------------------------------------------------------------------------------


@integrations.route("/integrations/<channel>/connect", methods=["GET", "POST"])
def connect(channel: str) -> Answer:
    """Says what is asked for and why, and goes to the channel's consent page."""
    _known(channel)
    return_to = safe_next(request.args.get("next"), url_for("integrations.index"))
    form = ActForm()
    if form.validate_on_submit():
        try:
            address = actions.begin(runtime(), db(), actor(), channel, return_to)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            return redirect(address)
    mine = integration_changes.mine(db(), actor(), channel)
    needed = runtime().oauth(channel).needed
    shown = render_template(
        "integrations/connect.html", form=form, channel=channel, mine=mine, needed=needed, return_to=return_to
    )
    return (shown, 422) if form.failed else shown


@integrations.route("/integrations/<channel>/callback")
def callback(channel: str) -> Answer:
    """The way back from the channel."""
    _known(channel)
    try:
        came = actions.come_back(runtime(), actor(), channel, request.args)
    except Refused as refusal:
        return render_template("integrations/failed.html", channel=channel, refusal=refusal), 422
    for run_id in came.resumed:
        runtime().queue.wake_run(run_id)
    if came.missing:
        return render_template("integrations/missing.html", channel=channel, came=came), 422
    asked(ACCOUNTS, {"integration": came.integration.id})
    if came.pending:
        return redirect(url_for("integrations.decide", integration_id=came.integration.id))
    flash(_connected(came), "success")
    return redirect(safe_next(came.return_to, url_for("integrations.index")))


def _connected(came: Return) -> str:
    said = f"{channel_label(came.integration.channel)} is connected as {came.integration.name}."
    if came.colleague:
        said += f" {came.colleague} is connected with the same sign-in; both work."
    if came.resumed:
        said += f" {len(came.resumed):,} waiting {'sync goes' if len(came.resumed) == 1 else 'syncs go'} on."
    return said


# -- another sign-in than before, and the end ------------------------------------------------------------------


@integrations.route("/integrations/decide/<int:integration_id>", methods=["GET", "POST"])
def decide(integration_id: int) -> Answer:
    """I came back as somebody else than before: says which syncs that cannot reach, before anything moves."""
    form = ActForm()
    if form.validate_on_submit():
        try:
            return _decided(integration_id)
        except Refused as refusal:
            show_refusal(form, refusal)
    move = integration_changes.planned_move(db(), actor(), integration_id)
    reading = asks.last(db(), actor(), ACCOUNTS, {"integration": integration_id})
    shown = render_template("integrations/decide.html", form=form, move=move, reading=reading)
    return (shown, 422) if form.failed else shown


@integrations.route("/integrations/decide/<int:integration_id>/live")
def decide_live(integration_id: int) -> Response:
    """What the new sign-in reaches, polled while the channel is asked."""
    move = integration_changes.planned_move(db(), actor(), integration_id)
    reading = asks.last(db(), actor(), ACCOUNTS, {"integration": integration_id})
    shown = render_template("integrations/_move.html", move=move, reading=reading)
    return fragment(shown, busy=under_way(reading))


def _decided(integration_id: int) -> Response:
    if request.form.get("answer") == "discard":
        given_up = integration_changes.discard(runtime(), db(), actor(), integration_id)
        db().commit()
        revoke(runtime(), given_up)
        flash("The sign-in before stays, and nothing was moved.", "success")
        return redirect(url_for("integrations.index"))
    came = integration_changes.confirm(runtime(), db(), actor(), integration_id)
    db().commit()
    for run_id in came.resumed:
        runtime().queue.wake_run(run_id)
    revoke(runtime(), came.given_up)
    flash(_connected(came), "success")
    return redirect(url_for("integrations.index"))


@integrations.route("/integrations/<channel>/disconnect", methods=["GET", "POST"])
def disconnect(channel: str) -> Answer:
    """Names what happens to the syncs that run on it, and ends the sign-in."""
    mine = _signin(channel)
    form = ActForm()
    if form.validate_on_submit():
        flash(integration_changes.disconnect(runtime(), actor(), channel), "success")
        return redirect(url_for("integrations.index"))
    running = [sync for sync in integration_changes.syncs_on(db(), mine) if sync.status != Status.INACTIVE]
    return render_template("integrations/disconnect.html", form=form, mine=mine, syncs=running)


# -- together --------------------------------------------------------------------------------------------------


def _known(channel: str) -> None:
    if channel not in CHANNELS:
        raise Refused("There is no such channel.", link=("Integrations", url_for("integrations.index")))


def _signin(channel: str) -> Integration:
    _known(channel)
    mine = integration_changes.mine(db(), actor(), channel)
    if mine is None:
        raise Refused(
            f"You have no sign-in at {channel_label(channel)}.", link=("Integrations", url_for("integrations.index"))
        )
    return mine


def _index() -> dict[str, Any]:
    everybody = _everybody() if may(Right.SEE_PEOPLE) else []
    return {"mine": _mine(), "everybody": everybody, "needed": may(Right.CONNECT)}


def _mine() -> list[dict[str, Any]]:
    session, who = db(), actor()
    found = []
    for card in overviews.channels(session, who, sync_census.take(session, who.organization_id)):
        signin = card.mine
        params = {"integration": signin.id} if signin else {}
        found.append(
            {
                "card": card,
                "signin": signin,
                "offered": sync_preview.accounts(runtime(), session, signin, None) if signin else [],
                "reading": asks.last(session, who, ACCOUNTS, params) if signin else None,
                "syncs": _running_on(signin) if signin else 0,
                "pending": actions.pending_of(session, me().id, card.channel),
                "set_up": bool(runtime().application(card.channel).client_id),
            }
        )
    return found


def _running_on(signin: Integration) -> int:
    counted = select(func.count()).select_from(Sync).where(Sync.integration_id == signin.id, Sync.deleted_at.is_(None))
    return db().scalar(counted.where(Sync.status != Status.INACTIVE.value)) or 0


def _everybody() -> list[tuple[Integration, int]]:
    """All sign-ins of the organization with how many syncs run on each, those that need their person first."""
    running = (
        select(Sync.integration_id, func.count().label("syncs"))
        .where(Sync.deleted_at.is_(None), Sync.status != Status.INACTIVE.value)
        .group_by(Sync.integration_id)
        .subquery()
    )
    rows = db().execute(
        select(Integration, func.coalesce(running.c.syncs, 0))
        .outerjoin(running, running.c.integration_id == Integration.id)
        .where(Integration.organization_id == me().organization_id, Integration.state.in_(LIVE))
        .options(joinedload(Integration.person))
        .order_by(
            (Integration.state == SignInState.CONNECTED.value), Integration.must_act_by.nulls_last(), Integration.id
        )
    )
    return [(signin, int(syncs)) for signin, syncs in rows]
