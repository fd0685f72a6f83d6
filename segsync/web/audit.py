"""The audit trail for administrators: a readable sentence per event, filters in the address, export."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from segsync.actions import audit_lists
from segsync.actions.audit_lists import Filters
from segsync.rules import events
from segsync.web.frame import actor, db, runtime
from segsync.web.paging import asked_page, paginate
from segsync.web.words import zone

audit = Blueprint("audit", __name__)


@audit.route("/audit")
def index() -> str:
    """Who did what, newest first."""
    filters, mistakes = _filters()
    return render_template(
        "audit/index.html",
        page=paginate(db(), audit_lists.wanted(actor(), filters, zone()), number=asked_page()),
        filters=filters,
        mistakes=mistakes,
        actors=audit_lists.actors(db(), actor()),
        kinds=events.KINDS,
        events=events,
        sentence=audit_lists.sentence,
    )


@audit.post("/audit/export")
def export() -> AnyResponse:
    """The filtered trail as CSV, as long as it is. That it was taken along is an event itself."""
    filters, mistakes = _filters()
    if mistakes:
        return redirect(f"{url_for('audit.index')}?{request.query_string.decode()}")
    found = audit_lists.wanted(actor(), filters, zone())
    audit_lists.record_export(db(), actor(), filters)
    db().commit()
    sessions = runtime().sessions

    def lines() -> Iterator[str]:
        with sessions() as session:
            yield from audit_lists.export(session, found)

    name = f"audit-{runtime().clock():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(lines(), mimetype="text/csv", headers=headers)


def _filters() -> tuple[Filters, dict[str, str]]:
    asked = request.args
    mistakes: dict[str, str] = {}
    filters = Filters(
        actor=asked.get("actor", ""),
        kind=asked.get("kind", ""),
        event=asked.get("event", ""),
        text=asked.get("q", "").strip().replace("\x00", ""),
        sync=asked.get("sync", "").strip().replace("\x00", ""),
        since=_day("since", mistakes),
        until=_day("until", mistakes),
    )
    if filters.since and filters.until and filters.since > filters.until:
        mistakes["until"] = "The last day is before the first."
    return filters, mistakes


def _day(name: str, mistakes: dict[str, str]) -> date | None:
    given = request.args.get(name, "").strip()
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        mistakes[name] = "Give the day as year, month and day, for instance 2026-03-31."
        return None
