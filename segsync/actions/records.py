"""What contacts and companies share when a person edits them: every field through the same door, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from segsync.actions import fields
from segsync.actions.actor import Refused
from segsync.models import Company, Contact, Workspace
from segsync.rules.cleaning import Door
from segsync.rules.import_mapping import CUSTOM, ColumnMap
from segsync.rules.import_rows import Reading, prepare

LONGEST_PREFIX = 200


class Problems(Refused):
    """Several fields cannot be used. `problems` has a sentence for each."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        first = next(iter(problems))
        super().__init__(problems[first], field=first)
        self.problems = dict(problems)


def cleaned(session: Session, workspace: Workspace, subject: str, raw: Mapping[str, str]) -> dict[str, Any]:
    """Every field given, clean; None where it was left empty. Raises Problems, naming each field that cannot be used."""
    names = tuple(raw)
    custom = fields.for_rows(session, workspace, subject)
    mapping = ColumnMap(names, frozenset(names), "")
    (row,) = prepare(Reading(subject, mapping, Door(workspace.country), custom), [(1, [raw[name] for name in names])])
    if row.left_out:
        raise Problems({name: reason.sentence for name, reason in row.left_out.items()})
    return {name: row.values.get(name) for name in names}


def put(member: Contact | Company, values: Mapping[str, Any]) -> list[str]:
    """Sets what differs; the names of the fields that changed."""
    changed = [name for name, value in values.items() if _current(member, name) != _kept(name, value)]
    for name in changed:
        if name.startswith(CUSTOM):
            key = name.removeprefix(CUSTOM)
            rest = {k: v for k, v in member.custom.items() if k != key}
            member.custom = rest if values[name] is None else {**rest, key: values[name]}
        else:
            setattr(member, name, _kept(name, values[name]))
    if changed:
        member.updated_at = func.now()
    return changed


def text_of(member: Contact | Company, name: str) -> str:
    """A field as it stands in a form."""
    value = _current(member, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(str(each) for each in value)
    return "" if value is None else str(value)


def prefix(text: str) -> str:
    """For LIKE: everything that begins so, whatever signs are in it."""
    escaped = text[:LONGEST_PREFIX].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"


def _current(member: Contact | Company, name: str) -> Any:
    if name.startswith(CUSTOM):
        return (member.custom or {}).get(name.removeprefix(CUSTOM))
    return getattr(member, name)


def _kept(name: str, value: Any) -> Any:
    if name == "birth_date" and value is not None:
        return date.fromisoformat(value)
    return value or [] if name == "tags" else value
