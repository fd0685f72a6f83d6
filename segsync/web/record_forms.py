"""Forms of contacts and companies, made of the standard fields and the workspace's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from wtforms import Field, SelectField, StringField
from wtforms.validators import Length

from segsync.actions.actor import Refused
from segsync.actions.records import Problems, text_of
from segsync.models import Company, Contact
from segsync.rules.import_mapping import CUSTOM, LABELS, Custom
from segsync.rules.terms import COMPANY_FIELDS, CONTACT_FIELDS, FieldType
from segsync.web.forms import PageForm, typed
from segsync.web.frame import show_refusal

OWN: Final = "own_"
"""Stands before a custom field's key in the name of its input."""
NAMES: Final = {"contact": (*CONTACT_FIELDS, "tags"), "company": (*COMPANY_FIELDS, "tags")}
HELP: Final = {
    "phone": "With its country code, or as it is dialled at home.",
    "birth_date": "As 1980-12-31.",
    "country": "By name or code.",
    "mobile_ad_id": "An IDFA or Android advertising id.",
    "external_id": "The id in your own systems.",
    "company_domain": "Where they work, when the e-mail's domain does not tell.",
    "organization_urn": "A number, or urn:li:organization:1035.",
    "tags": "Separated by semicolons.",
    FieldType.LIST: "Separated by semicolons.",
    FieldType.DATE: "As 1980-12-31.",
}
_HELP_OF_COMPANY: Final = {
    **HELP,
    "company_domain": "Bare, such as example.com: people with such an e-mail work there.",
}
_GENDERS: Final = {"": "Not known", "female": "Female", "male": "Male"}
_YES_NO: Final = {"": "Not known", "yes": "Yes", "no": "No"}


def record_form(subject: str, custom: Sequence[Custom], member: Contact | Company | None = None) -> PageForm:
    """The form of a contact or company, filled from `member` unless something was typed."""
    form_class = type("RecordForm", (PageForm,), {**_standard(subject), **_own(custom)})
    form: PageForm = form_class(data=_texts(subject, custom, member) if member else None)
    return form


def _standard(subject: str) -> dict[str, Any]:
    told = HELP if subject == "contact" else _HELP_OF_COMPANY
    labels = {**LABELS[subject], "tags": "Tags"}
    fields: dict[str, Any] = {
        name: StringField(labels[name], [Length(max=4000)], description=told.get(name, "")) for name in NAMES[subject]
    }
    if subject == "contact":
        fields["gender"] = SelectField(labels["gender"], choices=_GENDERS, default="")
    return fields


def _own(custom: Sequence[Custom]) -> dict[str, Any]:
    return {
        OWN + each.key: SelectField(each.label, choices=_YES_NO, default="")
        if each.type == FieldType.YES_NO
        else StringField(each.label, [Length(max=4000)], description=HELP.get(each.type, ""))
        for each in custom
    }


def _texts(subject: str, custom: Sequence[Custom], member: Contact | Company) -> dict[str, str]:
    standard = {name: text_of(member, name) for name in NAMES[subject]}
    return standard | {OWN + each.key: text_of(member, CUSTOM + each.key) for each in custom}


def raw_of(form: PageForm) -> dict[str, str]:
    """What was typed, by the names that actions know."""
    return {_known(name): typed(field) for name, field in _inputs(form).items()}


def own_fields(form: PageForm) -> list[Field]:
    """The inputs of custom fields."""
    return [field for name, field in _inputs(form).items() if name.startswith(OWN)]


def refuse(form: PageForm, refusal: Refused) -> None:
    """Says beside each field what is wrong with it."""
    if isinstance(refusal, Problems):
        for name, sentence in refusal.problems.items():
            form.refuse(sentence, field=_shown(name))
        return
    show_refusal(form, refusal)


def _inputs(form: PageForm) -> Mapping[str, Field]:
    return {name: field for name, field in form._fields.items() if name != "csrf_token"}


def _known(name: str) -> str:
    return CUSTOM + name.removeprefix(OWN) if name.startswith(OWN) else name


def _shown(name: str) -> str:
    return OWN + name.removeprefix(CUSTOM) if name.startswith(CUSTOM) else name
