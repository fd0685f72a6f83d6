"""Segments in a warehouse: what is asked there, what came, and which column is what."""

from __future__ import annotations

import json
from typing import Any, Final

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import Length

from segsync.actions import asks, warehouse_connections, warehouse_segments
from segsync.actions.actor import Refused
from segsync.actions.ask_kinds import WAREHOUSE_SEGMENT
from segsync.actions.segments import LONGEST_NAME
from segsync.actions.warehouse_segments import Given
from segsync.models import Segment, WarehouseSource, Workspace
from segsync.rules import catalogue, warehouse_forms
from segsync.rules.import_mapping import CONTACT_LABELS
from segsync.rules.masking import mask
from segsync.rules.rights import Right
from segsync.rules.warehouse_forms import CONSENTS, KEY, SHAPES, Form
from segsync.rules.warehouse_queries import LONGEST
from segsync.web.asking import asked, under_way
from segsync.web.forms import PageForm, choice, typed
from segsync.web.frame import actor, db, done, may, runtime, workspace_or_404
from segsync.web.live import fragment
from segsync.web.segments.blueprint import Answer, found, segments

FORMS: Final = {"": "Not declared", Form.CLEAN: "Clean", Form.E164: "E.164", Form.RAW: "As people typed it"}


class SourceForm(PageForm):
    """A name, where it is, and what is asked there."""

    name = StringField("Name", [Length(max=LONGEST_NAME, message=f"A name can have {LONGEST_NAME} characters.")])
    connection = SelectField("Warehouse", validate_choice=False)
    query = TextAreaField(
        "Table or SELECT",
        [Length(max=LONGEST)],
        description="The name of a table or view, or one SELECT that gives a row for each member. It changes nothing there.",
    )


@segments.route("/warehouse/new", methods=["GET", "POST"])
def warehouse_new(workspace_id: int) -> Answer:
    """A new segment in a warehouse."""
    workspace = workspace_or_404(workspace_id)
    form = _form()
    made: list[Segment] = []
    now = runtime().clock()
    if done(form, lambda: made.append(warehouse_segments.create(db(), actor(), workspace, _given(form), now=now))):
        return _asked(made[0])
    return _source_page(form, None)


@segments.route("/<int:segment_id>/warehouse/source", methods=["GET", "POST"])
def warehouse_source(workspace_id: int, segment_id: int) -> Answer:
    """Another name, warehouse or query."""
    workspace, segment, source = _found(workspace_id, segment_id)
    form = _form(name=segment.name, connection=str(source.connection_id), query=source.query)
    now = runtime().clock()
    if done(form, lambda: warehouse_segments.change(db(), actor(), workspace, segment.id, _given(form), now=now)):
        return _asked(segment)
    return _source_page(form, segment)


@segments.route("/<int:segment_id>/warehouse", methods=["GET", "POST"])
def warehouse_columns(workspace_id: int, segment_id: int) -> Answer:
    """What came of the last look, and which column is what."""
    workspace, segment, source = _found(workspace_id, segment_id)
    form = _columns_form(source)
    if done(form, lambda: _say_columns(workspace, source, form)):
        asked(WAREHOUSE_SEGMENT, {"segment": segment.id})
        flash("Saved. The warehouse is being asked how many members there are.")
        return redirect(url_for("segments.show", workspace_id=workspace.id, segment_id=segment.id))
    parts = _looked(segment, source)
    page = render_template(
        "segments/warehouse_columns.html",
        segment=segment,
        form=form,
        shapes={name: shape.words for name, shape in SHAPES.items()},
        **parts,
    )
    return page, 422 if form.failed else 200


@segments.post("/<int:segment_id>/warehouse/look")
def warehouse_look(workspace_id: int, segment_id: int) -> Response:
    """Asks a worker to look again."""
    _, segment, _ = _found(workspace_id, segment_id)
    return _asked(segment)


@segments.route("/<int:segment_id>/warehouse/live")
def warehouse_live(workspace_id: int, segment_id: int) -> Response:
    """How far the look has come."""
    _, segment, source = _found(workspace_id, segment_id)
    parts = _looked(segment, source)
    return fragment(render_template("segments/_warehouse_look.html", segment=segment, **parts), busy=parts["looking"])


def _asked(segment: Segment) -> Response:
    """A worker looks, and what it sees is shown beside the columns."""
    asked(WAREHOUSE_SEGMENT, {"segment": segment.id})
    return redirect(url_for("segments.warehouse_columns", workspace_id=segment.workspace_id, segment_id=segment.id))


def _say_columns(workspace: Workspace, source: WarehouseSource, form: PageForm) -> None:
    """Which column is what. Raises Refused beside the column."""
    names = [name for name, _ in source.columns]
    targets, forms = ({name: typed(form[f"{part}_{n}"]) for n, name in enumerate(names)} for part in ("column", "form"))
    try:
        warehouse_segments.say_columns(
            db(), actor(), workspace, source.segment_id, (targets, forms), now=runtime().clock()
        )
    except Refused as refusal:
        if refusal.field not in names:
            raise
        raise Refused(refusal.message, field=f"column_{names.index(refusal.field)}") from None


def _found(workspace_id: int, segment_id: int) -> tuple[Workspace, Segment, WarehouseSource]:
    workspace, segment = found(workspace_id, segment_id)
    return workspace, segment, warehouse_segments.source_of(db(), segment)


def parts_of(segment: Segment) -> dict[str, Any]:
    """What a segment's own page says of its warehouse."""
    source = warehouse_segments.source_of(db(), segment)
    columns = warehouse_forms.kept(source.mapping)
    said = {} if columns is None else columns.fields | columns.consents
    return {
        "source": source,
        "keys": columns.keys if columns else (),
        "said": [(column, CONTACT_LABELS[name]) for name, column in said.items()],
        "trouble": _trouble(source),
        "show_query": may(Right.SEE_VALUES),
    }


def _looked(segment: Segment, source: WarehouseSource) -> dict[str, Any]:
    sample = json.loads(runtime().vault.open(source.sample_sealed)) if source.sample_sealed else []
    show = may(Right.SEE_VALUES)
    fields = warehouse_forms.guess([name for name, _ in source.columns])
    rows = [
        [cell if show or cell is None else mask(field, cell) for field, cell in zip(fields, row, strict=True)]
        for row in sample
    ]
    return {
        "source": source,
        "rows": rows,
        "looking": under_way(asks.last(db(), actor(), WAREHOUSE_SEGMENT, {"segment": segment.id})),
        "trouble": _trouble(source),
    }


def _trouble(source: WarehouseSource) -> dict[str, Any] | None:
    if not source.problem_code:
        return None
    facts = source.problem_facts | {"segment": source.segment.name}
    code = source.problem_code
    return {
        "meaning": catalogue.sentence(code, facts),
        "steps": catalogue.steps(code, facts),
        "raw": source.problem_raw,
    }


# -- forms -----------------------------------------------------------------------------------------------------


def _form(**data: str) -> SourceForm:
    form = SourceForm(data=data)
    known = warehouse_connections.listed(db(), actor())
    form.connection.choices = [choice("", "Choose one"), *(choice(str(each.id), each.name) for each in known)]
    return form


def _given(form: SourceForm) -> Given:
    number = typed(form.connection)
    return Given(
        typed(form.name), int(number) if number.isdecimal() and len(number) < len(str(2**63)) else 0, typed(form.query)
    )


def _source_page(form: SourceForm, segment: Segment | None) -> Answer:
    page = render_template(
        "segments/warehouse_source.html",
        form=form,
        segment=segment,
        connections=warehouse_connections.listed(db(), actor()),
        refusal=Right.EDIT_WAREHOUSES.refusal,
    )
    return page, 422 if form.failed else 200


def _columns_form(source: WarehouseSource) -> PageForm:
    """Which column is what: as it was said before, else by its name."""
    choices: dict[str, Any] = {
        "": "Not read",
        KEY: "Key",
        "Fields": {name: CONTACT_LABELS[name] for name in SHAPES},
        "Consent": {name: CONTACT_LABELS[name] for name in CONSENTS},
    }
    columns = warehouse_forms.kept(source.mapping)
    said = {} if columns is None else {column: name for name, column in (columns.fields | columns.consents).items()}
    said |= dict.fromkeys(columns.keys, KEY) if columns else {}
    fields: dict[str, Any] = {}
    data: dict[str, str] = {}
    guessed = warehouse_forms.guess([name for name, _ in source.columns])
    for n, (name, _) in enumerate(source.columns):
        target = said.get(name, "") if columns else guessed[n]
        fields[f"column_{n}"] = SelectField(f"What “{name}” is", choices=choices, validate_choice=False)
        fields[f"form_{n}"] = SelectField(
            f"What the cells of “{name}” are declared to be", choices=FORMS, validate_choice=False
        )
        data |= {f"column_{n}": target, f"form_{n}": SHAPES[target].form if columns and target in SHAPES else ""}
    form: PageForm = type("ColumnsForm", (PageForm,), fields)(data=data)
    return form
