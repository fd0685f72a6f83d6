"""Custom fields of a workspace: the standard ones beside them, adding, renaming, putting away."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import Length

from segsync.actions import fields as field_actions
from segsync.actions.actor import Refused
from segsync.models import Workspace
from segsync.rules.import_mapping import LABELS
from segsync.rules.rights import Right
from segsync.web.forms import PageForm, typed
from segsync.web.frame import actor, db, show_refusal, workspace_or_404

fields = Blueprint("fields", __name__, url_prefix="/w/<int:workspace_id>/fields")

Answer = str | Response | tuple[str, int]


class FieldForm(PageForm):
    """A new field."""

    label = StringField("Name", [Length(max=200)])
    type = SelectField("Type", choices={kind.value: label for kind, label in field_actions.TYPE_LABELS.items()})
    subject = RadioField("Of", choices={"contact": "Contacts", "company": "Companies"}, default="contact")


class RenameForm(PageForm):
    """Another name."""

    label = StringField("Name", [Length(max=200)])


@fields.route("", methods=["GET", "POST"])
def index(workspace_id: int) -> Answer:
    """All fields, and a form for a new one."""
    workspace = workspace_or_404(workspace_id)
    form = FieldForm()
    if form.validate_on_submit():
        try:
            made = field_actions.create(
                db(), actor(), workspace, subject=typed(form.subject), label=typed(form.label), type_=typed(form.type)
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash(f"The field {made.label} was added.")
            return redirect(url_for("fields.index", workspace_id=workspace.id))
    page = render_template(
        "fields/index.html",
        form=form,
        own={subject: field_actions.of(db(), workspace, subject, archived=True) for subject in LABELS},
        standard=LABELS,
        types=field_actions.TYPE_LABELS,
        refusal=Right.EDIT_DATA.refusal,
    )
    return page, 422 if form.failed else 200


@fields.route("/<int:field_id>/rename", methods=["GET", "POST"])
def rename(workspace_id: int, field_id: int) -> Answer:
    """Another name; what is stored stays."""
    workspace = workspace_or_404(workspace_id)
    field = field_actions.find(db(), workspace, field_id)
    form = RenameForm(obj=field)
    if form.validate_on_submit():
        try:
            field_actions.rename(db(), actor(), workspace, field_id, typed(form.label))
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            return _changed(workspace, f"The field is called {field.label} now.")
    return render_template("fields/rename.html", form=form, field_shown=field), 422 if form.failed else 200


@fields.post("/<int:field_id>/put-away")
def put_away(workspace_id: int, field_id: int) -> Answer:
    """Out of sight; values stay."""
    workspace = workspace_or_404(workspace_id)
    field = field_actions.put_away(db(), actor(), workspace, field_id)
    return _changed(workspace, f"{field.label} was put away. Its values are kept, and it can come back.")


@fields.post("/<int:field_id>/bring-back")
def bring_back(workspace_id: int, field_id: int) -> Answer:
    """In sight again."""
    workspace = workspace_or_404(workspace_id)
    field = field_actions.bring_back(db(), actor(), workspace, field_id)
    return _changed(workspace, f"{field.label} is back, with its values.")


def _changed(workspace: Workspace, said: str) -> Response:
    db().commit()
    flash(said)
    return redirect(url_for("fields.index", workspace_id=workspace.id))
