"""People who are taken out of every audience: asking for it on a contact, the list, and one with its audiences."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, StringField
from wtforms.validators import Length

from segsync.actions import contacts as contact_actions
from segsync.actions import opt_outs
from segsync.actions import removals as actions
from segsync.actions.actor import NotAllowed, NotThere, Refused
from segsync.actions.removals import Wish
from segsync.models import RemovalTask
from segsync.rules.reasons import reason_for
from segsync.rules.removal_words import Sort, TaskState
from segsync.web.forms import PageForm, choice, typed
from segsync.web.frame import actor, db, runtime, show_refusal, workspace_or_404
from segsync.web.paging import asked_page, paginate
from segsync.web.words import channel_label, channel_page

removals = Blueprint("removals", __name__)

Answer = str | Response | tuple[str, int]
SORTS: Final = [
    choice(Sort.OPT_OUT.value, "They opted out: out of every audience, and not subscribed here"),
    choice(Sort.CONSENT.value, "They withdrew their consent: the same, and their advertising consents are denied here"),
    choice(Sort.ERASURE.value, "They are to be erased: the same, and their data here is deleted for good"),
]
ICONS: Final = {
    TaskState.WAITING: "wait",
    TaskState.SENT: "syncing",
    TaskState.CONFIRMED: "synced",
    TaskState.BY_HAND: "failed",
}


class AskForm(PageForm):
    """Why the person is taken out."""

    sort = RadioField("What happened?", choices=SORTS, default=Sort.OPT_OUT.value)
    reason = StringField(
        "Note",
        [Length(max=actions.LONGEST_REASON)],
        description="Where they said so. No names or addresses: it is kept.",
    )


@removals.route("/removals")
def index() -> str:
    """Everybody who was or is being taken out."""
    open_only = request.args.get("show", "") == "open"
    page = paginate(db(), actions.listed(actor(), open_only=open_only), number=asked_page())
    return render_template(
        "removals/index.html",
        page=page,
        open_only=open_only,
        counts=actions.counts(db(), page.items),
        people=actions.names(db(), page.items),
        sorts={sort.value: sort.label for sort in Sort},
        now=runtime().clock(),
    )


@removals.route("/removals/<int:removal_id>")
def one(removal_id: int) -> Answer:
    """One of them, with each audience."""
    removal = _found(removal_id)
    return render_template(
        "removals/one.html",
        removal=removal,
        tasks=actions.tasks(db(), removal),
        sort=Sort(removal.sort),
        asked_by=actions.names(db(), [removal]).get(removal.person_id, ""),
        icon_of=lambda task: ICONS[TaskState(task.state)],
        words=words,
        page_of=page_of,
        now=runtime().clock(),
    )


@removals.post("/removals/<int:removal_id>/tasks/<int:task_id>/by-hand")
def by_hand(removal_id: int, task_id: int) -> Response:
    """Somebody did it on the channel's own page."""
    _found(removal_id)
    try:
        actions.done_by_hand(db(), actor(), removal_id, task_id, now=runtime().clock())
    except (NotAllowed, NotThere):
        raise
    except Refused as refusal:
        flash(refusal.message, "error")
    else:
        db().commit()
        runtime().queue.wake_removal(removal_id)
        flash("Noted as done, with your name. The person goes out of our books next.")
    return redirect(url_for("removals.one", removal_id=removal_id))


@removals.route("/w/<int:workspace_id>/contacts/<int:contact_id>/take-out", methods=["GET", "POST"])
def ask(workspace_id: int, contact_id: int) -> Answer:
    """Says what will happen, and begins it."""
    workspace = workspace_or_404(workspace_id)
    try:
        contact = contact_actions.find(db(), workspace, contact_id)
    except Refused:
        abort(404)
    form = AskForm()
    if form.validate_on_submit():
        try:
            wish = Wish(Sort(typed(form.sort)), typed(form.reason))
            made = actions.ask(db(), actor(), workspace, contact.id, wish, now=runtime().clock())
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            runtime().queue.wake_removal(made.id)
            flash("No run sends them any more. Workers take them out of every audience now.")
            return redirect(url_for("removals.one", removal_id=made.id))
    others = opt_outs.same_person(db(), actor().organization_id, contact)
    html = render_template("removals/ask.html", form=form, contact=contact, others=others)
    return html, 422 if form.failed else 200


def words(task: RemovalTask) -> str:
    """Where a task stands, as a sentence without a full stop."""
    channel = channel_label(task.sync.channel)
    if task.state == TaskState.CONFIRMED:
        return "Confirmed, and out of our books"
    if task.state == TaskState.BY_HAND:
        return f"{channel} cannot be asked: {reason_for(task.problem_code).short}. Tried again once a day"
    if task.state == TaskState.SENT:
        return "Done there, going out of our books" if task.final_at else f"Sent, {channel} is working on it"
    again = f", last answer: {reason_for(task.problem_code).short}" if task.problem_code else ""
    return f"Waiting to be sent{again}"


def page_of(task: RemovalTask) -> str:
    """The channel's own page of the audience, or of the ad account; '' where there is none."""
    sync = task.sync
    return channel_page(sync.channel, "audience", sync.account_id, sync.audience_id or "") or channel_page(
        sync.channel, "account", sync.account_id
    )


def _found(removal_id: int) -> Any:
    try:
        return actions.find(db(), actor(), removal_id)
    except NotAllowed:
        raise
    except Refused:
        abort(404)
