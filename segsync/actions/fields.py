"""Custom fields of contacts and companies: their names and types. A field's key never changes, its label may. Callers commit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.models import CustomField, Workspace
from segsync.rules.cleaning_text import tidy, word
from segsync.rules.import_mapping import LABELS, Custom
from segsync.rules.rights import Right
from segsync.rules.terms import FieldType

MOST_FIELDS: Final = 200
LONGEST_LABEL: Final = 60
TYPE_LABELS: Final = {
    FieldType.TEXT: "Text",
    FieldType.NUMBER: "Number",
    FieldType.DATE: "Date",
    FieldType.YES_NO: "Yes or no",
    FieldType.LIST: "List",
}


def of(session: Session, workspace: Workspace, subject: str, *, archived: bool = False) -> Sequence[CustomField]:
    """The custom fields of 'contact' or 'company', by label; with `archived` also those put away."""
    wanted = select(CustomField).where(CustomField.workspace_id == workspace.id, CustomField.subject == subject)
    if not archived:
        wanted = wanted.where(CustomField.archived_at.is_(None))
    return session.scalars(wanted.order_by(func.lower(CustomField.label), CustomField.id)).all()


def for_rows(session: Session, workspace: Workspace, subject: str) -> tuple[Custom, ...]:
    """The same in the form in which rows are cleaned."""
    return tuple(Custom(field.key, field.label, field.type) for field in of(session, workspace, subject))


def find(session: Session, workspace: Workspace, field_id: int) -> CustomField:
    """A custom field of this workspace. Raises Refused."""
    field = session.get(CustomField, field_id)
    if field is None or field.workspace_id != workspace.id:
        raise NotThere("There is no such field in this workspace.")
    return field


def create(
    session: Session, actor: Actor, workspace: Workspace, *, subject: str, label: str, type_: str
) -> CustomField:
    """A new field. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    label = _label(session, workspace, subject, label)
    if type_ not in set(FieldType):
        raise Refused("Choose one of the types.", field="type")
    existing = of(session, workspace, subject, archived=True)
    if len(existing) >= MOST_FIELDS:
        raise Refused(f"There are {MOST_FIELDS} fields already. Put one away that nobody needs.", field="label")
    field = CustomField(
        workspace_id=workspace.id,
        subject=subject,
        key=_key(label, {each.key for each in existing}),
        label=label,
        type=type_,
    )
    session.add(field)
    session.flush()
    record(session, actor, "field.create", _subject(field), change=({}, {"label": label, "type": type_}))
    return field


def rename(session: Session, actor: Actor, workspace: Workspace, field_id: int, label: str) -> CustomField:
    """Another label. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    field = find(session, workspace, field_id)
    before, after = field.label, _label(session, workspace, field.subject, label, but=field.id)
    if before != after:
        field.label = after
        record(session, actor, "field.rename", _subject(field), change=({"label": before}, {"label": after}))
    return field


def put_away(session: Session, actor: Actor, workspace: Workspace, field_id: int) -> CustomField:
    """Takes a field out of sight; values and segments that use it stay as they are."""
    actor.need(Right.EDIT_DATA)
    field = find(session, workspace, field_id)
    if field.archived_at is None:
        field.archived_at = session.scalar(select(func.now()))
        record(session, actor, "field.put_away", _subject(field))
    return field


def bring_back(session: Session, actor: Actor, workspace: Workspace, field_id: int) -> CustomField:
    """Shows a field again."""
    actor.need(Right.EDIT_DATA)
    field = find(session, workspace, field_id)
    if field.archived_at is not None:
        field.archived_at = None
        record(session, actor, "field.bring_back", _subject(field))
    return field


def _label(session: Session, workspace: Workspace, subject: str, label: str, *, but: int = 0) -> str:
    if subject not in LABELS:
        raise Refused("Choose whether this is a field of contacts or of companies.", field="subject")
    label = tidy(label)
    if not word(label):
        raise Refused("Give the field a name.", field="label")
    if len(label) > LONGEST_LABEL:
        raise Refused(f"A name may have {LONGEST_LABEL} characters.", field="label")
    taken = {word(known) for known in LABELS[subject].values()} | {word(name) for name in LABELS[subject]}
    taken |= {word(each.label) for each in of(session, workspace, subject, archived=True) if each.id != but}
    if word(label) in taken:
        raise Refused(f"There is a field called {label} already.", field="label")
    return label


def _key(label: str, taken: set[str]) -> str:
    """A name for use inside `custom`: letters, digits and underscores only, so that it can stand in any statement."""
    plain = re.sub(r"[^a-z0-9]+", "_", "".join(c for c in _unaccented(label) if c.isascii()).lower()).strip("_")
    base = plain[:40] if plain[:1].isalpha() else f"field_{plain}"[:40].rstrip("_")
    return next(
        key for key in (base, *(f"{base}_{number}" for number in range(2, MOST_FIELDS + 3))) if key not in taken
    )


def _unaccented(text: str) -> str:
    return " ".join(word(part) for part in re.split(r"[\W_]+", text))


def _subject(field: CustomField) -> Subject:
    return Subject("field", field.id, field.label)
