"""Linked devices as a file brings them: records of their own beside the contacts, in statements over a whole chunk."""

from __future__ import annotations

from collections import Counter
from typing import Final

from psycopg import Cursor
from psycopg.rows import TupleRow

DEVICES: Final = frozenset({"idfv", "android_id"})
MOST_DEVICES: Final = 50
"""Of one contact."""
_WITHOUT: Final = """
    delete from linked_device d using import_stage s
    where d.contact_id = s.id and not s.is_new and d.kind = any(s.gone)
    and d.value <> all(coalesce(case d.kind when 'idfv' then s.idfv else s.android_id end, '{}')) returning d.contact_id
"""
_WITH: Final = """
    with fresh as (
        select s.id, k.kind, v.value, (select count(*) from linked_device d where d.contact_id = s.id)
            + row_number() over (partition by s.id order by k.kind desc, v.value) as place
        from import_stage s
        cross join lateral (values ('idfv', s.idfv), ('android_id', s.android_id)) k(kind, ids)
        cross join lateral unnest(k.ids) v(value)
        where not exists (
            select from linked_device d where d.contact_id = s.id and d.kind = k.kind and d.value = v.value
        )
    ), linked as (
        insert into linked_device (workspace_id, contact_id, kind, value)
        select %(workspace)s, id, kind, value from fresh where place <= %(most)s
        on conflict do nothing returning contact_id
    )
    select contact_id, null from linked union all select id, kind from fresh where place > %(most)s
"""


def link_in_stage(cursor: Cursor[TupleRow], workspace_id: int) -> tuple[set[int], Counter[str]]:
    """Links the devices of an import's chunk, and unlinks those that it empties.

    The contacts whose devices changed, and how many of each kind were left out because a contact may have no more.
    """
    cursor.execute(_WITHOUT)
    changed = {row[0] for row in cursor}
    cursor.execute(_WITH, {"workspace": workspace_id, "most": MOST_DEVICES})
    found = cursor.fetchall()
    changed.update(contact for contact, left_out in found if left_out is None)
    return changed, Counter(left_out for _, left_out in found if left_out is not None)
