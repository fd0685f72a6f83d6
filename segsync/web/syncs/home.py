"""Segment Syncs, the home: is everything in step, and if not, who must do what? And who uses the contracted syncs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from segsync.actions import limits, news, overviews, sync_census, sync_lists, turns
from segsync.actions.sync_census import Census
from segsync.actions.sync_lists import SIZE
from segsync.models import Segment
from segsync.rules.limit import Use
from segsync.rules.sync_filter import SORTS, SyncFilter, read
from segsync.rules.terms import Status
from segsync.web import alert_cards
from segsync.web.frame import actor, db, runtime
from segsync.web.live import fragment
from segsync.web.paging import Page, asked_page
from segsync.web.syncs import said
from segsync.web.syncs.blueprint import syncs
from segsync.web.syncs.rows import rows
from segsync.web.words import channel_label


@syncs.app_context_processor
def _words() -> dict[str, Any]:
    return said.words()


@syncs.route("/")
def root() -> Response:
    """The home is the list."""
    return redirect(url_for("syncs.home"))


@syncs.route("/syncs")
def home() -> str:
    """Overview, what needs attention, and every sync of the organization."""
    wanted = read(request.args)
    fits = sync_lists.fits(actor(), wanted)
    census = sync_census.take(db(), actor().organization_id, accounts=True, fits=fits)
    shown = _list(wanted, by_status=None if fits is None else census.fitting)
    return render_template("syncs/home.html", **_top(census), **shown, **_filters(wanted, census))


@syncs.route("/syncs/live/top")
def live_top() -> Response:
    """The overview and what needs attention, polled."""
    top = _top(sync_census.take(db(), actor().organization_id))
    return fragment(render_template("syncs/_top.html", **top), busy=bool(top["busy"]))


@syncs.route("/syncs/live/list")
def live_list() -> Response:
    """The list itself, polled."""
    shown = _list(read(request.args))
    return fragment(render_template("syncs/_list.html", **shown), busy=bool(shown["found"].runs))


@syncs.post("/syncs/news")
def read_news() -> Response:
    """The creator read what they were told once."""
    news.read(db(), actor(), request.form.getlist("sync"), now=runtime().clock())
    db().commit()
    return redirect(url_for("syncs.home"))


@syncs.route("/syncs/limit")
def limit() -> str:
    """Who uses the contracted syncs, for what, and what would free a place."""
    return render_template("syncs/limit.html", told=limits.explain(db(), actor().organization_id))


def _top(census: Census) -> dict[str, Any]:
    session, who = db(), actor()
    glance = overviews.glance(session, who)
    return {
        "cards": overviews.channels(session, who, census),
        "use": Use(census.places, glance.contracted),
        "attention": alert_cards.needing_attention(),
        "news": news.unread(session, who) if glance.news else [],
        "lines": turns.lines(session, who.organization_id) if glance.waits else [],
        "attention_total": alert_cards.open_counts()[1],
        "glance": glance,
        "busy": glance.runs,
    }


def _list(wanted: SyncFilter, by_status: Mapping[str, int] | None = None) -> dict[str, Any]:
    found = sync_lists.page(db(), actor(), wanted, asked_page(), by_status=by_status)
    return {
        "wanted": wanted,
        "found": found,
        "rows": rows(found),
        "page": Page(found.items, found.number, SIZE, found.total),
        "tabs": [("", "All", "list"), *((status.value, *_tab(status)) for status in Status)],
        "sorts": SORTS,
        "address": address,
        "page_address": lambda number: address(wanted, number),
    }


def _tab(status: Status) -> tuple[str, str]:
    return status.value.capitalize(), status.value


def _filters(wanted: SyncFilter, census: Census) -> dict[str, Any]:
    segment = db().get(Segment, wanted.segment) if wanted.segment else None
    choices = sync_lists.choices(db(), actor(), census)
    mine = segment is not None and segment.organization_id == actor().organization_id
    return {
        "choices": choices,
        "channel_options": [(name, channel_label(name)) for name in choices.channels],
        "none_of": lambda filters: SyncFilter(status=filters.status, sort=filters.sort, backwards=filters.backwards),
        "segment": segment if mine else None,
        # about the whole organization, whatever is filtered
        "lead": said.all_in_all(census.by_status),
    }


def address(wanted: SyncFilter, number: int = 1) -> str:
    """The list with these filters."""
    values: dict[str, Any] = {**wanted.query(), "page": number if number > 1 else None}
    return url_for("syncs.home", **values)
