"""The form that all our forms are: checked against forgery, and keeping what a person typed beside what is wrong."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, SelectMultipleField, widgets
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its types


class PageForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF publishes no types
    """A form of a page. `refusal_link` is (label, address) of what helps."""

    refusal_link: tuple[str, str] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refusals: list[str] = []

    def refuse(self, message: str, *, field: str = "", link: tuple[str, str] | None = None) -> None:
        """Says why this cannot be done, beside the field where there is one."""
        self.refusal_link = link
        if field in self._fields:
            self._fields[field].errors = [*self._fields[field].errors, message]
        else:
            self.refusals.append(message)

    @property
    def first_problem(self) -> str:
        """The name of the first field with a problem: where the cursor goes."""
        return next((name for name, field in self._fields.items() if field.errors and name != "csrf_token"), "")

    @property
    def failed(self) -> bool:
        """Whether the page has to answer 422."""
        return bool(self.errors or self.refusals)


class CheckboxesField(SelectMultipleField):
    """Several of a list, each with a box of its own."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


def choice(value: str | int, label: str) -> SelectChoice:
    """One of the choices of a field."""
    return SelectChoice(value=value, label=label)


def typed(field: Field) -> str:
    """The text that somebody typed into a field."""
    return str(field.data or "")
