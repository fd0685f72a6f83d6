"""The members of a static list, put on and taken off by hand."""

from __future__ import annotations

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from segsync.actions import segment_lists
from segsync.actions.actor import Refused
from segsync.actions.segment_lists import Added
from segsync.web.forms import typed
from segsync.web.frame import actor, db, runtime, show_refusal
from segsync.web.segments import one
from segsync.web.segments.blueprint import Answer, found, segments
from segsync.web.segments.one import LinesForm
from segsync.web.words import counted


@segments.post("/<int:segment_id>/members")
def add(workspace_id: int, segment_id: int) -> Answer:
    """Puts whoever the lines name on the list; lines that name nobody stay in the form."""
    workspace, segment = found(workspace_id, segment_id)
    form = LinesForm()
    if form.validate_on_submit():
        try:
            done = segment_lists.add_by_hand(
                db(), actor(), workspace, segment.id, typed(form.lines), now=runtime().clock()
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash(_told(done))
            if not done.unknown:
                return redirect(url_for("segments.show", workspace_id=workspace.id, segment_id=segment.id))
            form.lines.data = "\n".join(done.unknown)
            form.refuse(f"Nobody here fits {counted(len(done.unknown), 'line')}. Import them first.", field="lines")
    return one.page(workspace, segment, form)


@segments.post("/<int:segment_id>/members/<int:member_id>/remove")
def remove(workspace_id: int, segment_id: int, member_id: int) -> Response:
    """Takes somebody off the list."""
    workspace, segment = found(workspace_id, segment_id)
    if segment_lists.remove(db(), actor(), workspace, segment.id, member_id, now=runtime().clock()):
        db().commit()
        flash("Taken off the list. The contact itself stays." if segment.members == "people" else "Taken off the list.")
    return redirect(url_for("segments.show", workspace_id=workspace.id, segment_id=segment.id))


def _told(done: Added) -> str:
    already = f" {counted(done.already, 'was', 'were')} on it already." if done.already else ""
    return f"{counted(done.added, 'member was', 'members were')} added.{already}"
