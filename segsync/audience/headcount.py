"""How many members an audience has before and after a plan: window by window, so that it takes no more memory for ten million."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from connectors.digests import texts
from segsync.audience.ledger import Held
from segsync.audience.rolls import Roll, Sheet, windows_of

_NAMES = pa.schema([("member", pa.int64()), ("version", pa.string())])
_ROWS = pa.schema([*_NAMES, ("state", pa.int8())])
_SEEN = ["member", "state"]


@dataclass(frozen=True)
class Headcount:
    """Members who may be in it before, and who are in it once the plan was carried out."""

    before: int
    after: int


def headcount(
    base: Sequence[Path],
    removals: Sequence[Path],
    additions: Sequence[Path],
    *,
    window: int,
) -> Headcount:
    """Of a ledger's files, and a draft's files of removals and additions, in windows of about `window` rows."""
    held, gone = Roll(_sheets(base), _ROWS), Roll(_sheets(removals), _NAMES)
    come = Roll(_sheets(additions), pa.schema([_NAMES.field("member")]))
    before = after = 0
    for low, high in windows_of((held, gone, come), window):
        rows = held.between(low, high)
        before += len(_members(rows, Held.HELD, Held.UNSURE))
        staying = _members(_without(rows, gone.between(low, high)), Held.HELD)
        after += len(np.union1d(staying, come.between(low, high).column("member").to_numpy()))
    return Headcount(before, after)


def _members(rows: pa.Table, *states: Held) -> np.ndarray:
    return np.unique(rows.column("member").to_numpy()[np.isin(rows.column("state").to_numpy(), states)])


def _without(rows: pa.Table, gone: pa.Table) -> pa.Table:
    """The rows that are not taken out; others of the same members stay."""
    touched = np.isin(rows.column("member").to_numpy(), gone.column("member").to_numpy())
    if not touched.any():
        return rows
    odd = texts(rows.filter(pa.array(touched))).join(texts(gone), ["member", "version"], join_type="left anti")
    return pa.concat_tables([rows.select(_SEEN).filter(pa.array(~touched)), odd.select(_SEEN)])


def _sheets(files: Sequence[Path]) -> list[Sheet]:
    return [Sheet(path) for path in files]
