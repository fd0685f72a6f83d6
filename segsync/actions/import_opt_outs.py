"""Opt-outs of people, at the door of imports: set by set, by the same rules as `opt_outs` has for one contact.

Works on `import_stage`, which `import_merge` has laid down.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import Cursor
from psycopg.rows import TupleRow

from segsync.actions.opt_outs import BEFORE, SPREADING
from segsync.rules.terms import Subscription

NO: Final = Subscription.NO.value
_OURS: Final = "o.workspace_id = any(%(ours)s)"
_OUT: Final = f"o.subscription = '{NO}' and {_OURS}"
_NOW_OUT: Final = (
    f"subscription = '{NO}', subscription_source = %(source)s, subscription_at = now(), updated_at = now()"
)


def lock(cursor: Cursor[TupleRow], workspace_id: int) -> None:
    """As `opt_outs.lock` alone, by the workspace."""
    cursor.execute(
        "select pg_advisory_xact_lock(%s, (organization_id %% 2147483648)::int) from workspace where id = %s",
        (SPREADING % 2**31, workspace_id),
    )


@dataclass(frozen=True)
class OptOuts:
    """What is known of the rows of a chunk before they are written."""

    held: Sequence[int]
    """Those who come in, or get another e-mail, and opted out already as another contact."""
    before: Sequence[int]
    """Those who opted out already themselves: nobody is told of them once more."""
    ours: Sequence[int]
    """The workspaces of the organization."""


def look(cursor: Cursor[TupleRow], workspace_id: int, columns: Collection[str], *, undo: bool) -> OptOuts:
    """Before the rows are written, of which the file fills these columns. `undo`: a "yes" of the file is the newer word."""
    cursor.execute(
        "select ours.id from workspace ours join workspace w using (organization_id) where w.id = %s", (workspace_id,)
    )
    ours = [row[0] for row in cursor]
    held, before = list[int](), list[int]()
    if ways := _ways(columns):
        newer = "and s.subscription is distinct from 'yes'" if undo and "subscription" in columns else ""
        cursor.execute(
            f"select s.id from import_stage s left join contact m on m.id = s.id where ({' or '.join(ways)}) {newer}",
            {"ours": ours},
        )
        held = [row[0] for row in cursor]
    if "subscription" in columns:
        cursor.execute(
            f"select id from import_stage s join contact m using (id) where s.subscription = '{NO}' and m.subscription = '{NO}'"
        )
        before = [row[0] for row in cursor]
    return OptOuts(held, before, ours)


def write(cursor: Cursor[TupleRow], columns: Collection[str], found: OptOuts, *, source: str) -> None:
    """After the rows: who opted out stays out, and whoever says so now says it for every contact of theirs."""
    if found.held:
        held = {"held": found.held, "source": BEFORE}
        cursor.execute(f"update contact set {_NOW_OUT} where id = any(%(held)s) and subscription <> '{NO}'", held)
    if "subscription" in columns:
        values = {"ours": found.ours, "before": found.before, "source": source}
        cursor.execute(f"update contact set {_NOW_OUT} where id in ({' union '.join(_OTHERS)})", values)


def _ways(columns: Collection[str]) -> list[str]:
    """How a row may be somebody who opted out."""
    known = f"exists (select from contact o where {_OUT} and o.id <> s.id and "
    ways = []
    if "email" in columns:
        ways.append(f"((s.is_new or s.email is distinct from m.email) and {known}o.email = s.email))")
    if "phone" in columns:
        alone = "".join(f" and s.{name} is null" for name in ("email", "external_id") if name in columns)
        ways.append(f"(s.is_new{alone} and {known}o.phone = s.phone))")
    return ways


_OTHERS: Final = tuple(
    f"select o.id from import_stage s join contact m using (id) join contact o on {same} where {_OURS} and o.id <> m.id "
    f"and s.subscription = '{NO}' and m.subscription = '{NO}' and m.id <> all(%(before)s) and o.subscription <> '{NO}'"
    for same in ("o.email = m.email", "o.phone = m.phone and o.email is null and o.external_id is null")
)
"""The other contacts of whoever opts out in this chunk, as `opt_outs.same_person` finds them."""
