"""Members as a channel takes them, worked out on every core at once."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from connectors.contract import Kind
from connectors.digests import texts
from segsync.audience.identified import WORTH_SHARING, Method, identifying
from segsync.audience.workbench import workbench
from tests.fakes import FakeChannel

METHOD = Method(FakeChannel(), Kind.PEOPLE, "basis", "secret")


def people(count: int) -> pa.Table:
    """Members with an e-mail, some without."""
    emails = [None if number % 7 == 3 else f"person{number}@example.org" for number in range(count)]
    columns = {name: pa.nulls(count, pa.string()) for name in METHOD.shape.fields} | {"email": pa.array(emails)}
    return pa.table(
        {"id": pa.array(range(count), pa.int64()), "change_no": pa.array([5] * count, pa.int64()), **columns}
    )


@pytest.mark.parametrize("count", [0, 1, WORTH_SHARING - 1, WORTH_SHARING, 2 * WORTH_SHARING + 1])
def test_however_many_share_the_work_each_member_has_their_own_row(tmp_path, count):
    """In the members' order, nobody twice and nobody left out, window after window (B1)."""
    with workbench(tmp_path, threads=1) as bench, identifying(bench, METHOD) as identify:
        for _ in range(2):
            rows = texts(identify.rows(people(count)))
            versions = texts(identify.versions(people(count)))
            assert rows.column("member").to_pylist() == list(range(count))
            assert versions.equals(rows.select(versions.column_names))
            assert rows.column("EMAIL").to_pylist() == [
                None if email is None else hashlib.sha256(email.encode()).hexdigest()
                for email in people(count).column("email").to_pylist()
            ]


def test_nobody_is_left_where_members_were_worked_out(tmp_path):
    """What was read to be worked on is let go of (B1)."""
    with workbench(tmp_path, threads=1) as bench, identifying(bench, METHOD) as identify:
        identify.rows(people(3))
        assert identify.rows(people(1)).num_rows == 1
        assert identify.versions(people(0)).num_rows == 0
