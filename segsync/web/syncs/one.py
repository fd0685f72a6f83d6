"""A sync: is this audience right? What needs attention, the audience, who, when, its runs and its own history."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connectors.registry import CHANNELS
from segsync.actions import (
    holds,
    sync_history,
    sync_lists,
    sync_rebuild,
    sync_schedule,
    sync_switch,
    thresholds,
    tries,
    turns,
)
from segsync.actions.runs import open_run
from segsync.actions.sync_access import may_act, who_can
from segsync.actions.sync_alerts import HELD
from segsync.audience.sources import kind_for
from segsync.models import Sync
from segsync.rules.rights import Right
from segsync.rules.terms import Purpose, Role
from segsync.web import alert_cards
from segsync.web.charts import line_chart
from segsync.web.frame import actor, db, may, me, my_workspaces
from segsync.web.live import fragment
from segsync.web.paging import Page
from segsync.web.syncs.bars import bars
from segsync.web.syncs.blueprint import syncs
from segsync.web.syncs.found import sync_or_404
from segsync.web.syncs.tried import try_parts


@syncs.route("/syncs/<public_id>")
def page(public_id: str) -> str | Response:
    """The page of a sync. A deleted one still says what it was; one that was only tried, what came of that."""
    sync = sync_or_404(public_id)
    if sync.trial:
        return _tried(sync)
    return render_template("syncs/one.html", **_now(sync), **_before(sync))


def _tried(trial: Sync) -> Response:
    """What came of a try: its newest run, else the sync that was created of it."""
    if newest := tries.newest(db(), trial):
        return redirect(url_for("syncs.run", public_id=trial.public_id, run_id=newest.id))
    made = tries.created_of(db(), trial) or abort(404)
    return redirect(url_for("syncs.page", public_id=made.public_id))


@syncs.route("/syncs/<public_id>/live")
def live_one(public_id: str) -> Response:
    """What changes while one looks: status, progress, figures and the run under way."""
    sync = sync_or_404(public_id)
    shown = _now(sync)
    return fragment(render_template("syncs/_now.html", **shown), busy=shown["run"] is not None)


@syncs.route("/syncs/<public_id>/live/runs")
def live_runs(public_id: str) -> Response:
    """The runs and the history, polled."""
    sync = sync_or_404(public_id)
    shown = _before(sync)
    return fragment(render_template("syncs/_before.html", sync=sync, **shown), busy=open_run(db(), sync.id) is not None)


@syncs.route("/syncs/<public_id>/runs/<int:run_id>")
def run(public_id: str, run_id: int) -> str:
    """One run: phases with times, what was added, removed, refused and skipped, requests, and the channel's references."""
    sync = sync_or_404(public_id)
    found = sync_history.run(db(), sync, run_id)
    if found is None:
        abort(404)
    if found.purpose == Purpose.TRY:
        return render_template("syncs/try.html", **try_parts(sync, found))
    return render_template(
        "syncs/run.html",
        sync=sync,
        run=found,
        batches=sync_history.batches(db(), found),
        by=sync_history.name_of(db(), found.started_by) if found.started_by else "",
    )


def _now(sync: Sync) -> dict[str, Any]:
    session, who = db(), actor()
    capabilities = CHANNELS[sync.channel].capabilities
    held = holds.held_run(session, sync)
    return {
        "sync": sync,
        "run": (now := open_run(session, sync.id)),
        "lines": turns.lines(session, who.organization_id, scope=now.scope) if now and now.scope else [],
        "trying": open_run(session, sync.id, Purpose.TRY),
        "held": held,
        "in_force": thresholds.of_sync(session, sync),
        "alert": sync_lists.open_alert(session, sync.id),
        # what is held is said once, with its figures and what can be done
        "alerts": [card for card in alert_cards.of_sync(sync.id) if held is None or card.code != HELD],
        "mine": may_act(who, sync),
        # it may be an e-mail address
        "sees_signin": sync.integration.person_id == who.person_id or may(Right.SEE_PEOPLE),
        "why_not_now": who_can(sync, "run this now"),
        "why_not_try": who_can(sync, "try this sync"),
        "why_not_schedule": who_can(sync, sync_schedule.DEED),
        "why_not_delete": who_can(sync, "delete this"),
        "why_not_off": sync_switch.why_not_off(who, sync),
        "why_not_on": sync_switch.why_not_on(db(), who, sync),
        "rebuild": sync_rebuild.offered(sync),
        "rebuild_as_of": sync_rebuild.as_of(sync),
        "why_not_rebuild": sync_rebuild.why_not(session, who, sync),
        "keys": capabilities.shapes[kind_for(capabilities, sync.segment)].keys,
        "capabilities": capabilities,
        "off_by": sync_history.name_of(session, sync.off_by) if sync.off_by else "",
        "deleted_by": sync_history.name_of(session, sync.deleted_by) if sync.deleted_by else "",
        "segment_by": sync_history.name_of(session, sync.segment.created_by),
        "sees_members": Role(me().role) is not Role.VIEW_ONLY
        and sync_lists.sees_members(who, [workspace.id for workspace in my_workspaces()], sync),
    }


def _before(sync: Sync) -> dict[str, Any]:
    session = db()
    asked = request.args.get("page", "1")
    found = sync_history.runs(session, sync, int(asked) if asked.isdecimal() and len(asked) < 7 else 1)  # noqa: PLR2004 - more digits are no page
    done = sync_history.finished(session, sync)
    return {
        "runs": Page(found.items, found.number, sync_history.RUNS_SHOWN, found.total),
        "bars": bars(done),
        "sizes": line_chart(sync_history.sizes(session, sync)),
        "activity": sync_history.activity(session, sync),
        "statements": sync_history.statements(session, sync),
    }
