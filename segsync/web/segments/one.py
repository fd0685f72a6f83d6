"""A segment: whom it means, its size over time, its syncs, and who cannot be reached by which channel."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from flask import render_template
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from segsync.actions import segment_counts, segment_lists, segment_uses
from segsync.actions.actor import Refused
from segsync.actions.segment_uses import RESTORED_FOR
from segsync.actions.segment_vocabulary import vocabulary
from segsync.models import Segment, Workspace
from segsync.rules.rights import Right
from segsync.rules.segment_rules import read
from segsync.rules.segment_words import masked, sentence
from segsync.rules.terms import SegmentKind
from segsync.web.charts import line_chart
from segsync.web.forms import PageForm
from segsync.web.frame import db, may, runtime
from segsync.web.paging import asked_page, paginate
from segsync.web.segments.blueprint import Answer, found, segments
from segsync.web.segments.editor import sample_parts
from segsync.web.segments.shown import COLUMNS, flagged, name_of, shower
from segsync.web.segments.warehouse import parts_of

CHART_OF: Final = timedelta(days=90)
GAP: Final = timedelta(hours=36)
"""A segment is counted every day: a longer silence is a gap."""


class LinesForm(PageForm):
    """Whom to put on a list, one on each line."""

    lines = TextAreaField(
        "Add by hand",
        [InputRequired("Type somebody to add, one on each line."), Length(max=200_000)],
        description="An e-mail, phone or external id on each line; a domain for companies.",
    )


@segments.route("/<int:segment_id>")
def show(workspace_id: int, segment_id: int) -> Answer:
    """A segment."""
    workspace, segment = found(workspace_id, segment_id)
    return page(workspace, segment, LinesForm(formdata=None))


@segments.route("/<int:segment_id>/figures")
def figures(workspace_id: int, segment_id: int) -> str:
    """A few members and who can be reached: counted when somebody looks."""
    _workspace, segment = found(workspace_id, segment_id)
    try:
        seen = segment_counts.look(db(), segment, runtime().clock())
    except Refused as refusal:
        return render_template("segments/_uncounted.html", why=refusal.message)
    return render_template(
        "segments/_figures.html",
        seen=seen,
        members=segment.members,
        of_list=segment.kind == SegmentKind.LIST,
        in_warehouse=segment.kind == SegmentKind.WAREHOUSE,
        **sample_parts(segment.members, seen),
    )


def page(workspace: Workspace, segment: Segment, form: LinesForm) -> Answer:
    """The page, with the form that fills a list."""
    now = runtime().clock()
    points = segment_counts.history(db(), segment, now - CHART_OF)
    _, people = segment_uses.beside(db(), [segment])
    html = render_template(
        "segments/one.html",
        segment=segment,
        people=people,
        uses=segment_uses.who_uses(db(), segment),
        chart=line_chart(points, gap=GAP),
        flagged=flagged(segment.name),
        restorable=segment.deleted_at is not None and segment.deleted_at >= now - RESTORED_FOR,
        restorable_until=segment.deleted_at + RESTORED_FOR if segment.deleted_at else None,
        edit_refusal=Right.EDIT_DATA.refusal,
        sync_refusal=Right.EDIT_OWN_SYNCS.refusal,
        lines=form,
        **_whom(workspace, segment, now),
    )
    return html, 422 if form.failed else 200


def _whom(workspace: Workspace, segment: Segment, now: datetime) -> dict[str, Any]:
    if segment.kind == SegmentKind.LIST:
        listed = paginate(db(), segment_lists.members(segment), number=asked_page())
        return {
            "listed": listed,
            "columns": COLUMNS[segment.members],
            "show": shower(segment.members),
            "name_of": name_of,
        }
    if segment.kind == SegmentKind.WAREHOUSE:
        return parts_of(segment)
    known = vocabulary(db(), workspace, segment.members, now=now)
    rules = read(segment.rules)
    shown = rules if may(Right.SEE_VALUES) else masked(rules)
    return {"told": sentence(shown, known), "why_hidden": Right.SEE_VALUES.refusal if shown != rules else ""}
