"""Digests as bytes, as they lie in files, and as the hexadecimal text that channels want."""

from __future__ import annotations

import binascii

import numpy as np
import pyarrow as pa


def texts(rows: pa.Table) -> pa.Table:
    """The table with its digests as text."""
    for place, field in enumerate(rows.schema):
        if is_digest(field.type):
            rows = rows.set_column(place, field.name, as_text(rows.column(place)))
    return rows


def is_digest(kind: pa.DataType) -> bool:
    """Whether a column of this type holds digests as bytes."""
    return bool(pa.types.is_fixed_size_binary(kind))


def letters(digests: pa.Array) -> np.ndarray:
    """The hexadecimal letters of digests: one row of bytes for each. Those of an empty one mean nothing."""
    width = digests.type.byte_width
    data = memoryview(digests.buffers()[1])[digests.offset * width : (digests.offset + len(digests)) * width]
    return np.frombuffer(binascii.hexlify(data), np.uint8).reshape(len(digests), 2 * width)


def spread(filled: pa.Array, places: pa.Array) -> pa.Array:
    """Values without gaps, with the gaps of `places`."""
    if not places.null_count:
        return filled
    there = places.is_valid().to_numpy(zero_copy_only=False)
    return filled.take(pa.array(np.cumsum(there) - 1, mask=~there))


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def as_text(column: pa.ChunkedArray) -> pa.Array:
    """A column of digests as text."""
    digests = whole(column)
    filled = digests.drop_null() if digests.null_count else digests
    edges = np.arange(len(filled) + 1, dtype=np.int32) * (2 * digests.type.byte_width)
    text = pa.StringArray.from_buffers(len(filled), pa.py_buffer(edges), pa.py_buffer(letters(filled)))
    return spread(text, digests)
