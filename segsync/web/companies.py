"""Companies: looking through and searching, a company's page with who works there, editing."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from segsync.actions import companies as company_actions
from segsync.actions import fields
from segsync.actions.actor import Refused
from segsync.models import Company, Workspace
from segsync.rules.import_mapping import COMPANY_LABELS
from segsync.rules.masking import mask
from segsync.rules.rights import Right
from segsync.rules.terms import COMPANY_FIELDS
from segsync.web.forms import PageForm
from segsync.web.frame import actor, db, may, workspace_or_404
from segsync.web.paging import Page, asked_page, paginate
from segsync.web.record_forms import own_fields, raw_of, record_form, refuse
from segsync.web.searches import sealed_search

companies = Blueprint("companies", __name__, url_prefix="/w/<int:workspace_id>/companies")

Answer = str | Response | tuple[str, int]
PEOPLE_SHOWN: Final = 20


@companies.route("")
def index(workspace_id: int) -> str:
    """All companies, or those that a search finds."""
    workspace = workspace_or_404(workspace_id)
    asked = request.args.get("q", "").strip()
    if asked:
        found = company_actions.search(db(), workspace, asked)
        page = Page(found, 1, company_actions.FOUND_AT_MOST, len(found))
    else:
        page = paginate(db(), company_actions.in_workspace(workspace), number=asked_page())
    return render_template(
        "companies/index.html",
        asked=asked,
        page=page,
        at_most=company_actions.FOUND_AT_MOST,
        people=company_actions.people_counts(db(), workspace, [company.id for company in page.items]),
        edit_refusal=Right.EDIT_DATA.refusal,
    )


@companies.route("/<int:company_id>")
def show(workspace_id: int, company_id: int) -> str:
    """A company and the people who work there."""
    workspace, company = _found(workspace_id, company_id)
    return render_template(
        "companies/show.html",
        company=company,
        labels={name: COMPANY_LABELS[name] for name in COMPANY_FIELDS},
        custom=fields.of(db(), workspace, "company"),
        people=db().scalars(company_actions.people_of(company).limit(PEOPLE_SHOWN)).all(),
        total=company_actions.people_counts(db(), workspace, [company.id]).get(company.id, 0),
        mask=(lambda _name, value: value) if may(Right.SEE_VALUES) else mask,
        with_such_email=sealed_search(f"@{company.company_domain}") if company.company_domain else None,
    )


@companies.route("/new", methods=["GET", "POST"])
def new(workspace_id: int) -> Answer:
    """A new company."""
    workspace = workspace_or_404(workspace_id)
    form = record_form("company", fields.for_rows(db(), workspace, "company"))
    if form.validate_on_submit():
        try:
            made = company_actions.create(db(), actor(), workspace, raw_of(form))
        except Refused as refusal:
            refuse(form, refusal)
        else:
            db().commit()
            flash("The company was added.")
            return redirect(url_for("companies.show", workspace_id=workspace.id, company_id=made.id))
    return _form(form, company=None)


@companies.route("/<int:company_id>/edit", methods=["GET", "POST"])
def edit(workspace_id: int, company_id: int) -> Answer:
    """Other values."""
    workspace, company = _found(workspace_id, company_id)
    form = record_form("company", fields.for_rows(db(), workspace, "company"), company)
    if form.validate_on_submit():
        try:
            changed = company_actions.change(db(), actor(), workspace, company.id, raw_of(form))
        except Refused as refusal:
            refuse(form, refusal)
        else:
            db().commit()
            flash("The company was changed." if changed else "Nothing was different, so nothing changed.")
            return redirect(url_for("companies.show", workspace_id=workspace.id, company_id=company_id))
    return _form(form, company=company)


def _form(form: PageForm, company: Company | None) -> Answer:
    page = render_template(
        "companies/edit.html", form=form, own=own_fields(form), company=company, names=COMPANY_FIELDS
    )
    return page, 422 if form.failed else 200


def _found(workspace_id: int, company_id: int) -> tuple[Workspace, Company]:
    workspace = workspace_or_404(workspace_id)
    try:
        return workspace, company_actions.find(db(), workspace, company_id)
    except Refused:
        abort(404)
