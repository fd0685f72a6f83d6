"""Workspaces: their names, countries, time zones, and who belongs to them."""

from __future__ import annotations

from zoneinfo import available_timezones

import phonenumbers
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from segsync.actions import workspace_lists
from segsync.actions import workspaces as workspace_actions
from segsync.actions.actor import Refused
from segsync.actions.workspaces import WorkspaceForm
from segsync.models import Workspace
from segsync.rules.rights import Right
from segsync.web.forms import PageForm, choice, typed
from segsync.web.frame import actor, db, my_workspaces, need, show_refusal

workspaces = Blueprint("workspaces", __name__)

Answer = str | Response | tuple[str, int]
COUNTRIES = [choice(each, each) for each in sorted(phonenumbers.SUPPORTED_REGIONS)]
ZONES = [choice(each, each.replace("_", " ")) for each in sorted(available_timezones() - {"localtime"})]


class SettingsForm(PageForm):
    """What can be said about a workspace."""

    name = StringField("Name", [InputRequired("A name is needed."), Length(max=100)])
    country = SelectField(
        "Country of phone numbers",
        choices=COUNTRIES,
        default="US",
        description="Where a number belongs that comes without a country code. Numbers that are here already stay as they are.",
    )
    time_zone = SelectField(
        "Time zone", choices=ZONES, default="UTC", description="What “today” means in the rules of its segments."
    )


@workspaces.route("/workspaces")
def index() -> str:
    """All workspaces, with how much is in each."""
    return render_template(
        "workspaces/index.html",
        workspaces=my_workspaces(),
        counts=workspace_lists.counts(db(), actor()),
        refusal=Right.EDIT_PEOPLE.refusal,
    )


@workspaces.route("/workspaces/new", methods=["GET", "POST"])
def create() -> Answer:
    """A new, empty workspace."""
    need(Right.EDIT_PEOPLE)
    form = SettingsForm()
    if form.validate_on_submit():
        try:
            made = workspace_actions.create(db(), actor(), _said(form))
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash(f"The workspace {made.name} was made.")
            return redirect(url_for("workspaces.one", workspace_id=made.id))
    return render_template("workspaces/new.html", form=form), 422 if form.failed else 200


@workspaces.route("/workspaces/<int:workspace_id>")
def one(workspace_id: int) -> Answer:
    """A workspace and its people."""
    workspace = _workspace(workspace_id)
    return _one(workspace, SettingsForm(formdata=None, obj=workspace))


@workspaces.post("/workspaces/<int:workspace_id>")
def change(workspace_id: int) -> Answer:
    """Another name, country or time zone."""
    workspace = _workspace(workspace_id)
    form = SettingsForm()
    if form.validate_on_submit():
        try:
            workspace_actions.change(db(), actor(), workspace.id, _said(form))
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash(f"The workspace {workspace.name} was changed.")
            return redirect(url_for("workspaces.one", workspace_id=workspace.id))
    return _one(workspace, form)


def _workspace(workspace_id: int) -> Workspace:
    # not `workspace_or_404`: looking at its settings does not mean working in it
    return next((each for each in my_workspaces() if each.id == workspace_id), None) or abort(404)


def _one(workspace: Workspace, form: SettingsForm) -> Answer:
    page = render_template(
        "workspaces/one.html",
        workspace_shown=workspace,
        form=form,
        members=workspace_actions.members(db(), actor(), workspace.id),
        refusal=Right.EDIT_PEOPLE.refusal,
    )
    return page, 422 if form.failed else 200


def _said(form: SettingsForm) -> WorkspaceForm:
    return WorkspaceForm(typed(form.name), typed(form.country), typed(form.time_zone))
