"""Forms of an import: the file, how it is read, which column is what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_wtf.file import FileField
from wtforms import BooleanField, RadioField, SelectField, StringField
from wtforms.validators import Length

from segsync.actions.import_files import DELIMITERS, ENCODINGS, Shape
from segsync.actions.imports import Choices
from segsync.models import Segment
from segsync.rules.import_mapping import CUSTOM, DATE_ORDERS, LABELS, ColumnMap, Custom
from segsync.web.forms import PageForm, typed

COLUMN: Final = "column_"
CLEAR: Final = "clear_"


class FileForm(PageForm):
    """The file."""

    subject = RadioField("What are the rows?", choices={"contact": "People", "company": "Companies"}, default="contact")
    file = FileField("CSV file")


class ReadingForm(PageForm):
    """How the file is read."""

    encoding = SelectField("Letters", choices=dict(ENCODINGS))
    delimiter = SelectField("Between cells", choices={sign: name.capitalize() for sign, name in DELIMITERS.items()})
    header = BooleanField("The first line names the columns")


@dataclass(frozen=True)
class Offered:
    """What can be chosen for the columns of a file."""

    subject: str
    shape: Shape
    custom: Sequence[Custom]
    lists: Sequence[Segment]


def mapping_form(offered: Offered, mapping: ColumnMap | None = None, options: dict[str, Any] | None = None) -> PageForm:
    """Which column is what, and what comes with every row. Filled from what was kept, unless something was typed."""
    form_class = type("MappingForm", (PageForm,), {**_columns(offered), **_extras(offered)})
    form: PageForm = form_class(data=_kept(mapping, options or {}) if mapping else None)
    return form


def _columns(offered: Offered) -> dict[str, Any]:
    choices: dict[str, Any] = {"": "Leave this column aside", "Standard fields": dict(LABELS[offered.subject])}
    own = {CUSTOM + each.key: each.label for each in offered.custom}
    if own:
        choices["Your own fields"] = own
    fields: dict[str, Any] = {}
    for place, name in enumerate(offered.shape.columns):
        said = name or f"Column {place + 1}"
        fields[f"{COLUMN}{place}"] = SelectField(f"Field for “{said}”", choices=choices, validate_choice=False)
        fields[f"{CLEAR}{place}"] = BooleanField(f"An empty cell of “{said}” empties the field")
    return fields


def _extras(offered: Offered) -> dict[str, Any]:
    lists = {"": "No list", **{str(segment.id): segment.name for segment in offered.lists}}
    return {
        "date_order": SelectField("Dates such as 03/04/1980", choices=dict(DATE_ORDERS)),
        "tags": StringField(
            "Tags for everybody in this file", [Length(max=1000)], description="Separated by semicolons."
        ),
        "segment": SelectField(
            "Put everybody into this list",
            choices=lists,
            validate_choice=False,
            description="A segment that is filled by hand or file.",
        ),
        "source": StringField(
            "Where consent and subscription come from",
            [Length(max=200)],
            description="Kept with what the file says of them. Without it, the file's name stands here.",
        ),
        "undo_opt_outs": BooleanField("This file is newer: it may turn a “no” back into a “yes”"),
        "let_in_erased": BooleanField("Let in people who were erased, if they are in it: they asked to be here again"),
    }


def _kept(mapping: ColumnMap, options: dict[str, Any]) -> dict[str, Any]:
    columns = {f"{COLUMN}{place}": target for place, target in enumerate(mapping.targets)}
    clears = {f"{CLEAR}{place}": target in mapping.clear for place, target in enumerate(mapping.targets) if target}
    return {
        **columns,
        **clears,
        "date_order": mapping.date_order,
        "tags": "; ".join(options.get("tags", ())),
        "segment": str(options.get("segment_id") or ""),
        "source": options.get("source", ""),
        "undo_opt_outs": options.get("undo_opt_outs", False),
        "let_in_erased": options.get("let_in_erased", False),
    }


def mapping_of(form: PageForm, columns: int) -> ColumnMap:
    """What was chosen for the columns."""
    targets = tuple(typed(form[f"{COLUMN}{place}"]) for place in range(columns))
    clear = frozenset(target for place, target in enumerate(targets) if target and form[f"{CLEAR}{place}"].data)
    return ColumnMap(targets, clear, typed(form["date_order"]))


def choices_of(form: PageForm, columns: int) -> Choices:
    """Everything that was chosen."""
    segment = typed(form["segment"])
    return Choices(
        mapping=mapping_of(form, columns),
        tags=typed(form["tags"]),
        segment_id=int(segment) if segment.isdecimal() else None,
        source=typed(form["source"]),
        undo_opt_outs=bool(form["undo_opt_outs"].data),
        let_in_erased=bool(form["let_in_erased"].data),
    )
