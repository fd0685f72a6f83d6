"""What one does with a whole segment: duplicate, delete after seeing what uses it, restore."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from segsync.actions import segment_uses
from segsync.actions import segments as actions
from segsync.actions.actor import NotAllowed, Refused
from segsync.web.forms import PageForm
from segsync.web.frame import actor, db, runtime, show_refusal
from segsync.web.segments.blueprint import Answer, found, segments


class DeedForm(PageForm):
    """Nothing to fill in: only checked against forgery."""


@segments.post("/<int:segment_id>/duplicate")
def duplicate(workspace_id: int, segment_id: int) -> Response:
    """The same once more."""
    workspace, segment = found(workspace_id, segment_id)
    try:
        copy = actions.duplicate(db(), actor(), workspace, segment.id, now=runtime().clock())
    except NotAllowed:
        raise
    except Refused as refusal:
        flash(refusal.message, "error")
        return redirect(url_for("segments.show", workspace_id=workspace.id, segment_id=segment.id))
    db().commit()
    flash(f"This is a copy of {segment.name}.")
    return redirect(url_for("segments.edit", workspace_id=workspace.id, segment_id=copy.id))


@segments.route("/<int:segment_id>/delete", methods=["GET", "POST"])
def delete(workspace_id: int, segment_id: int) -> Answer:
    """The dialog that names what uses the segment, and deleting it."""
    workspace, segment = found(workspace_id, segment_id)
    form = DeedForm()
    if form.validate_on_submit():
        try:
            actions.delete(db(), actor(), workspace, segment.id, confirmed=True, now=runtime().clock())
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash(f"The segment {segment.name} was deleted. It can be restored for 30 days.")
            return redirect(url_for("segments.index", workspace_id=workspace.id))
    uses = segment_uses.who_uses(db(), segment)
    page = render_template("segments/delete.html", segment=segment, uses=uses, form=form)
    return page, 422 if form.failed else 200


@segments.post("/<int:segment_id>/restore")
def restore(workspace_id: int, segment_id: int) -> Response:
    """Brings a deleted segment back, and its syncs with it."""
    workspace, segment = found(workspace_id, segment_id)
    try:
        run_ids = actions.restore(db(), actor(), workspace, segment.id, now=runtime().clock())
    except NotAllowed:
        raise
    except Refused as refusal:
        flash(refusal.message, "error")
    else:
        db().commit()
        for run_id in run_ids:
            runtime().queue.wake_run(run_id)
        flash(f"The segment {segment.name} is back." + (" Its syncs go on." if run_ids else ""))
    return redirect(url_for("segments.show", workspace_id=workspace.id, segment_id=segment.id))
