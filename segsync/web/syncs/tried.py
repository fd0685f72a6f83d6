"""Trying without sending: pressed on a sync, and what came of it. The same from Create is in `create`."""

from __future__ import annotations

from typing import Any, Final

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from segsync.actions import sync_history, sync_lists, tries
from segsync.actions.actor import Refused
from segsync.actions.sync_access import may_act, who_can
from segsync.models import Company, Contact, Run, Sync
from segsync.rules.masking import mask
from segsync.rules.terms import Purpose
from segsync.web.frame import actor, db, my_workspaces, runtime
from segsync.web.live import fragment
from segsync.web.segments.shown import COLUMNS
from segsync.web.syncs.blueprint import syncs
from segsync.web.syncs.found import sync_or_404

HAPPENS: Final = {
    "added": ("plus", "added"),
    "changed": ("sync", "changed"),
    "removed": ("minus", "removed"),
    "again": ("sync", "sent again"),
}
"""What happens to a member of the sample: an icon and a word."""


@syncs.post("/syncs/<public_id>/try")
def try_out(public_id: str) -> Response:
    """Works out what a run would do now, and sends nothing."""
    try:
        run = tries.try_sync(runtime(), db(), actor(), public_id)
    except Refused as refusal:
        if type(refusal) is not Refused:
            raise
        flash(refusal.message, "error")
        return redirect(url_for("syncs.page", public_id=public_id))
    db().commit()
    runtime().queue.wake_run(run.id)
    return redirect(url_for("syncs.run", public_id=public_id, run_id=run.id))


@syncs.route("/syncs/<public_id>/runs/<int(max=9223372036854775807):run_id>/live")
def live_try(public_id: str, run_id: int) -> Response:
    """How far it is, and what came of it, polled."""
    sync = sync_or_404(public_id)
    found = sync_history.run(db(), sync, run_id)
    if found is None or found.purpose != Purpose.TRY:
        abort(404)
    return fragment(render_template("syncs/_try.html", **try_parts(sync, found)), busy=found.finished_at is None)


def try_parts(sync: Sync, run: Run) -> dict[str, Any]:
    """What the page of a try shows."""
    who = actor()
    sees = sync_lists.sees_members(who, [workspace.id for workspace in my_workspaces()], sync)
    sample = sync_history.sample(db(), run) if sees else []
    return {
        "sync": sync,
        "run": run,
        "by": sync_history.name_of(db(), run.started_by) if run.started_by else "",
        "mine": may_act(who, sync),
        "why_not": who_can(sync, "try this sync"),
        "sees_members": sees,
        "sample": [(*HAPPENS[word], *_shown(member)) for word, member in sample],
    }


def _shown(member: Contact | Company | None) -> tuple[str, str]:
    """People always masked: it is a sample, for whoever decides, and not for reading about them."""
    if member is None:
        return "Deleted meanwhile", ""
    if isinstance(member, Company):
        return member.name or f"Company {member.id}", member.company_domain or ""
    names = (mask("first_name", member.first_name), mask("last_name", member.last_name))
    values = [mask(field, getattr(member, field)) for field in list(COLUMNS["people"])[:2]]
    return " ".join(filter(None, names)) or f"Contact {member.id}", " · ".join(filter(None, values))
