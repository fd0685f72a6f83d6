"""Another key for everything that is sealed, while the product runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Column, Table, func, select, tuple_, update

from segsync.db import Base
from segsync.models import Installation
from segsync.runtime import DIGESTS, Runtime
from segsync.vault import key_file, new_key, replace_private, vault_keys

SEALED: Final = "_sealed"
"""Columns whose names end so hold what the vault sealed."""
KEPT_KEYS: Final = 2
"""A process that was started earlier may seal with the key before the newest until it is restarted."""
BATCH: Final = 500


def count(runtime: Runtime) -> int:
    """How many secrets are sealed."""
    with runtime.sessions() as session:
        found = [select(func.count()).where(column.is_not(None)) for _, column in sealed_columns()]
        found.append(select(func.count()).where(Installation.key == DIGESTS))
        return sum(session.scalar(one) or 0 for one in found)


def rotate(runtime: Runtime) -> Iterator[int]:
    """Seals everything with the newest key, yielding how many were done with each step. Raises VaultLocked.

    Keys of the data folder get a new one first. Configured keys are the operator's: the first of them is the newest.
    """
    own = not runtime.settings.vault_keys.get_secret_value()
    file = key_file(runtime.settings.data)
    if own:
        replace_private(file, "\n".join([new_key(), *vault_keys("", runtime.settings.data)]))
        runtime.vault.reload()
    for table, column in sealed_columns():
        yield from _reseal(runtime, table, column)
    with runtime.sessions.begin() as session:
        digests = session.get(Installation, DIGESTS, with_for_update=True)
        if digests is not None:
            digests.value = {"sealed": runtime.vault.rotate(str(digests.value["sealed"]))}
            yield 1
    if own:
        replace_private(file, "\n".join(vault_keys("", runtime.settings.data)[:KEPT_KEYS]))


def sealed_columns() -> Iterator[tuple[Table, Column[str]]]:
    """Every column that holds sealed secrets."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith(SEALED):
                yield table, column


def _reseal(runtime: Runtime, table: Table, column: Column[str]) -> Iterator[int]:
    keys = list(table.primary_key.columns)
    place, last = tuple_(*keys), None
    while True:
        with runtime.sessions.begin() as session:
            wanted = select(*keys, column).where(column.is_not(None)).order_by(*keys).limit(BATCH).with_for_update()
            rows = session.execute(wanted if last is None else wanted.where(place > last)).all()
            for *row, sealed in rows:
                its = [key == value for key, value in zip(keys, row, strict=True)]
                session.execute(update(table).where(*its).values({column: runtime.vault.rotate(sealed)}))
        if not rows:
            return
        last = tuple(rows[-1][:-1])
        yield len(rows)
