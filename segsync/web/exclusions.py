"""Exclusion lists: who is on them, putting on one or many, taking off."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from sqlalchemy import func, select
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from connectors.registry import CHANNELS
from segsync.actions import exclusions as actions
from segsync.actions.actor import Refused
from segsync.actions.exclusions import Put, Terms, Written
from segsync.models import Segment, Workspace
from segsync.rules.exclusion_lines import KINDS
from segsync.web.forms import PageForm, choice, typed
from segsync.web.frame import actor, current_workspace, db, my_workspaces, runtime, show_refusal
from segsync.web.paging import asked_page, paginate
from segsync.web.searches import asked_search, sealed_search, typed_search
from segsync.web.words import counted

exclusions = Blueprint("exclusions", __name__, url_prefix="/exclusions")

Answer = str | Response | tuple[str, int]
LONGEST_TEXT: Final = 1_500_000
"""With what stands around it in a form this is below what a page takes."""
MOST_SEGMENTS: Final = 500
MOST_TOLD: Final = 10
CHANNEL_CHOICES: Final = {"": "Every channel", **{name: each.capabilities.label for name, each in CHANNELS.items()}}
NO_SEGMENT: Final = choice("", "No segment")
LINE_KINDS: Final = {
    "": "As each line looks",
    **{kind: f"Each line: {label.lower()}" for kind, label in KINDS.items() if kind != "segment"},
}


class ExcludeForm(PageForm):
    """Whom to leave out, where, why and until when."""

    lines = TextAreaField(
        "Whom to leave out",
        [Length(max=LONGEST_TEXT)],
        description="One on each line: an e-mail, a phone, a domain such as example.com, or a company's name.",
    )
    kind = SelectField("What the lines are", choices=LINE_KINDS, default="")
    file = FileField("Or a text file, one on each line")
    segment = SelectField("Or everybody in a segment", choices=[NO_SEGMENT], validate_choice=False)
    channel = SelectField("Left out of", choices=CHANNEL_CHOICES, default="")
    reason = StringField("Reason", [Length(max=actions.LONGEST_REASON)], description="Competitors, complaints, staff.")
    ends_at = DateField(
        "Last day on the list",
        [Optional()],
        description="Empty for no end. Days end at midnight UTC.",
        format="%Y-%m-%d",
    )


@exclusions.route("")
def index() -> Answer:
    """Who is on the lists, and the form that puts somebody on."""
    return _page(_form(bare=True))


@exclusions.post("")
def add() -> Answer:
    """Puts one or many on."""
    form = _form()
    if form.validate_on_submit():
        try:
            put = _put(form)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash(_told(put))
            return redirect(url_for("exclusions.index"))
    return _page(form)


@exclusions.post("/search")
def search() -> Response:
    """Looks through the lists: what was typed goes on sealed."""
    chosen: dict[str, Any] = {name: request.form.get(name) or None for name in ("kind", "channel")}
    return redirect(url_for("exclusions.index", find=sealed_search(typed_search()), **chosen))


@exclusions.post("/<int:exclusion_id>/end")
def end(exclusion_id: int) -> Response:
    """Takes an entry off."""
    entry = actions.end(db(), actor(), exclusion_id)
    db().commit()
    flash(
        f"The {KINDS[entry.kind].lower()} was taken off. The next run of every sync lets in whom nothing else leaves out."
    )
    return redirect(url_for("exclusions.index"))


def _put(form: ExcludeForm) -> Put:
    day = form.ends_at.data
    ends_at = datetime.combine(day + timedelta(days=1), time(), UTC) if day else None
    terms = Terms(typed(form.channel), typed(form.reason).strip(), ends_at)
    now = runtime().clock()
    lines = typed(form.lines).splitlines() + _of_file(form)
    segment = typed(form.segment)
    if segment and any(line.strip() for line in lines):
        raise Refused("Give lines or a segment, not both at once.", field="segment")
    if segment:
        return actions.add_segment(db(), actor(), int(segment) if segment.isdecimal() else 0, terms, now=now)
    here = current_workspace()
    written = Written(lines, here.country if here else "US", typed(form.kind))
    return actions.add_lines(db(), actor(), written, terms, now=now)


def _of_file(form: ExcludeForm) -> list[str]:
    sent = form.file.data
    if not sent:
        return []
    content: bytes = sent.read(LONGEST_TEXT + 1)
    if len(content) > LONGEST_TEXT:
        raise Refused("A file may have 1.5 MB. Cut it into several.", field="file")
    try:
        return content.decode("utf-8-sig").replace("\x00", "").splitlines()
    except UnicodeDecodeError:
        raise Refused("This file is not UTF-8 text. Save it as plain text or CSV in UTF-8.", field="file") from None


def _told(put: Put) -> str:
    it = "it" if put.added == 1 else "them"
    parts = [
        f"{counted(put.added, 'entry', 'entries')} put on; every sync goes by {it} from its next run on."
        if put.added
        else "Nothing was added."
    ]
    if put.already:
        parts.append(f"{counted(put.already, 'entry was', 'entries were')} on the lists already.")
    if put.unreadable:
        some = ", ".join(f"{number:,}" for number in put.unreadable[:MOST_TOLD])
        more = f" and {len(put.unreadable) - MOST_TOLD:,} more" if len(put.unreadable) > MOST_TOLD else ""
        word = "line" if len(put.unreadable) == 1 else "lines"
        parts.append(f"Not understood, and left aside: {word} {some}{more}.")
    return " ".join(parts)


def _form(*, bare: bool = False) -> ExcludeForm:
    form = ExcludeForm(formdata=None) if bare else ExcludeForm()
    form.segment.choices = [NO_SEGMENT, *_segments()]
    return form


def _segments() -> list[Any]:
    workspaces = {workspace.id: workspace.name for workspace in my_workspaces()}
    found = db().execute(
        select(Segment.id, Segment.name, Workspace.name)
        .join(Workspace, Workspace.id == Segment.workspace_id)
        .where(Segment.workspace_id.in_(workspaces), Segment.deleted_at.is_(None))
        .order_by(func.lower(Segment.name), Segment.id)
        .limit(MOST_SEGMENTS)
    )
    return [choice(number, f"{name} ({of})" if len(workspaces) > 1 else name) for number, name, of in found]


def _page(form: ExcludeForm) -> Answer:
    asked = {name: request.args.get(name, "").strip().replace("\x00", "") for name in ("kind", "channel")}
    asked["q"] = asked_search()
    page = paginate(
        db(),
        actions.listed(actor(), text=asked["q"], kind=asked["kind"], channel=asked["channel"]),
        number=asked_page(),
    )
    people, segments = actions.beside(db(), page.items)
    shown: dict[str, Any] = {"asked": asked, "filtered": any(asked.values()), "now": runtime().clock()}
    html = render_template(
        "exclusions/index.html",
        form=form,
        page=page,
        live=actions.count(db(), actor(), runtime().clock()),
        people=people,
        segments=segments,
        kinds=KINDS,
        channels=CHANNEL_CHOICES,
        **shown,
    )
    return html, 422 if form.failed else 200
