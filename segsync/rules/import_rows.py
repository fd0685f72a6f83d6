"""Rows of a file on their way to contacts or companies: cleaned, told apart, and those of one person laid over one another.

Pure throughout, so that the next rows can be cleaned while these are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from segsync.rules.cleaning import CUSTOM as CUSTOM_CLEANERS
from segsync.rules.cleaning import SUBJECTS, Cleaner, Column, Door, Reason, clean_columns
from segsync.rules.identity import COMPANY_IDENTITY, CONTACT_IDENTITY, Identity, Known, identity_of, merged
from segsync.rules.import_mapping import CUSTOM, ColumnMap, Custom

LISTS = frozenset({"tags", "idfv", "android_id"})
"""What several rows of one member add to, instead of the later one taking its place."""
IDENTITIES = {"contact": CONTACT_IDENTITY, "company": COMPANY_IDENTITY}
NO_IDENTITY = {
    "contact": "This row has no external id, e-mail or phone that can be used",
    "company": "This row has no external id or domain that can be used",
}


_NOTHING: Mapping[str, Reason] = {}
_NOTHING_FINAL: Mapping[str, str] = {}


@dataclass(frozen=True)
class Reading:
    """How the rows of one file are to be understood."""

    subject: str
    mapping: ColumnMap
    door: Door
    custom: tuple[Custom, ...] = ()

    def cleaners(self) -> dict[str, Cleaner]:
        """The cleaner of each field that the file fills."""
        types = {CUSTOM + each.key: CUSTOM_CLEANERS[each.type] for each in self.custom}
        known = {**SUBJECTS[self.subject], **types}
        return {target: known[target] for target in self.mapping.targets if target}


class Prepared(NamedTuple):
    """A clean row. `values` are those to set, `gone` the fields to empty, `left_out` the cells that could not be used."""

    line: int
    values: Mapping[str, Any]
    gone: frozenset[str] = frozenset()
    left_out: Mapping[str, Reason] = _NOTHING


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Clean rows as columns, which go through a pipe in a fraction of the time that rows take."""

    lines: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    left_out: Mapping[int, Mapping[str, Reason]]
    """By the place of a row: the cells of it that cannot be used, and why."""
    clear: frozenset[str] = frozenset()

    def rows(self) -> list[Prepared]:
        """As rows."""
        names = tuple(self.columns)
        prepared = []
        for place, (line, cells) in enumerate(zip(self.lines, zip(*self.columns.values(), strict=True), strict=True)):
            values = dict(zip(names, cells))  # noqa: B905 - looked at above, and this is asked for every row
            if None in cells:
                values = {name: value for name, value in values.items() if value is not None}
            unusable = self.left_out.get(place, _NOTHING)
            # A cell that cannot be used is not an empty one: what stands there stays.
            gone = self.clear - values.keys() - unusable.keys() if self.clear else self.clear
            prepared.append(Prepared(line, values, gone, unusable))
        return prepared


def cleaned(reading: Reading, rows: Iterable[tuple[int, Sequence[str]]]) -> Cleaned:
    """Rows (line, cells) cleaned by the very code that forms go through, column by column."""
    rows = list(rows)
    if not rows:
        return Cleaned((), {}, {})
    by_place = list(zip(*(cells for _, cells in rows), strict=True))
    used = {target: by_place[place] for place, target in enumerate(reading.mapping.targets) if target}
    columns = clean_columns(used, reading.cleaners(), reading.door)
    values = {name: column.values for name, column in columns.items()}
    return Cleaned([line for line, _ in rows], values, _left_out(columns), reading.mapping.clear & columns.keys())


def prepare(reading: Reading, rows: Iterable[tuple[int, Sequence[str]]]) -> list[Prepared]:
    """The same, as rows."""
    return cleaned(reading, rows).rows()


def _left_out(columns: Mapping[str, Column]) -> dict[int, dict[str, Reason]]:
    left_out: dict[int, dict[str, Reason]] = {}
    for name, column in columns.items():
        for place, reason in column.unusable.items():
            left_out.setdefault(place, {})[name] = reason
    return left_out


@dataclass(slots=True)
class Laid:
    """All rows of one member in this chunk, laid over one another; the later cell wins. `gone` is emptied before `values` come."""

    member: int
    new: bool
    values: Mapping[str, Any]
    gone: frozenset[str]
    lines: list[int]
    added: int = 0
    """How many of the later rows brought something more."""


@dataclass
class Folded:
    """What a chunk comes to."""

    laid: dict[int, Laid] = field(default_factory=dict)
    refused: list[tuple[Prepared, str]] = field(default_factory=list)


def fold(
    subject: str,
    rows: Iterable[Prepared],
    known: Known,
    new_id: Callable[[], int],
    name: Callable[[int], str],
    *,
    final: Mapping[str, str] = _NOTHING_FINAL,
) -> Folded:
    """Finds whom each row means, in order: as if the rows had been written one after the other.

    `final` are the values, by field, that no later row takes back: opt-outs.
    """
    fields = IDENTITIES[subject]
    folded = Folded()
    for row in rows:
        identity = identity_of(row.values, fields)
        if identity in known.apart:
            there = known.apart[identity]
            member = new_id() if there is None else there
            folded.laid[member] = Laid(member, there is None, row.values, row.gone, [row.line])
            continue
        fitting = known.fitting(identity)
        others = _whose_it_is(subject, known, identity, fitting)
        if not any(identity):
            folded.refused.append((row, _nobody(subject, row)))
        elif len(fitting) > 1:
            folded.refused.append((row, _ambiguous(subject, [name(member) for member in fitting])))
        elif others:
            folded.refused.append((row, f"Another company has this domain: {name(others[0])}."))
        else:
            member = fitting[0] if fitting else new_id()
            _lay(folded, _standing(folded.laid.get(member), row, final), member, new=not fitting)
            whole = merged(identity, known.identity(member)) if fitting else identity
            known.put(member, _after(row, fields, whole))
    return folded


def _whose_it_is(subject: str, known: Known, identity: Identity, fitting: Sequence[int]) -> list[int]:
    """Companies that have the row's domain and are not the row's: no two companies share one, as people may share an e-mail."""
    domain = identity[-1] if subject == "company" else None
    return [member for member in known.having(1, domain) if member not in fitting] if domain else []


def _after(row: Prepared, fields: Sequence[str], identity: Identity) -> Identity:
    if not row.gone:
        return identity
    return tuple(None if name in row.gone else value for name, value in zip(fields, identity, strict=True))


def _lay(folded: Folded, row: Prepared, member: int, *, new: bool) -> None:
    laid = folded.laid.get(member)
    if laid is None:
        folded.laid[member] = Laid(member, new, row.values, row.gone, [row.line])
        return
    before = laid.values, laid.gone
    values = {**laid.values, **row.values}
    for name in LISTS:
        if name in values:
            values[name] = list(dict.fromkeys([*laid.values.get(name, ()), *row.values.get(name, ())]))
    # A list that was emptied stays so, whatever comes after: what the contact has from before is not to be added to.
    laid.gone = (laid.gone - (row.values.keys() - LISTS)) | row.gone
    laid.values = {name: value for name, value in values.items() if name not in row.gone}
    laid.lines.append(row.line)
    laid.added += (laid.values, laid.gone) != before


def _standing(laid: Laid | None, row: Prepared, final: Mapping[str, str]) -> Prepared:
    """The row without what would take back a final value that an earlier row of the member gave."""
    if laid is None:
        return row
    held = {name for name, value in final.items() if laid.values.get(name) == value}
    if not held & (row.values.keys() | row.gone):
        return row
    values = {name: value for name, value in row.values.items() if name not in held}
    return Prepared(row.line, values, row.gone - held, row.left_out)


def _nobody(subject: str, row: Prepared) -> str:
    why = "; ".join(
        f"{name}: {reason.sentence.rstrip('.').lower()}"
        for name, reason in row.left_out.items()
        if name in IDENTITIES[subject]
    )
    return f"{NO_IDENTITY[subject]}{f' ({why})' if why else ''}."


def _ambiguous(subject: str, names: list[str]) -> str:
    noun = "contacts" if subject == "contact" else "companies"
    return f"This row fits {'two' if len(names) == 2 else 'several'} {noun}: {' and '.join(names)}."  # noqa: PLR2004
