"""Batches of members as bytes, as Graph takes them, and what Graph says of them.

https://developers.facebook.com/docs/marketing-api/reference/custom-audience/users
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote_from_bytes

import numpy as np
import orjson
import pyarrow as pa
import requests

from connectors.contract import Action, Batch, PushResult, Refused
from connectors.digests import is_digest, letters, texts, whole
from connectors.problems import Code, UnexpectedReply

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

# Hashes pass as they are; the marks of JSON around them are what has to be encoded. Ordered: the percent sign first.
MARKS = tuple((mark.encode(), f"%{ord(mark):02X}".encode()) for mark in "%\"[],:{}&+=#;?/\\'<>^`|~@!$()* \x7f")


def payload(rows: pa.Table) -> dict[str, Any]:
    """Schema and data. `is_raw` says "individual keys", not "not hashed"; every row has a cell for every key.

    Also for those that nobody here has: all batches of a session have one schema.
    """
    return {"schema": rows.column_names, "data": _data(rows), "is_raw": True}


AT_ONCE = 1000
"""Rows that are written at once: what takes little room is quickly had again."""


def _data(rows: pa.Table) -> Any:
    """All cells, row by row. Where there is nothing but digests, written many at once: that takes a fraction of the time."""
    if rows.num_rows and all(is_digest(each.type) or each.null_count == rows.num_rows for each in rows.columns):
        return orjson.Fragment(b"".join(_digests_only(rows)))
    nobody = [""] * rows.num_rows
    cells = [
        nobody if column.null_count == rows.num_rows else column.fill_null("").to_pylist()
        for column in texts(rows).columns
    ]
    return list(zip(*cells, strict=True))


def _digests_only(rows: pa.Table) -> Iterator[bytes]:
    """As JSON. Every row has a place for each digest, and the places of cells that are empty are cut out."""
    digests = [whole(column) if is_digest(column.type) else None for column in rows.columns]
    widths = [0 if column is None else 2 * column.type.byte_width for column in digests]
    row = '["' + '","'.join(" " * width for width in widths) + '"],'
    starts = [len('["') + sum(widths[:place]) + place * len('","') for place in range(len(widths))]
    places = [
        (column, slice(start, start + width))
        for column, start, width in zip(digests, starts, widths, strict=True)
        if column is not None
    ]
    template = np.tile(np.frombuffer(row.encode(), np.uint8), (min(AT_ONCE, rows.num_rows), 1))
    yield b"["
    for first in range(0, rows.num_rows, AT_ONCE):
        last = first + AT_ONCE >= rows.num_rows
        written = template[: rows.num_rows - first]
        for column, place in places:
            written[:, place] = letters(column.slice(first, AT_ONCE))
        text = _without_empty(written, first, places).tobytes()
        yield text[:-1] if last else text
    yield b"]"


def _without_empty(written: np.ndarray, first: int, places: Sequence[tuple[pa.Array, slice]]) -> np.ndarray:
    kept = None
    for column, place in places:
        cells = column.slice(first, len(written))
        if cells.null_count:
            kept = np.ones(written.shape, bool) if kept is None else kept
            kept[cells.is_null().to_numpy(zero_copy_only=False), place] = False
    return written if kept is None else written[kept]


def body(batch: Batch, form: str) -> tuple[bytes, str]:
    """The request's body and its content type; `form` is "json" or "form"."""
    session = {
        "session_id": batch.session,
        "batch_seq": batch.number,
        "last_batch_flag": batch.last,
        "estimated_num_total": batch.estimated_total,
    }
    fields: dict[str, Any] = {"payload": payload(batch.rows), "session": session}
    if batch.action is Action.REMOVE:
        # A real DELETE would carry the members in its address: 1,200 rows are refused with 414.
        fields["method"] = "DELETE"
    return encode(fields, form)


def encode(fields: dict[str, Any], form: str) -> tuple[bytes, str]:
    """Fields of a POST as JSON, or as a form whose nested values are JSON."""
    if form == "json":
        return orjson.dumps(fields), JSON
    parts = [
        name.encode() + b"=" + _quoted(value.encode() if isinstance(value, str) else orjson.dumps(value))
        for name, value in fields.items()
    ]
    return b"&".join(parts), FORM


def _quoted(text: bytes) -> bytes:
    """As quote_from_bytes, five times as fast where it can be."""
    if not text.isascii():
        return quote_from_bytes(text, safe="").encode()
    for mark, code in MARKS:
        text = text.replace(mark, code)
    return text


def result(reply: requests.Response, rows: int) -> PushResult:
    """What was taken. Only a 200 with a count is a yes; Graph names no rows, only how many were badly formed."""
    answer = reply.json()
    reference = reply.headers.get("x-fb-trace-id", "")
    received = answer.get("num_received") if isinstance(answer, dict) else None
    if reply.status_code != requests.codes.ok or not isinstance(received, int):
        raise UnexpectedReply(
            Code.UNEXPECTED, raw=f"HTTP {reply.status_code} without num_received", reference=reference
        )
    # num_received runs up over a session, so only a smaller number tells that rows are missing.
    missing = max(0, rows - received)
    invalid = min(int(answer.get("num_invalid_entries") or 0), rows - missing)
    refused = (
        Refused(Code.ROW_BAD_FORMAT, invalid, raw="num_invalid_entries"),
        Refused(Code.ROW_REFUSED, missing, raw="num_received"),
    )
    told = tuple(part for part in refused if part.count)
    return PushResult(rows - invalid - missing, told, reference=reference)
