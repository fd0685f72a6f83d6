"""Where is this person? One e-mail, phone or external id in, everything they are in out. What was typed stands in no address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from flask import Blueprint, abort, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import Length

from connectors.contract import Kind
from connectors.registry import CHANNELS
from segsync.actions import asks
from segsync.actions import contacts as contact_actions
from segsync.actions import whereabouts as actions
from segsync.actions.actor import NotAllowed, Refused
from segsync.actions.ask_kinds import WHERE
from segsync.actions.whereabouts import Place, Whereabouts
from segsync.models import Ask, Contact, Sync
from segsync.rules.reasons import reason_for
from segsync.rules.standing import Stands
from segsync.rules.terms import AskState, Detail, Status
from segsync.web.asking import asked, under_way
from segsync.web.forms import PageForm, typed
from segsync.web.frame import actor, db, my_workspaces, runtime, show_refusal, workspace_or_404
from segsync.web.live import fragment
from segsync.web.syncs.said import SKIPPED_WORDS, key_word
from segsync.web.words import channel_label, listed

where = Blueprint("where", __name__, url_prefix="/w/<int:workspace_id>/where")

Answer = str | Response | tuple[str, int]
ICONS: Final = {
    Stands.IN: "synced",
    Stands.WAITING: "syncing",
    Stands.NEXT_RUN: "wait",
    Stands.REFUSED: "failed",
    Stands.REMOVAL_DUE: "warn",
    Stands.OUT: "circle",
}
WHY: Final = {**SKIPPED_WORDS, "not_member": "not a member of the segment"}


class WhoForm(PageForm):
    """Who is looked for."""

    who = StringField("E-mail, phone number or external id", [Length(max=320)], description="The whole of it.")


@where.route("", methods=["GET", "POST"])
def index(workspace_id: int) -> Answer:
    """The question, and who fits it in any of the person's workspaces."""
    workspace_or_404(workspace_id)
    form, found = WhoForm(), None
    if form.validate_on_submit():
        try:
            found = actions.find(db(), actor(), my_workspaces(), typed(form.who))
        except Refused as refusal:
            show_refusal(form, refusal)
        db().commit()
    if found and len(found) == 1:
        contact = found[0][0]
        return redirect(url_for("where.one", workspace_id=contact.workspace_id, contact_id=contact.id))
    return render_template("where/index.html", form=form, found=found), 422 if form.failed else 200


LOOKED_AT = timedelta(minutes=10)
"""As long as somebody may have looked elsewhere while a worker was finding out: the page is told the answer that this look asked for."""


@where.route("/<int:contact_id>")
def one(workspace_id: int, contact_id: int) -> Answer:
    """Where one contact is. Looking is written into the audit trail. What stands in whole books is found out by a worker."""
    contact = _contact_or_404(workspace_id, contact_id)
    seen = actions.look(runtime(), db(), actor(), contact)
    db().commit()
    question = asked(WHERE, {"contact": contact.id}) if any(place.from_warehouse for place in seen.places) else None
    return render_template("where/one.html", contact=contact, question=question, **_told(seen, question))


@where.route("/<int:contact_id>/audiences")
def audiences(workspace_id: int, contact_id: int) -> Response:
    """The audiences once a worker has answered: what that look still owes, and nothing for anybody who did not look just now."""
    contact = _contact_or_404(workspace_id, contact_id)
    question = asks.last(db(), actor(), WHERE, {"contact": contact.id})
    if question is None or under_way(question) or not asks.lately(runtime(), question, LOOKED_AT):
        return Response(status=304, headers={"X-Live": "busy" if under_way(question) else "idle"})
    told = _told(actions.seen(runtime(), db(), actor(), contact), question)
    return fragment(render_template("where/_audiences.html", contact=contact, question=question, **told), busy=False)


def _contact_or_404(workspace_id: int, contact_id: int) -> Contact:
    workspace = workspace_or_404(workspace_id)
    try:
        return contact_actions.find(db(), workspace, contact_id)
    except NotAllowed:
        raise
    except Refused:
        abort(404)


def _told(seen: Whereabouts, question: Ask | None) -> dict[str, Any]:
    if question is not None and question.state == AskState.DONE:
        seen = actions.answered(seen, question.answer)
        question = None
    told = [(place, *_said(place, question)) for place in seen.places]
    return {"seen": seen, "told": told, "keys": keys}


def _said(place: Place, question: Ask | None) -> tuple[str, str]:
    """An icon, and where the person stands. `question` is one that has no answer yet, or never will have one."""
    if place.from_warehouse and question is not None:
        if under_way(question):
            return "syncing", "A worker is finding out"
        why = reason_for(question.problem_code).short
        return "warn", f"It could not be found out: {why}. Load this page again in a moment"
    return ICONS[place.standing.stands] if place.standing else "warn", words(place)


def words(place: Place) -> str:
    """Where the person stands at an audience, as a sentence without a full stop."""
    standing, sync = place.standing, place.sync
    if place.nameless:
        return (
            f"Not known: whoever comes from a warehouse is found by e-mail or phone, and this contact has none that "
            f"{channel_label(sync.channel)} takes"
        )
    if standing is None:
        return "Our books of this audience cannot be read here; the next run says what is wrong"
    if place.from_warehouse and (standing.stands, standing.why) == (Stands.OUT, "not_member"):
        if sync.ledger_id is None:
            return "Not in it yet: no run of this sync has ended so far"
        return "Not in it: nobody whom the warehouse named at the last run has their e-mail or phone"
    why = WHY.get(standing.why, "")
    if sync.segment.deleted_at is not None:
        stays = "Still in it: nobody is taken out any more, until somebody restores the segment or deletes the sync"
        return f"{'Not in it' if standing.stands is Stands.OUT else stays}: the segment was deleted"
    due, later = next(
        (words for fits, words in _HALTED if fits(sync)), ("taken out by the next run", "the next run adds them")
    )
    return {
        Stands.IN: "In the audience, accepted",
        Stands.WAITING: "Waiting: in the plan of the run under way, or sent and not answered yet",
        Stands.NEXT_RUN: f"Not in it yet: {later}",
        Stands.REFUSED: f"Refused by {channel_label(place.sync.channel)}: {reason_for(standing.code).short}",
        Stands.REMOVAL_DUE: f"Removal due, {due}: {why}",
        Stands.OUT: f"Not in it: {why}",
    }[standing.stands]


_HALTED: Final[Sequence[tuple[Callable[[Sync], bool], tuple[str, str]]]] = (
    (
        lambda sync: sync.status == Status.INACTIVE,
        ("stays in it as long as the sync is switched off", "the sync is switched off"),
    ),
    (
        lambda sync: sync.detail == Detail.HELD,
        (
            "waits until an administrator releases the run that is held",
            "the run is held, and waits for an administrator",
        ),
    ),
    (
        lambda sync: sync.detail == Detail.NEEDS_PERSON,
        ("taken out once the sync works again", "added once the sync works again"),
    ),
)
"""Syncs whose next run does not come by itself: what that means for somebody who is to go, and for somebody who is to come."""


def keys(place: Place) -> str:
    """The identifiers that were sent, named and not told."""
    shape = CHANNELS[place.sync.channel].capabilities.shapes[Kind.PEOPLE]
    sent = place.standing.keys if place.standing else ()
    return listed([key_word(key) for key in shape.keys if key.name in sent])
