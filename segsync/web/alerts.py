"""Alerts: what stands in the way, who has to act, and what to do; and the catalogue of everything that can."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, render_template, request

from segsync.actions import alert_lists
from segsync.actions.alert_lists import Which
from segsync.rules import catalogue
from segsync.web import alert_cards
from segsync.web.frame import db, me, runtime
from segsync.web.paging import Page, asked_page, paginate

alerts = Blueprint("alerts", __name__)


@alerts.route("/alerts")
def index() -> str:
    """Alerts grouped by cause, those that wait for me first."""
    asked = request.args.get("which", "")
    which = Which(asked) if asked in list(Which) else Which.OPEN
    now = runtime().clock()
    found = paginate(db(), alert_lists.wanted(me(), which, now), number=asked_page(), size=30)
    cards = alert_cards.cards(found.items)
    mine, everybodys = alert_cards.open_counts()
    closed = alert_lists.count_closed(db(), me(), now)
    return render_template(
        "alerts/index.html",
        groups=[(mine, title, list(some)) for (mine, title), some in groupby(cards, lambda c: (c.mine, c.title))],
        page=Page(cards, found.number, found.size, found.total),
        which=which,
        counts={Which.MINE: mine, Which.OPEN: everybodys, Which.CLOSED: closed},
    )


@alerts.route("/alerts/catalogue")
def show_catalogue() -> str:
    """Everything that can go wrong, by subject; searchable."""
    words = request.args.get("q", "").strip().lower().split()
    entries = [entry for code, entry in catalogue.CATALOGUE.items() if all(word in _everything(code) for word in words)]
    headings: dict[str, list[object]] = {}
    for entry in entries:
        headings.setdefault(catalogue.heading(entry.code), []).append(entry)
    return render_template("alerts/catalogue.html", headings=headings, found=len(entries), catalogue=catalogue)


def _everything(code: str) -> str:
    entry = catalogue.entry(code)
    parts = (code, entry.title, catalogue.sentence(code), *catalogue.steps(code), catalogue.ACTS[entry.acts])
    return " ".join(parts).lower()
