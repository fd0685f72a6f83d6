"""What many members share (names, places, dates of birth) worked out once for each value, not once for each member.

An engine takes half a microsecond to hash a name, and the first names of a million people are a few thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import ibis.expr.operations as ops
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from segsync.audience.packing import together

SHARED_FIELDS = 2
"""A column that is made of more fields than that is hardly ever the same for two people."""
MOST = 100_000
"""Values of one sort that are kept: some megabytes. With more, all are forgotten."""
_APART = 2**31
"""Numbers of two fields side by side in one."""

Work = Callable[[pa.Table], pa.Table]
"""Members with the shape's fields worked out: the columns that recur, in the order of the members."""
Groups = Mapping[tuple[str, ...], tuple[str, ...]]
"""Columns that recur, by the fields that they are made of."""


def groups_of(shape: Shape, expression: ir.Table) -> Groups:
    """Which of a shape's columns recur, as the expression itself tells what each is made of."""
    own = {name for key in shape.keys if len(key.made_of) == 1 for name in key.made_of}
    found: dict[tuple[str, ...], list[str]] = {}
    for column in shape.columns:
        fields = tuple(sorted(set(_fields(expression[column].op()))))
        if 0 < len(fields) <= SHARED_FIELDS and not own.intersection(fields):
            found.setdefault(fields, []).append(column)
    return {fields: tuple(columns) for fields, columns in found.items()}


def _fields(value: ops.Node) -> Iterator[str]:
    """The columns of the expression's source that a value is made of."""
    for column in value.find(ops.Field, filter=ops.Value):
        if isinstance(column.rel, ops.Project):
            yield from _fields(column.rel.values[column.name])
        else:
            yield column.name


def same_order(members: pa.Table, rows: pa.Table) -> None:
    """Raises RuntimeError where an engine gave its rows in another order: somebody would be sent with another one's name."""
    if not rows.column("member").combine_chunks().equals(members.column("id").combine_chunks()):
        raise RuntimeError("an engine gave members in another order")


@dataclass
class _Known:
    """Values that were met. Each has a number: its place, counted from 1. Nothing is 0."""

    values: pa.Array

    def numbers(self, column: pa.Array) -> np.ndarray:
        """The number of each row's value. New values are added."""
        coded = column.dictionary_encode()
        numbers = pc.fill_null(pc.index_in(coded.dictionary, value_set=self.values), -1).to_numpy() + 1
        new = numbers == 0
        if new.any():
            numbers[new] = np.arange(np.count_nonzero(new)) + len(self.values) + 1
            self.values = pa.concat_arrays([self.values, coded.dictionary.filter(pa.array(new))])
        of_rows: np.ndarray = np.append(numbers, 0)[pc.fill_null(coded.indices, -1).to_numpy()]
        return of_rows


@dataclass
class _Group:
    """Columns made of the same fields: every combination of these that was met, and what it comes to.

    A combination is a number: that of a field's value, and of the next field's beside it.
    """

    fields: tuple[str, ...]
    columns: tuple[str, ...]
    rows: pa.Table = field(init=False)
    _met: _Known = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is met yet."""
        self.rows = pa.table({name: pa.array([], pa.string()) for name in self.columns})
        self._met = _Known(pa.array([], pa.int64()))

    def places(self, numbers: Mapping[str, np.ndarray], known: Mapping[str, _Known]) -> tuple[np.ndarray, np.ndarray]:
        """Where in `rows` each member's columns stand, and the combinations that have still to be worked out."""
        first, *more = self.fields
        worked_out, told = self.rows.num_rows, numbers[first].astype(np.int64)
        if not more:
            return told, np.arange(worked_out, len(known[first].values) + 1)
        for name in more:
            told = told * _APART + numbers[name]
        return self._met.numbers(pa.array(told)) - 1, self._met.values.slice(worked_out).to_numpy()

    def texts(self, combinations: np.ndarray, known: Mapping[str, _Known]) -> dict[str, pa.Array]:
        """The fields of combinations."""
        texts = {}
        for name in reversed(self.fields):
            combinations, number = np.divmod(combinations, _APART)
            texts[name] = known[name].values.take(pa.array(number - 1, mask=number == 0))
        return texts

    def learn(self, rows: pa.Table) -> None:
        """Adds what new combinations come to."""
        self.rows = together([self.rows, rows.select(list(self.columns))]).combine_chunks()


class Recurring:
    """The columns of a shape that recur, window after window. `work` is asked for what was not met before; `most` values are kept."""

    def __init__(self, shape: Shape, groups: Groups, work: Work, *, most: int = MOST) -> None:
        """Nothing is met yet."""
        self._shape, self._groups_of, self._work, self._most = shape, groups, work, most
        self._forget()

    def columns(self, members: pa.Table) -> dict[str, pa.ChunkedArray]:
        """The columns by name, in the order of the members; digests as bytes or as text."""
        if max(group.rows.num_rows for group in self._groups) > self._most:
            self._forget()
        numbers = {name: known.numbers(members.column(name).combine_chunks()) for name, known in self._known.items()}
        found = [group.places(numbers, self._known) for group in self._groups]
        self._learn([new for _, new in found])
        columns: dict[str, pa.ChunkedArray] = {}
        for group, (places, _) in zip(self._groups, found, strict=True):
            rows = group.rows.take(pa.array(places))
            columns.update({name: rows.column(name) for name in group.columns})
        return columns

    def _learn(self, new: Sequence[np.ndarray]) -> None:
        """Works out what every group has met for the first time, at once."""
        pieces = [self._members(group, combinations) for group, combinations in zip(self._groups, new, strict=True)]
        if not any(piece.num_rows for piece in pieces):
            return
        members = pa.concat_tables(pieces)
        rows, start = self._work(members), 0
        same_order(members, rows)
        for group, piece in zip(self._groups, pieces, strict=True):
            if piece.num_rows:
                group.learn(rows.slice(start, piece.num_rows))
            start += piece.num_rows

    def _members(self, group: _Group, combinations: np.ndarray) -> pa.Table:
        """Members who have nothing but these fields."""
        texts = group.texts(combinations, self._known)
        nothing = pa.nulls(len(combinations), pa.string())
        fields = {name: texts.get(name, nothing) for name in self._shape.fields}
        places = pa.array(np.arange(len(combinations)))
        return pa.table({"id": places, "change_no": places, **fields})

    def _forget(self) -> None:
        self._groups = [_Group(fields, columns) for fields, columns in self._groups_of.items()]
        names = {name for fields in self._groups_of for name in fields}
        self._known = {name: _Known(pa.array([], pa.string())) for name in sorted(names)}
