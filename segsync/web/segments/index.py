"""The segments of a workspace: searched, sorted, filtered, and those deleted of late."""

from __future__ import annotations

from typing import Final

from flask import render_template, request

from segsync.actions import segment_uses
from segsync.actions.segment_uses import ORDERS, Wanted
from segsync.rules.rights import Right
from segsync.web.frame import db, runtime, workspace_or_404
from segsync.web.paging import asked_page, paginate
from segsync.web.segments.blueprint import segments

WHICH: Final = {
    "": "All",
    "people": "People",
    "companies": "Companies",
    "list": "Static lists",
    "warehouse": "In a warehouse",
}
LONGEST_TEXT: Final = 200


@segments.route("")
def index(workspace_id: int) -> str:
    """All segments, or those asked for."""
    workspace = workspace_or_404(workspace_id)
    wanted = _wanted()
    page = paginate(db(), segment_uses.listed(workspace, wanted, runtime().clock()), number=asked_page())
    syncs, people = segment_uses.beside(db(), page.items)
    return render_template(
        "segments/index.html",
        wanted=wanted,
        page=page,
        syncs=syncs,
        people=people,
        orders=ORDERS,
        which=WHICH,
        query={"q": wanted.text or None, "sort": wanted.order if wanted.order != "name" else None},
        edit_refusal=Right.EDIT_DATA.refusal,
    )


def _wanted() -> Wanted:
    order, which = request.args.get("sort", "name"), request.args.get("which", "")
    return Wanted(
        text=" ".join(request.args.get("q", "").replace("\0", "").split())[:LONGEST_TEXT],
        which=which if which in WHICH else "",
        order=order if order in ORDERS else "name",
        deleted=request.args.get("deleted") == "yes",
    )
