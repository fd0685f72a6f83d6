"""Writes a chunk of clean rows into contacts or companies in a handful of statements over sets.

What is equal already is not touched, so that importing a file again leaves every `change_no` as it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import orjson
from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.types.json import Json
from sqlalchemy.orm import Session

from segsync.actions import import_opt_outs
from segsync.actions.company_links import link_contacts_in_stage, link_contacts_of
from segsync.actions.device_links import DEVICES, link_in_stage
from segsync.rules.identity import ENOUGH, Identity, Known, identity_of
from segsync.rules.import_mapping import CUSTOM
from segsync.rules.import_rows import IDENTITIES, Folded, Laid, Prepared, fold
from segsync.rules.terms import COMPANY_FIELDS, CONTACT_FIELDS, Consent, Subscription

MERGING: Final = 7_315_024_002
"""Names our advisory locks: whoever adds contacts or companies to one workspace waits for one another."""
STATEMENTS: Final = ("subscription", "ad_user_data", "ad_personalization")
FIELDS: Final = {"contact": (*CONTACT_FIELDS, *STATEMENTS), "company": COMPANY_FIELDS}
TYPES: Final = {"birth_date": "date", "employees": "bigint"}
OPT_OUTS: Final = {
    "subscription": Subscription.NO.value,
    "ad_user_data": Consent.DENIED.value,
    "ad_personalization": Consent.DENIED.value,
}
"""What a file never undoes, unless a person says that it is the newer word."""
EVIDENCE: Final = {
    "subscription": ("subscription_source", "subscription_at"),
    "ad_user_data": ("consent_source", "consent_at"),
    "ad_personalization": ("consent_source", "consent_at"),
}
OTHER_WAYS: Final = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort", "jit")
Row = Cursor[TupleRow]


@dataclass(frozen=True)
class Target:
    """Where rows go, and what comes with every one of them."""

    workspace_id: int
    subject: str
    used: tuple[str, ...]
    """Fields that the file fills; custom fields with their mark."""
    tags: tuple[str, ...] = ()
    segment_id: int | None = None
    source: str = ""
    """What stands as the source of subscription and consent."""
    undo_opt_outs: bool = False

    @cached_property
    def columns(self) -> list[str]:
        """The table's own columns that the file fills."""
        return [name for name in FIELDS[self.subject] if name in self.used]

    @cached_property
    def custom(self) -> list[str]:
        """The keys of the custom fields that the file fills."""
        return [name.removeprefix(CUSTOM) for name in self.used if name.startswith(CUSTOM)]

    @cached_property
    def has_more(self) -> bool:
        """Whether something comes with the rows that is no column of the table."""
        return bool(self.tags or set(self.used) - set(self.columns))


@dataclass
class Merged:
    """What a chunk did, counted in rows of the file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    opt_outs_kept: int = 0
    listed: int = 0
    devices_left_out: Counter[str] = field(default_factory=Counter)
    """By kind: those beyond what a contact may have."""
    refused: list[tuple[Prepared, str]] = field(default_factory=list)

    def __add__(self, other: Merged) -> Merged:
        return Merged(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.opt_outs_kept + other.opt_outs_kept,
            self.listed + other.listed,
            self.devices_left_out + other.devices_left_out,
            self.refused + other.refused,
        )


def lock(session: Session, workspace_id: int) -> None:
    """Until the transaction ends, nobody else finds or makes contacts in this workspace."""
    cursor = _cursor(session)
    cursor.execute("select pg_advisory_xact_lock(%s, %s)", (MERGING % 2**31, workspace_id % 2**31))


def merge(session: Session, target: Target, rows: Sequence[Prepared]) -> Merged:
    """Writes the rows in the caller's transaction. Raises psycopg.DataError for a value that the database does not take."""
    cursor = _cursor(session)
    people = target.subject == "contact"
    if people:
        import_opt_outs.lock(cursor, target.workspace_id)
    lock(session, target.workspace_id)
    _by_index(cursor, alone=True)
    known, names = _who_fits(cursor, target, rows)
    final = {} if target.undo_opt_outs else OPT_OUTS
    folded = fold(target.subject, rows, known, _new_ids(cursor, target.subject, len(rows)), names, final=final)
    _stage(cursor, target, folded)
    columns, undo = target.columns, target.undo_opt_outs
    out = import_opt_outs.look(cursor, target.workspace_id, columns, undo=undo) if people else None
    changed, devices_left_out = _write(cursor, target)
    if out:
        import_opt_outs.write(cursor, columns, out, source=target.source)
    listed = _list(cursor, target) if target.segment_id else 0
    _by_index(cursor, alone=False)
    opt_outs = _kept(folded, cursor, target)
    told = Merged(opt_outs_kept=opt_outs, listed=listed, devices_left_out=devices_left_out, refused=folded.refused)
    return _counted(told, folded, changed)


def _cursor(session: Session) -> Row:
    connection: Any = session.connection().connection.driver_connection
    cursor: Row = connection.cursor()
    return cursor


def _by_index(cursor: Row, *, alone: bool) -> None:
    """The tables grow under the planner's feet: whatever it believes of their size, the way is by their indexes."""
    cursor.execute("; ".join(f"set local {way} = {'off' if alone else 'on'}" for way in OTHER_WAYS))


def _who_fits(cursor: Row, target: Target, rows: Sequence[Prepared]) -> tuple[Known, Callable[[int], str]]:
    """Everybody who could fit a row: a few for each row and identifier, found by index."""
    fields = IDENTITIES[target.subject]
    names = dict[int, str]()

    def fetch(told: Iterable[Identity], without: Collection[int] = ()) -> Iterator[tuple[int, Identity]]:
        asked = {name: Json(column, orjson.dumps) for name, column in zip(fields, zip(*told, strict=True), strict=True)}
        cursor.execute(fitting(target), {**asked, "without": list(without)})
        for member, name, *identity in cursor.fetchall():
            names[member] = name
            yield member, tuple(identity)

    known = Known(lambda row, without: fetch([row], without))
    told = [identity_of(row.values, fields) for row in rows]
    known.expect(told, dict(fetch(told)))
    return known, lambda member: f"no. {member}{f' ({names[member]})' if names.get(member) else ''}"


def fitting(target: Target) -> str:
    """The statement that finds, for rows given as a JSON array for each identifier, a few who have it, `without` those that are known."""
    fields = IDENTITIES[target.subject]
    label = "concat_ws(' ', first_name, last_name)" if target.subject == "contact" else "name"
    # Only the index of this very identifier has its values in order, and there is no other way to order them:
    # each of them begins with the workspace, and the planner may believe that a workspace is small.
    least, most, order = ("~>=~", "~<=~", " using ~<~") if target.subject == "contact" else (">=", "<=", "")
    parts = []
    for place, name in enumerate(fields):
        # Nobody shares the domain of a company, so whoever has it is looked at whatever else they have.
        stronger = "" if target.subject == "company" else _undecided(fields[:place])
        parts.append(
            f"(select id, {label}, {', '.join(fields)} from {target.subject} m where m.workspace_id = {target.workspace_id:d} "
            f"and m.{name} {least} r.{name} and m.{name} {most} r.{name}{stronger} and m.id <> all(%(without)s::bigint[]) order by m.{name}{order} limit {ENOUGH})"
        )
    return (
        f"select c.* from rows from ({', '.join(f'json_array_elements_text(%({name})s)' for name in fields)}) "
        f"as r({', '.join(fields)}) cross join lateral ({' union all '.join(parts)}) c"
    )


def _undecided(stronger: Sequence[str]) -> str:
    return "".join(f" and (r.{name} is null or m.{name} is null)" for name in stronger)


def _new_ids(cursor: Row, table: str, at_once: int) -> Callable[[], int]:
    waiting: list[int] = []

    def new_id() -> int:
        if not waiting:
            cursor.execute(
                "select nextval(ids) from (select pg_get_serial_sequence(%s, 'id')::regclass ids offset 0) named, "
                "generate_series(1, %s)",
                (table, at_once),
            )
            waiting.extend(row[0] for row in reversed(cursor.fetchall()))
        return waiting.pop()

    return new_id


def _stage(cursor: Row, target: Target, folded: Folded) -> None:
    """Puts what is to be written into a table of this transaction, by COPY."""
    columns = [f"{name} {TYPES.get(name, 'text')}" for name in target.columns]
    cursor.execute("drop table if exists pg_temp.import_stage")
    cursor.execute(
        f"create temp table import_stage (id bigint, is_new boolean, gone text[], custom jsonb, tags text[], "
        f"idfv text[], android_id text[], "
        f"company_external_id text{''.join(', ' + column for column in columns)}) on commit drop"
    )
    with cursor.copy("copy import_stage from stdin (null '')") as copy:
        copy.write("".join(_staged(target, laid) for laid in folded.laid.values()).replace("\\", r"\\"))
    cursor.execute("alter table import_stage add primary key (id)")
    cursor.execute("analyze import_stage (id)")


def _staged(target: Target, laid: Laid) -> str:
    """A line for COPY. Clean values hold no tab or line end and are never empty."""
    more = _more(target, laid) if target.has_more or laid.gone else "\t\t\t\t\t"
    value = laid.values.get
    own = "\t".join([str(value(name, "")) for name in target.columns])
    return f"{laid.member}\t{laid.new}\t{more}\t{own}\n"


def _more(target: Target, laid: Laid) -> str:
    """What is no column of the table, or no text."""
    values = laid.values
    custom = {key: values[CUSTOM + key] for key in target.custom if CUSTOM + key in values}
    tags = dict.fromkeys([*target.tags, *values.get("tags", ())])
    devices = [_array(values.get(kind, ())) for kind in ("idfv", "android_id")]
    company = values.get("company_external_id", "")
    return "\t".join([_array(sorted(laid.gone)), json.dumps(custom) if custom else "", _array(tags), *devices, company])


def _array(texts: Iterable[str]) -> str:
    """As PostgreSQL writes an array of texts."""
    quoted = ['"' + text.replace("\\", r"\\").replace('"', r"\"") + '"' for text in texts]
    return f"{{{','.join(quoted)}}}" if quoted else ""


def _write(cursor: Row, target: Target) -> tuple[set[int], Counter[str]]:
    """Adds the new ones and changes those that differ; the ids of the latter, and the devices that were left out."""
    devices_left_out = Counter[str]()
    cursor.execute(_insert(target), _evidence(target))
    if not target.columns and not target.custom and not target.tags and "tags" not in target.used:
        return set(), devices_left_out
    cursor.execute(_update(target), _evidence(target))
    changed = {row[0] for row in cursor.fetchall()}
    if target.subject == "contact":
        named = "company_external_id" in target.used
        changed |= link_contacts_in_stage(cursor, target.workspace_id, None if named else list(changed))
        if not DEVICES.isdisjoint(target.used):
            linked, devices_left_out = link_in_stage(cursor, target.workspace_id)
            changed |= linked
    else:
        _by_index(cursor, alone=False)
        cursor.execute("select id from import_stage where is_new or id = any(%s)", (list(changed),))
        link_contacts_of(cursor, target.workspace_id, companies=[row[0] for row in cursor.fetchall()])
    return changed, devices_left_out


def _evidence(target: Target) -> dict[str, Any]:
    return {"workspace": target.workspace_id, "source": target.source, "undo": target.undo_opt_outs}


def _insert(target: Target) -> str:
    columns = [name for name in target.columns if name not in OPT_OUTS]
    said = [name for name in target.columns if name in OPT_OUTS]
    names = [*columns, *said, *dict.fromkeys(proof for name in said for proof in EVIDENCE[name])]
    values = [f"s.{name}" for name in columns] + [f"coalesce(s.{name}, 'unknown')" for name in said]
    for proof in names[len(columns) + len(said) :]:
        given = " or ".join(f"s.{name} is not null" for name in said if proof in EVIDENCE[name])
        values.append(f"case when {given} then {_proof(proof)} end")
    return (
        f"insert into {target.subject} (id, workspace_id, custom, tags{''.join(', ' + name for name in names)}) "
        f"select s.id, %(workspace)s, coalesce(s.custom, '{{}}'), coalesce(s.tags, '{{}}')"
        f"{''.join(', ' + value for value in values)} from import_stage s where s.is_new"
    )


def _proof(column: str) -> str:
    return "%(source)s" if column.endswith("_source") else "now()"


def _update(target: Target) -> str:
    """Sets what the file says and differs. A row that brings nothing new is not written at all."""
    after = {name: _after(name) for name in target.columns}
    if target.custom:
        after["custom"] = _custom_after(target)
    kept = "case when 'tags' = any(s.gone) then s.tags else m.tags end"
    after["tags"] = (
        f"case when coalesce(s.tags, '{{}}') <@ m.tags and m.tags <@ coalesce({kept}, '{{}}') then m.tags "
        f"else array(select distinct unnest(({kept}) || s.tags) order by 1) end"
    )
    names = list(after)
    proofs: dict[str, list[str]] = {}
    for name in (name for name in names if name in OPT_OUTS):
        for proof in EVIDENCE[name]:
            proofs.setdefault(proof, []).append(name)
    sets = [f"{name} = n.{name}" for name in names] + [
        f"{proof} = case when {' or '.join(f'm.{name} is distinct from n.{name}' for name in said)} "
        f"then {_proof(proof)} else m.{proof} end"
        for proof, said in proofs.items()
    ]
    return (
        f"update {target.subject} m set {', '.join(sets)}, updated_at = now() from ("
        f"select m.id, {', '.join(f'{value} as {name}' for name, value in after.items())} "
        f"from import_stage s join {target.subject} m on m.id = s.id where not s.is_new) n "
        f"where m.id = n.id and ({', '.join(f'm.{name}' for name in names)}) "
        f"is distinct from ({', '.join(f'n.{name}' for name in names)}) returning m.id"
    )


def _after(name: str) -> str:
    if name in OPT_OUTS:
        said = f"coalesce(s.{name}, case when '{name}' = any(s.gone) then 'unknown' else m.{name} end)"
        return f"case when m.{name} = '{OPT_OUTS[name]}' and not %(undo)s then m.{name} else {said} end"
    return f"case when '{name}' = any(s.gone) then null else coalesce(s.{name}, m.{name}) end"


def _custom_after(target: Target) -> str:
    gone = " - ".join(f"(case when '{CUSTOM}{key}' = any(s.gone) then '{key}' else '' end)" for key in target.custom)
    return f"(m.custom || coalesce(s.custom, '{{}}')) - {gone}"


def _kept(folded: Folded, cursor: Row, target: Target) -> int:
    """How often an opt-out stayed although the file said otherwise."""
    said = [name for name in target.columns if name in OPT_OUTS]
    if not said or target.undo_opt_outs or not folded.laid:
        return 0
    kept = " or ".join(f"(m.{name} = '{OPT_OUTS[name]}' and s.{name} <> m.{name})" for name in said)
    cursor.execute(f"select count(*) from import_stage s join {target.subject} m using (id) where {kept}")
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def _list(cursor: Row, target: Target) -> int:
    cursor.execute(
        "insert into segment_member (segment_id, member_id) select %s, id from import_stage on conflict do nothing",
        (target.segment_id,),
    )
    return cursor.rowcount


def _counted(merged: Merged, folded: Folded, changed: set[int]) -> Merged:
    for laid in folded.laid.values():
        further = len(laid.lines) - 1
        merged.created += laid.new
        touched = not laid.new and laid.member in changed
        brought = laid.added if laid.new or touched else 0
        merged.updated += touched + brought
        merged.unchanged += (not laid.new and not touched) + further - brought
    return merged
