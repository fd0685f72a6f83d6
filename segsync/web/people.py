"""People: who is in the organization, what they may do, inviting by link, and deactivating whoever leaves."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response
from wtforms import EmailField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from segsync.actions import invitations, leavers, people_lists, workspaces
from segsync.actions import people as people_actions
from segsync.actions.actor import Refused
from segsync.actions.invitations import Invited
from segsync.models import Person
from segsync.rules.rights import ROLE_RIGHTS, Right
from segsync.rules.terms import Role
from segsync.web.forms import CheckboxesField, PageForm, choice, typed
from segsync.web.frame import actor, db, need, outside_address, runtime, show_refusal
from segsync.web.paging import asked_page, paginate

people = Blueprint("people", __name__)

Answer = str | Response | tuple[str, int]
ROLE_HELP = {
    Role.PRIMARY_ADMIN: "Everything, and people, roles and workspaces.",
    Role.ABM_ADMIN: "Every sync of everybody, audit, settings.",
    Role.MARKETING_USER: "Contacts, segments and own syncs, in their workspaces.",
    Role.VIEW_ONLY: "Looks at syncs and counts, changes nothing.",
}
ROLES = [choice(role.value, f"{role.label}: {ROLE_HELP[role]}") for role in ROLE_RIGHTS]


class InviteForm(PageForm):
    """Who is invited, and to what."""

    name = StringField("Name", [InputRequired("Type the person's name."), Length(max=100)])
    email = EmailField(
        "E-mail", [InputRequired("Type the person's e-mail address.")], description="They sign in with it."
    )
    role = RadioField("Role", choices=ROLES, default=Role.MARKETING_USER.value)
    workspaces = CheckboxesField("Workspaces", coerce=int, description="Administrators belong to all of them.")


class PersonForm(PageForm):
    """What can be changed about somebody else."""

    role = RadioField("Role", choices=ROLES)
    workspaces = CheckboxesField("Workspaces", coerce=int, description="Administrators belong to all of them.")


@people.route("/people")
def index() -> str:
    """Everybody, and the invitations that are open."""
    text, role = request.args.get("q", "").strip().replace("\x00", ""), request.args.get("role", "")
    page = paginate(db(), people_lists.wanted(actor(), text, role), number=asked_page())
    return render_template(
        "people/index.html",
        page=page,
        role=role,
        roles=list(Role),
        workspaces=people_lists.workspaces_of(db(), page.items),
        syncs=people_lists.syncs_on(db(), page.items),
        pending=invitations.pending(db(), actor(), runtime().clock()),
        link=session.pop("invitation", None),
        refusal=Right.EDIT_PEOPLE.refusal,
    )


@people.route("/people/invite", methods=["GET", "POST"])
def invite() -> Answer:
    """Invites somebody. Their link is shown once, on the page that follows."""
    form = InviteForm()
    form.workspaces.choices = _workspace_choices()
    if form.validate_on_submit():
        invited = Invited(
            typed(form.email), typed(form.name), Role(form.role.data or ""), tuple(form.workspaces.data or ())
        )
        try:
            invitation, token = invitations.invite(db(), actor(), invited, runtime().clock())
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            session["invitation"] = {"name": invitation.name, "link": outside_address("auth.join", token=token)}
            return redirect(url_for("people.index"))
    return render_template("people/invite.html", form=form), 422 if form.failed else 200


@people.post("/people/invitations/<int:invitation_id>/withdraw")
def withdraw(invitation_id: int) -> Response:
    """The link of an invitation works no more."""
    invitations.withdraw(db(), actor(), invitation_id, runtime().clock())
    db().commit()
    flash("The invitation was withdrawn.")
    return redirect(url_for("people.index"))


@people.route("/people/<int:person_id>")
def one(person_id: int) -> Answer:
    """A person: role, workspaces, and what lives on them."""
    person = _person(person_id)
    mine = people_lists.workspaces_of(db(), [person]).get(person.id, [])
    form = PersonForm(formdata=None, role=person.role, workspaces=[workspace.id for workspace in mine])
    return _one(person, form)


@people.post("/people/<int:person_id>")
def change(person_id: int) -> Answer:
    """Another role, other workspaces."""
    person = _person(person_id)
    form = PersonForm()
    form.workspaces.choices = _workspace_choices()
    if form.validate_on_submit():
        try:
            people_actions.change_role(db(), actor(), person.id, Role(form.role.data or ""))
            _put_into_workspaces(person, set(form.workspaces.data or ()))
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash(f"{person.name} was changed.")
            return redirect(url_for("people.one", person_id=person.id))
    return _one(person, form)


@people.route("/people/<int:person_id>/deactivate", methods=["GET", "POST"])
def deactivate(person_id: int) -> Answer:
    """First what lives on the person, then they are signed out for good."""
    need(Right.EDIT_PEOPLE)
    person, form = _person(person_id), PageForm()
    if form.validate_on_submit():
        try:
            leavers.deactivate(db(), actor(), person.id, runtime().clock())
        except Refused as refusal:
            show_refusal(form, Refused(refusal.message))
        else:
            db().commit()
            flash(f"{person.name} was deactivated and is signed out everywhere.")
            return redirect(url_for("people.one", person_id=person.id))
    lives_on = people_lists.lives_on(db(), actor(), person)
    page = render_template("people/deactivate.html", person=person, form=form, lives_on=lives_on)
    return page, 422 if form.failed else 200


@people.post("/people/<int:person_id>/reactivate")
def reactivate(person_id: int) -> Response:
    """The person may sign in again."""
    person = leavers.reactivate(db(), actor(), person_id, runtime().clock())
    db().commit()
    flash(f"{person.name} can sign in again.")
    return redirect(url_for("people.one", person_id=person_id))


def _person(person_id: int) -> Person:
    try:
        return people_actions.find(db(), actor(), person_id)
    except Refused:
        abort(404)


def _one(person: Person, form: PersonForm) -> Answer:
    form.workspaces.choices = _workspace_choices()
    page = render_template(
        "people/one.html",
        person=person,
        form=form,
        lives_on=people_lists.lives_on(db(), actor(), person),
        refusal=Right.EDIT_PEOPLE.refusal,
    )
    return page, 422 if form.failed else 200


def _workspace_choices() -> list[Any]:
    return [choice(each.id, each.name) for each in workspaces.visible(db(), actor())]


def _put_into_workspaces(person: Person, chosen: set[int]) -> None:
    before = {workspace.id for workspace in people_lists.workspaces_of(db(), [person]).get(person.id, [])}
    for workspace_id in sorted(chosen - before):
        workspaces.add_person(db(), actor(), workspace_id, person.id)
    for workspace_id in sorted(before - chosen):
        workspaces.remove_person(db(), actor(), workspace_id, person.id)
