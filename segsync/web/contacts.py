"""Contacts: looking through and searching, a contact's page, editing, consent, linked devices."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import Length

from segsync.actions import contacts as contact_actions
from segsync.actions import devices, fields, memberships
from segsync.actions.actor import NotAllowed, Refused
from segsync.actions.contacts import Erased, Gate, Said
from segsync.models import Contact, Workspace
from segsync.rules.import_mapping import CONTACT_LABELS
from segsync.rules.masking import mask
from segsync.rules.rights import Right
from segsync.rules.terms import CONTACT_FIELDS, Subscription
from segsync.web.forms import PageForm, typed
from segsync.web.frame import actor, db, may, need, runtime, show_refusal, workspace_or_404
from segsync.web.paging import Page, asked_page, paginate
from segsync.web.record_forms import own_fields, raw_of, record_form, refuse
from segsync.web.searches import asked_search, sealed_search, typed_search

contacts = Blueprint("contacts", __name__, url_prefix="/w/<int:workspace_id>/contacts")

Answer = str | Response | tuple[str, int]
SAMPLE: Final = 20
CONSENTS: Final = {"granted": "Granted", "denied": "Denied", "unknown": "Unknown"}


class ConsentForm(PageForm):
    """What a contact said."""

    subscription = RadioField("Subscribed", choices={"yes": "Yes", "no": "No", "unknown": "Unknown"})
    ad_user_data = RadioField("May their data be used for advertising?", choices=CONSENTS)
    ad_personalization = RadioField("May advertising be personalised?", choices=CONSENTS)
    source = StringField(
        "Where they said so",
        [Length(max=200)],
        description="A form, a fair, a letter. Without it, your name stands here.",
    )


class DeviceForm(PageForm):
    """A device to link."""

    kind = SelectField("Kind", choices=dict(devices.KINDS))
    value = StringField("Id", [Length(max=100)])


@contacts.route("")
def index(workspace_id: int) -> str:
    """All contacts, or those that a search finds; masked for somebody who may not see values."""
    workspace = workspace_or_404(workspace_id)
    asked = asked_search() if may(Right.SEE_VALUES) else ""
    return render_template(
        "contacts/index.html",
        asked=asked,
        total=contact_actions.count(db(), workspace) if asked or not may(Right.SEE_VALUES) else None,
        page=_page(workspace, asked),
        at_most=contact_actions.FOUND_AT_MOST,
        mask=(lambda _name, value: value) if may(Right.SEE_VALUES) else mask,
        see_refusal=Right.SEE_VALUES.refusal,
        edit_refusal=Right.EDIT_DATA.refusal,
    )


@contacts.post("")
def search(workspace_id: int) -> Response:
    """Looks for somebody: what was typed goes on sealed."""
    workspace = workspace_or_404(workspace_id)
    return redirect(url_for("contacts.index", workspace_id=workspace.id, find=sealed_search(typed_search())))


def _page(workspace: Workspace, asked: str) -> Page[Contact]:
    if asked:
        found = contact_actions.search(db(), actor(), workspace, asked)
        return Page(found, 1, contact_actions.FOUND_AT_MOST, len(found))
    if not may(Right.SEE_VALUES):
        sample = db().scalars(contact_actions.in_workspace(workspace).limit(SAMPLE)).all()
        return Page(sample, 1, SAMPLE, len(sample))
    return paginate(db(), contact_actions.in_workspace(workspace), number=asked_page())


@contacts.route("/<int:contact_id>")
def show(workspace_id: int, contact_id: int) -> Answer:
    """A contact: fields, company, consent, segments, devices."""
    workspace, contact = _found(workspace_id, contact_id)
    return _show(workspace, contact, ConsentForm(formdata=None, obj=contact), DeviceForm(formdata=None))


def _show(workspace: Workspace, contact: Contact, consent: ConsentForm, device: DeviceForm) -> Answer:
    page = render_template(
        "contacts/show.html",
        contact=contact,
        labels={name: CONTACT_LABELS[name] for name in CONTACT_FIELDS},
        custom=fields.of(db(), workspace, "contact"),
        company=contact_actions.company_of(db(), contact),
        consent=consent,
        device_form=device,
        devices=devices.of(db(), contact),
        kinds=devices.KINDS,
        segments=memberships.of_contact(db(), contact, runtime().clock()),
    )
    return page, 422 if consent.failed or device.failed else 200


@contacts.route("/new", methods=["GET", "POST"])
def new(workspace_id: int) -> Answer:
    """A new contact."""
    workspace = workspace_or_404(workspace_id)
    form, erased = record_form("contact", fields.for_rows(db(), workspace, "contact")), False
    if form.validate_on_submit():
        try:
            made = contact_actions.create(db(), actor(), workspace, raw_of(form), gate=_gate())
        except Refused as refusal:
            erased = isinstance(refusal, Erased)
            refuse(form, refusal)
        else:
            db().commit()
            out = made.subscription == Subscription.NO
            flash(
                "The contact was added." + (" The person opted out before, so they are not subscribed." if out else "")
            )
            return redirect(url_for("contacts.show", workspace_id=workspace.id, contact_id=made.id))
    return _form(form, contact=None, erased=erased)


@contacts.route("/<int:contact_id>/edit", methods=["GET", "POST"])
def edit(workspace_id: int, contact_id: int) -> Answer:
    """Other values."""
    workspace, contact = _found(workspace_id, contact_id)
    form, erased = record_form("contact", fields.for_rows(db(), workspace, "contact"), contact), False
    if form.validate_on_submit():
        try:
            changed = contact_actions.change(db(), actor(), workspace, contact.id, raw_of(form), gate=_gate())
        except Refused as refusal:
            erased = isinstance(refusal, Erased)
            refuse(form, refusal)
        else:
            db().commit()
            flash("The contact was changed." if changed else "Nothing was different, so nothing changed.")
            return redirect(url_for("contacts.show", workspace_id=workspace.id, contact_id=contact_id))
    return _form(form, contact=contact, erased=erased)


def _gate() -> Gate:
    """Somebody who was erased comes in where the person confirms that they asked to be here again."""
    return Gate(runtime().vault, let_in=request.form.get("let_in_erased") == "yes")


def _form(form: PageForm, contact: Contact | None, *, erased: bool) -> Answer:
    page = render_template(
        "contacts/edit.html", form=form, own=own_fields(form), contact=contact, names=CONTACT_FIELDS, erased=erased
    )
    return page, 422 if form.failed else 200


@contacts.post("/<int:contact_id>/consent")
def say(workspace_id: int, contact_id: int) -> Answer:
    """What the contact said about being written to and about advertising."""
    workspace, contact = _found(workspace_id, contact_id)
    form = ConsentForm()
    if form.validate_on_submit():
        said = Said(*(typed(form[name]) for name in ("subscription", "ad_user_data", "ad_personalization", "source")))
        try:
            changed = contact_actions.say(db(), actor(), workspace, contact.id, said)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash("What they said was kept." if changed else "This is what was known already.")
            return redirect(url_for("contacts.show", workspace_id=workspace.id, contact_id=contact_id))
    return _show(workspace, contact, form, DeviceForm(formdata=None))


@contacts.post("/<int:contact_id>/devices")
def add_device(workspace_id: int, contact_id: int) -> Answer:
    """Links a device."""
    workspace, contact = _found(workspace_id, contact_id)
    form = DeviceForm()
    if form.validate_on_submit():
        try:
            devices.add(db(), actor(), workspace, contact.id, kind=typed(form.kind), value=typed(form.value))
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash("The device was linked.")
            return redirect(url_for("contacts.show", workspace_id=workspace.id, contact_id=contact_id))
    return _show(workspace, contact, ConsentForm(formdata=None, obj=contact), form)


@contacts.post("/<int:contact_id>/devices/<int:device_id>/remove")
def remove_device(workspace_id: int, contact_id: int, device_id: int) -> Answer:
    """Unlinks a device."""
    workspace, contact = _found(workspace_id, contact_id)
    devices.remove(db(), actor(), workspace, contact.id, device_id)
    db().commit()
    flash("The device was unlinked.")
    return redirect(url_for("contacts.show", workspace_id=workspace.id, contact_id=contact_id))


def _found(workspace_id: int, contact_id: int) -> tuple[Workspace, Any]:
    workspace = workspace_or_404(workspace_id)
    need(Right.SEE_VALUES)
    try:
        return workspace, contact_actions.find(db(), workspace, contact_id)
    except NotAllowed:
        raise
    except Refused:
        abort(404)
