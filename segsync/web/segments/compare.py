"""Two or three segments side by side: what they share, their sizes over time, and whom channels cannot be sent of each.

The address names the segments, so that it can be handed on. What has to be counted is counted when somebody looks, part by part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import abort, render_template, request

from segsync.actions import segment_counts, segment_overlap
from segsync.actions.actor import Refused
from segsync.actions.segment_overlap import FEWEST, MOST, Overlap
from segsync.models import Segment, Workspace
from segsync.rules.terms import SegmentKind
from segsync.web.charts import lines_chart
from segsync.web.frame import db, runtime, workspace_or_404
from segsync.web.segments.blueprint import found, segments
from segsync.web.segments.one import CHART_OF, GAP
from segsync.web.words import listed

LARGEST_ID: Final = 2**63


@segments.route("/compare")
def compare(workspace_id: int) -> str:
    """The choice of segments and, once there are two, everything about them."""
    workspace = workspace_or_404(workspace_id)
    ids, those = _asked(workspace)
    now = runtime().clock()
    histories = [(each.name, segment_counts.history(db(), each, now - CHART_OF)) for each in those]
    return render_template(
        "segments/compare.html",
        those=those,
        missing=len(set(ids)) - len(those),
        twice=len(ids) > len(set(ids)),
        enough=len(those) >= FEWEST,
        slots=range(MOST),
        fewest=FEWEST,
        offered=segment_overlap.offered(db(), workspace),
        chart=lines_chart(histories, gap=GAP),
    )


@segments.route("/compare/shared")
def shared(workspace_id: int) -> str:
    """What the segments share, counted now."""
    _, those = _asked(workspace_or_404(workspace_id))
    if len(those) < FEWEST:
        abort(404)
    try:
        overlap = segment_overlap.overlap(db(), those, runtime().clock())
    except Refused as refusal:
        return render_template("segments/_uncounted.html", why=refusal.message)
    rows = _rows(overlap, [each.name for each in those]) if overlap else []
    return render_template("segments/_shared.html", overlap=overlap, rows=rows, those=those)


@segments.route("/<int:segment_id>/left-out")
def left_out(workspace_id: int, segment_id: int) -> str:
    """Whom each channel, and whom none of them, can be sent of a segment, by reason, counted now."""
    _, segment = found(workspace_id, segment_id)
    try:
        everywhere = segment_counts.everywhere_now(db(), segment, runtime().clock())
    except Refused as refusal:
        return render_template("segments/_uncounted.html", why=refusal.message)
    in_warehouse = segment.kind == SegmentKind.WAREHOUSE
    return render_template("segments/_left_out.html", seen=everywhere, segment=segment, in_warehouse=in_warehouse)


@dataclass(frozen=True)
class Row:
    """A region in words: 'Only in A', 'In A and B, not in C', 'In all three'."""

    told: str
    members: int


def _rows(overlap: Overlap, names: Sequence[str]) -> list[Row]:
    return [Row(_told(each.inside, [f"“{name}”" for name in names]), each.members) for each in overlap.regions]


def _told(inside: tuple[int, ...], names: Sequence[str]) -> str:
    here = [names[place] for place in inside]
    if len(here) == 1:
        return f"Only in {here[0]}"
    if len(here) == len(names):
        return "In both" if len(names) == FEWEST else "In all three"
    others = [name for place, name in enumerate(names) if place not in inside]
    return f"In {listed(here)}, not in {listed(others)}"


def _asked(workspace: Workspace) -> tuple[list[int], list[Segment]]:
    """The ids that the address names, and those of them that are segments here."""
    ids = [number for number in request.args.getlist("segment", type=int) if 0 < number < LARGEST_ID][:MOST]
    return ids, segment_overlap.chosen(db(), workspace, ids)
