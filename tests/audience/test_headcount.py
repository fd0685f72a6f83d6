"""How many are in an audience before and after a plan, against the same said with sets."""

from __future__ import annotations

import tempfile

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from segsync.audience.headcount import Headcount, headcount
from segsync.audience.ledger import Held
from tests.audience.test_fold import BASE, ROWS, SCHEMA, Shelf, row

NAMES = pa.schema([SCHEMA.field("member"), SCHEMA.field("version")])


def in_files(shelf: Shelf, rows: list[dict], schema: pa.Schema, cut: int) -> list:
    return [shelf.put(part, schema) for part in (rows[:cut], rows[cut:]) if part]


@settings(deadline=None)
@given(
    base=BASE,
    gone=st.sets(st.integers(0, 8)),
    come=ROWS,
    window=st.integers(1, 4),
    cut=st.integers(0, 9),
)
def test_before_and_after_are_counted_in_members(base, gone, come, window, cut):
    """Somebody with two entries is one person, and whoever changes does not leave (B2)."""
    removals = sorted(each for place, each in enumerate(sorted(base)) if place in gone)
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(folder)
        told = [row(*each, state=int(state)) for each, state in sorted(base.items())]
        counted = headcount(
            in_files(shelf, told, SCHEMA, cut),
            in_files(shelf, [row(*each) for each in removals], NAMES, cut),
            in_files(shelf, [row(*each) for each in come], NAMES, cut),
            window=window,
        )
    before = {member for (member, _), state in base.items() if state in {Held.HELD, Held.UNSURE}}
    staying = {each[0] for each, state in base.items() if state is Held.HELD and each not in removals}
    assert counted == Headcount(len(before), len(staying | {member for member, _ in come}))
