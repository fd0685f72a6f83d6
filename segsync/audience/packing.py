"""Digests as bytes, in the files of the data path: as hexadecimal text they take twice the place, and compressing them most of a run's time.

Nothing else is changed by it: what was packed comes back as it was, and files from before are read as they are.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.digests import as_text, is_digest, spread, whole

DIGESTS = (32, 64)
"""Lengths of MD5 and SHA-256 as text."""
_CASE, _CAPITAL = 0x60, 0x40
"""Bits of a letter in ASCII. A capital would come back small."""


def pack(table: pa.Table) -> pa.Table:
    """The table with columns of digests as bytes: those in which every text is one, written small."""
    for place, field in enumerate(table.schema):
        packed = _packed(table.column(place)) if field.type == pa.string() else None
        if packed is not None:
            table = table.set_column(place, field.name, packed)
    return table


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables with the same columns as one, packed where all are, and all as text where one of them cannot be."""
    packed = [pack(table) for table in tables if table.num_rows] or list(tables[:1])
    if len(packed) == 1:
        return packed[0]
    names = packed[0].column_names
    types = {name: {table.schema.field(name).type for table in packed} for name in names}
    odd = [name for name in names if len(types[name]) > 1]
    for name in odd:
        packed = _alike(packed, name)
    return pa.concat_tables(packed)


def digests(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Those of some texts that are digests of a length, as bytes of that type."""
    fitting = texts.filter(pc.match_substring_regex(texts, f"^[0-9a-f]{{{2 * kind.byte_width}}}$"))
    return _packed(pa.chunked_array([fitting])) if len(fitting) else pa.array([], kind)


def read_rows(path: Path, columns: Sequence[str], *, group: int | None = None) -> pa.Table:
    """Columns of a file, or of one of its groups of rows, digests as they lie there. One that its writer did not know is empty."""
    with pq.ParquetFile(path) as file:
        there = [name for name in columns if name in file.schema_arrow.names]
        one = {"columns": there, "use_threads": False}
        rows = file.read(**one) if group is None else file.read_row_group(group, **one)
    for name in columns:
        if name not in there:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.string()))
    return rows.select(list(columns))


def rows_sql(paths: Sequence[Path]) -> str:
    """DuckDB: the rows of files with their digests as text, by the names of their columns. At least one file."""
    alike: dict[tuple[tuple[str, bool], ...], list[Path]] = {}
    for path in paths:
        columns = tuple((field.name, is_digest(field.type)) for field in pq.read_schema(path))
        alike.setdefault(columns, []).append(path)
    pieces = []
    for columns, files in alike.items():
        texts = ", ".join(f'lower(hex("{name}")) as "{name}"' if packed else f'"{name}"' for name, packed in columns)
        pieces.append(f"select {texts} from read_parquet([{', '.join(_quoted(path) for path in files)}])")
    return " union all by name ".join(pieces)


def _packed(column: pa.ChunkedArray) -> pa.Array | None:
    texts = whole(column)
    filled = texts.drop_null() if texts.null_count else texts
    if len(filled) == 0:
        return None
    _, ends, letters = filled.buffers()
    edges = np.frombuffer(ends, np.int32, len(filled) + 1, filled.offset * 4)
    width = int(edges[1] - edges[0])
    if width not in DIGESTS or (np.diff(edges) != width).any():
        return None
    text = memoryview(letters)[edges[0] : edges[-1]]
    if _has_capitals(np.frombuffer(text, np.uint8)):
        return None
    try:
        data = binascii.unhexlify(text)
    except binascii.Error:
        return None
    kind = pa.binary(width // 2)
    return spread(pa.FixedSizeBinaryArray.from_buffers(kind, len(filled), [None, pa.py_buffer(data)]), texts)


def _has_capitals(letters: np.ndarray) -> bool:
    """Piece by piece: what takes little room is quickly had again."""
    pieces = (letters[start : start + _PIECE] for start in range(0, len(letters), _PIECE))
    return any(((piece & _CASE) == _CAPITAL).any() for piece in pieces)


_PIECE = 2**16


def _alike(tables: list[pa.Table], name: str) -> list[pa.Table]:
    """One column of tables in one type: bytes where the others hold nothing in it, else text."""
    kinds = {table.schema.field(name).type for table in tables if table.column(name).null_count < table.num_rows}
    kind = kinds.pop() if len(kinds) == 1 else pa.string()
    made = []
    for table in tables:
        place, column = table.column_names.index(name), table.column(name)
        if column.type != kind:
            empty = column.null_count == len(column)
            column = pa.nulls(len(column), kind) if empty else as_text(column)
        made.append(table.set_column(place, name, column))
    return made


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
