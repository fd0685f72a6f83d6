"""Members of a warehouse as they were at one moment: asked for once, held to their form, and laid down for this run alone.

A member is known here by a keyed digest of the warehouse's key, so that ledgers, windows and plans are the same for every
source, and neither file nor database holds the key. What a cell digests to takes the place of a contact's change number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import pyarrow as pa

from segsync.audience.engines import Engine
from segsync.audience.sources import MAY_BE_SENT, NO_CONSENT, NOT_SUBSCRIBED
from segsync.audience.warehouses import WarehouseProblem
from segsync.rules.cleaning_email import GMAIL
from segsync.rules.warehouse_forms import CONSENTS, SHAPES, Columns, Meaning

DIGITS: Final = 15
"""Hexadecimal digits of a member's digest: 60 bits, below the end of the last window."""
BARRED_BY = ("email", "phone", "company_domain")


@dataclass(frozen=True)
class Wanted:
    """What is read of a warehouse for one channel. `fields` are those that the channel takes."""

    columns: Columns
    fields: tuple[str, ...]

    @property
    def read(self) -> dict[str, str]:
        """Name here → column there, of everything but the key. Those that people are kept out by always."""
        taken = {*self.fields, *BARRED_BY}
        return {f"f_{name}": column for name, column in self.columns.fields.items() if name in taken} | {
            f"c_{name}": column for name, column in self.columns.consents.items()
        }

    def sql(self, engine: Engine, query: str) -> str:
        """The statement that streams them, every cell as text."""
        cells = {f"k_{place}": column for place, column in enumerate(self.columns.keys)} | self.read
        texts = ", ".join(f"cast({engine.named(column)} as {engine.text}) as {name}" for name, column in cells.items())
        return f"select {texts} from ({query}) as asked"


@dataclass
class Stage:
    """The file, open. `unclean` counts the cells that were left out, by field."""

    bench: duckdb.DuckDBPyConnection
    wanted: Wanted
    secret: str
    unclean: dict[str, int] = field(default_factory=dict)
    digits: int = DIGITS

    def lay(self, tables: Iterable[pa.Table], meaning: Meaning, kept_out: pa.Table) -> None:
        """Takes everybody, whole or not at all. `kept_out` has `digest` of an e-mail or phone and `why` its owner is not sent.

        Raises WarehouseProblem where the key does not tell members apart.
        """
        names = [f"k_{place}" for place in range(len(self.wanted.columns.keys))] + list(self.wanted.read)
        self.bench.execute(f"create table raw ({', '.join(f'{name} varchar' for name in names)})")
        for table in tables:
            self.bench.register("coming", table.rename_columns(names))
            self.bench.execute("insert into raw select * from coming")
        self.bench.register("kept_out", kept_out)
        self._check_keys()
        self._count_unclean()
        self.bench.execute(f"create table members as {self._members(meaning)}", {"secret": self.secret})
        self.bench.execute("drop table raw")
        self._check_digests()

    def window(self, low: int, rows: int) -> pa.Table:
        """Up to `rows` members with keys above `low`: `id`, `change_no`, `barred`, in key order."""
        asked = "select id, change_no, barred from members where id > ? order by id limit ?"
        return self.bench.execute(asked, [low, rows]).to_arrow_table()

    def values(self, low: int, high: int, ids: pa.Array | None) -> pa.Table:
        """`id`, `change_no` and the fields of these members; where `ids` is None, of all with keys above `low` up to `high`."""
        fields = ", ".join(f'"{name}"' for name in self.wanted.fields)
        asked = f"select id, change_no, {fields} from members"
        if ids is None:
            return self.bench.execute(f"{asked} where id > ? and id <= ? order by id", [low, high]).to_arrow_table()
        self.bench.register("these", pa.table({"id": ids}))
        return self.bench.execute(f"{asked} semi join these using (id) order by id").to_arrow_table()

    def _check_keys(self) -> None:
        parts = [f"k_{place}" for place in range(len(self.wanted.columns.keys))]
        empty = " or ".join(f"coalesce({part}, '') = ''" for part in parts)
        without = self._number(f"select count(*) from raw where {empty}")
        if without:
            raise WarehouseProblem("warehouse.no_key", count=str(without))
        twice = self._number(
            f"select count(*) from (select 1 from raw group by {', '.join(parts)} having count(*) > 1)"
        )
        if twice:
            raise WarehouseProblem("warehouse.key_twice", count=str(twice))

    def _check_digests(self) -> None:
        """Two keys with one digest would be taken for one member. One in some ten thousand segments of ten million meets it."""
        if self._number("select count(*) - count(distinct id) from members"):
            raise WarehouseProblem("warehouse.keys_collide")

    def _count_unclean(self) -> None:
        for name in (name for name in self.wanted.read if name.startswith("f_")):
            filled = f"coalesce({name}, '') <> '' and not {_clean(name)}"
            count = self._number(f"select count(*) from raw where {filled}")
            if count:
                self.unclean[name.removeprefix("f_")] = count

    def _members(self, meaning: Meaning) -> str:
        key = " || chr(31) || ".join(f"k_{place}" for place in range(len(self.wanted.columns.keys)))
        cells = {name: f"f_{name}" for name in SHAPES if f"f_{name}" in self.wanted.read}
        clean = {name: f"case when {_clean(cell)} then {cell} end" for name, cell in cells.items()}
        fields = [f'{clean.get(name, "null::varchar")} as "{name}"' for name in self.wanted.fields]
        texts = " || chr(31) || ".join(f"coalesce(\"{name}\", '')" for name in self.wanted.fields)
        joined = " ".join(
            f"left join kept_out out_{name} on out_{name}.digest = sha256({text})"
            for name, text in _told_by(self.wanted).items()
        )
        return f"""
            with cleaned as (
                select {self._digest(f"'member' || chr(31) || {key}")} as id, {_barred(self.wanted, meaning)} as barred, {", ".join(fields)}
                from raw {joined}
            )
            select id, {self._digest(f"'cells' || chr(31) || {texts}")} as change_no, barred, {", ".join(f'"{name}"' for name in self.wanted.fields)}
            from cleaned order by id
        """

    def _digest(self, text: str) -> str:
        return f"('0x' || left(md5($secret || chr(31) || {text}), {self.digits}))::bigint"

    def _number(self, sql: str) -> int:
        return int(self.bench.execute(sql).fetchall()[0][0])


@contextmanager
def stage(folder: Path, wanted: Wanted, secret: str) -> Iterator[Stage]:
    """A stage of its own, gone at the end: it holds people's values."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="spill-", dir=folder) as place:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": "200MB",
            "temp_directory": place,
            "threads": 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        bench = duckdb.connect(str(Path(place) / "members.duckdb"), config=config)
        try:
            yield Stage(bench, wanted, secret)
        finally:
            bench.close()


def _clean(name: str) -> str:
    """DuckDB: whether a cell is as its field was declared."""
    shape = SHAPES[name.removeprefix("f_")]
    pattern = shape.pattern.replace("'", "''")
    return f"coalesce(regexp_full_match({name}, '{pattern}') and {shape.also.replace('cell', name)}, false)"


def _barred(wanted: Wanted, meaning: Meaning) -> str:
    """DuckDB: why a member is not sent, asked in the order of `sources`; 0 where nothing stands against it.

    The last word is with those who opted out here: whoever has their e-mail or phone is not sent, whatever the warehouse says.
    This is the place for everything that keeps people out by hash.
    """
    checks = [(_refuses(wanted, "subscription", counts=meaning.unknown_subscription_counts), NOT_SUBSCRIBED)]
    checks += [(_refuses(wanted, name, counts=meaning.unknown_consent_counts), NO_CONSENT) for name in meaning.needed]
    own = " ".join(f"when {refused} then {why}" for refused, why in checks)
    here = "".join(f"out_{cell}.why, " for cell in _told_by(wanted))
    return f"coalesce(case {own} end, least({here}null), {MAY_BE_SENT})::tinyint"


def _told_by(wanted: Wanted) -> dict[str, str]:
    """What people who are kept out are known again by: a name for each, and DuckDB's words for it."""
    told = {f"f_{name}": f"lower(trim(f_{name}))" for name in BARRED_BY if f"f_{name}" in wanted.read}
    if "f_email" in told:
        told["f_email"] = _mailbox(told["f_email"])
        told["domain"] = "split_part(lower(trim(f_email)), '@', 2)"
    return told


def _mailbox(address: str) -> str:
    """DuckDB: `rules.cleaning_email.mailbox` of a cell."""
    host = f"split_part({address}, '@', 2)"
    bare = f"replace(split_part(split_part({address}, '@', 1), '+', 1), '.', '')"
    return f"case when {host} in ({_texts(GMAIL)}) and {bare} <> '' then {bare} || '@' || {host} else {address} end"


def _refuses(wanted: Wanted, name: str, *, counts: bool) -> str:
    yes, no = CONSENTS[name]
    if name not in wanted.columns.consents:
        return "false" if counts else "true"
    said = f"lower(trim(coalesce(c_{name}, '')))"
    return f"{said} in ({_texts(no)})" if counts else f"{said} not in ({_texts(yes)})"


def _texts(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
