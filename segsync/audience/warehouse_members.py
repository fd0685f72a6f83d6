"""From the cells of a warehouse to members as they are compared: one expression for DuckDB here and for every engine there.

A member is known by a keyed digest of the warehouse's key, so that ledgers, windows and plans are the same for every source, and
neither file nor database holds the key. What a member's cells digest to takes the place of a contact's change number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import ibis

from segsync.audience.identified import TO_SEND, identifiers_sql
from segsync.audience.sources import MAY_BE_SENT, NO_CONSENT, NOT_SUBSCRIBED
from segsync.audience.warehouse_readers import WarehouseProblem
from segsync.rules.cleaning_email import GMAIL
from segsync.rules.warehouse_forms import CONSENTS, SHAPES, Columns, Meaning

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from connectors.contract import Kind
    from connectors.protocols import Connector
    from segsync.audience.engines import Engine, EngineWords

RAW, KEPT_OUT = "raw", "kept_out"
"""The tables that members are made of: cells as text, and digests of those who are not sent."""
BARRED_BY: Final[tuple[str, ...]] = ("email", "phone", "company_domain")
DIGITS: Final = 15
"""Hexadecimal digits of a member's digest: 60 bits, below the end of the last window."""
_UNIT: Final = "\x1f"
_TODAY: Final = "{today}"
_NOBODY: Final = 9


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

    @property
    def cells(self) -> dict[str, str]:
        """Name here → column there, of every cell that is read."""
        return {f"k_{place}": column for place, column in enumerate(self.columns.keys)} | self.read

    @property
    def held(self) -> tuple[str, ...]:
        """Fields whose cells are held to their form."""
        return tuple(name.removeprefix("f_") for name in self.read if name.startswith("f_"))

    def sql(self, engine: Engine, query: str) -> str:
        """The statement that reads them, every cell as text."""
        texts = ", ".join(
            f"cast({engine.named(column)} as {engine.text}) as {name}" for name, column in self.cells.items()
        )
        return f"select {texts} from ({query}) as asked"


@dataclass(frozen=True)
class Making:
    """How members are made of cells. `secret` keys their digests and is of this segment alone."""

    wanted: Wanted
    meaning: Meaning
    secret: str
    today: date
    basis: str = ""
    digits: int = DIGITS

    @property
    def columns(self) -> dict[str, str]:
        """The columns of members as they are laid down, with their types."""
        numbers = {"id": "bigint", "change_no": "bigint", "barred": "bigint"}
        unclean = {f"unclean_{name}": "bigint" for name in self.wanted.held}
        return {"member_key": "text"} | numbers | unclean | dict.fromkeys(self.wanted.fields, "text")

    def laid(self, engine: Engine, cells: str, *, kept_out: str = "") -> str:
        """SQL of an engine: `columns` of the `cells` that a statement gives. `kept_out` gives `digest` and `why`, each digest once."""
        said = self._said(engine, bars=bool(kept_out))
        made = ", ".join(f"{made} as {engine.named(name)}" for name, made in self._made(engine).items())
        beside = f", {KEPT_OUT} as ({kept_out})" if kept_out else ""
        return f"with {RAW} as ({cells}){beside} select {made} from ({said}{engine.fence}) as made"

    def keyed(self, engine: Engine, connector: Connector, kind: Kind, members: str) -> str:
        """SQL of an engine: `member`, `version`, `change_no` and the channel's columns, as texts, of laid `members` that a statement gives."""
        shape = connector.capabilities.shapes[kind]
        fields = [engine.named(name) for name in shape.fields]
        version = self._digest([_quoted(self.basis), *_filled_up(fields)])
        sent = f"select id as member, {version} as version, change_no, {', '.join(fields)} from ({members}) as members"
        texts = [f"cast({name} as {engine.text}) as {name}" for name in ("member", "version", "change_no")]
        columns = ", ".join([*texts, *(engine.named(column) for column in shape.columns)])
        said = identifiers_sql(connector, kind, TO_SEND, engine)
        return f"with {TO_SEND} as ({sent}) select {columns} from ({said}) as keyed"

    def _digest(self, texts: list[str]) -> str:
        return f"md5({' || chr(31) || '.join([_quoted(self.secret), *texts])})"

    def _said(self, engine: Engine, *, bars: bool) -> str:
        """The first step, put into words once in a process."""
        known = (engine, repr(self.wanted), self.meaning, bars)
        if known not in _SAID:
            _SAID[known] = ibis.to_sql(self._members(engine.words, bars=bars), dialect=engine.dialect)
        return _SAID[known].replace(_TODAY, self.today.isoformat())

    def _made(self, engine: Engine) -> dict[str, str]:
        """The last step, apart from the first so that no engine holds a cell to its form more than once."""
        held = self.wanted.held
        fields = {
            name: f"clean_{name}" if name in held else f"cast(null as {engine.text})" for name in self.wanted.fields
        }
        key = self._digest(["'member'", "key_text"])
        cells = self._digest(["'cells'", *_filled_up(fields.values())])
        numbers = {
            "member_key": key,
            "id": engine.number(f"left({key}, {self.digits})"),
            "change_no": engine.number(f"left({cells}, {DIGITS})"),
        }
        unclean = {
            f"unclean_{name}": f"case when filled_{name} = 1 and clean_{name} is null then 1 else 0 end"
            for name in held
        }
        return {name: (numbers | unclean | fields).get(name, name) for name in self.columns}

    def _members(self, words: EngineWords, *, bars: bool) -> ir.Table:
        cells = ibis.table(dict.fromkeys(self.wanted.cells, "string"), name=RAW)
        if bars:
            cells = _beside_kept_out(cells, self.wanted, words)
        held = {name: cells[f"f_{name}"] for name in self.wanted.held}
        key = _joined([words.blank_to_null(cells[f"k_{place}"]) for place in range(len(self.wanted.columns.keys))])
        return cells.select(
            key_text=key,
            barred=self._barred(cells, words, bars=bars),
            **{f"filled_{name}": _filled(cell).ifelse(1, 0) for name, cell in held.items()},
            **{f"clean_{name}": self._is_clean(cell, name, words).ifelse(cell, None) for name, cell in held.items()},
        )

    def _is_clean(self, cell: ir.StringValue, name: str, words: EngineWords) -> ir.BooleanValue:
        """Whether a cell is as its field was declared; null for an empty one."""
        shape = SHAPES[name]
        clean = words.matches(cell, shape.pattern)
        if shape.small:
            clean &= cell == words.lower(cell)
        if shape.longest:
            clean &= cell.length() <= shape.longest
        if shape.never:
            clean &= ~cell.contains(shape.never)
        if shape.past:
            clean &= cell <= _TODAY
        return clean

    def _barred(self, cells: ir.Table, words: EngineWords, *, bars: bool) -> ir.IntegerValue:
        """Why a member is not sent, asked in the order of `sources`; 0 where nothing stands against it.

        The last word is with those who opted out here: whoever has their e-mail or phone is not sent, whatever the warehouse says.
        """
        meaning = self.meaning
        checks = [
            (self._refuses(cells, words, "subscription", counts=meaning.unknown_subscription_counts), NOT_SUBSCRIBED)
        ]
        checks += [
            (self._refuses(cells, words, name, counts=meaning.unknown_consent_counts), NO_CONSENT)
            for name in meaning.needed
        ]
        here = ibis.literal(MAY_BE_SENT)
        if bars and (told := _told_by(self.wanted)):
            whys = [cells[f"why_{name}"].fill_null(_NOBODY) for name in told]
            here = (whys[0] if len(whys) == 1 else ibis.least(*whys)).nullif(_NOBODY).fill_null(MAY_BE_SENT)
        return ibis.cases(*checks, else_=here)

    def _refuses(self, cells: ir.Table, words: EngineWords, name: str, *, counts: bool) -> ir.BooleanValue:
        yes, no = CONSENTS[name]
        if name not in self.wanted.columns.consents:
            return ibis.literal(not counts)
        said = words.lower(words.strip(cells[f"c_{name}"].fill_null("")))
        return said.isin(no) if counts else ~said.isin(yes)


_SAID: dict[tuple[Engine, str, Meaning, bool], str] = {}
"""Expressions in SQL."""


def keyed_columns(columns: tuple[str, ...]) -> tuple[str, ...]:
    """What `Making.keyed` gives of each member."""
    return ("member", "version", "change_no", *columns)


def check(counted: Mapping[str, Any]) -> dict[str, int]:
    """Cells left out, by field, of what `figures_sql` counted. Raises WarehouseProblem where the key does not tell members apart."""
    found = {name: int(count or 0) for name, count in counted.items()}
    if without := found["members"] - found["with_key"]:
        raise WarehouseProblem("warehouse.no_key", count=str(without))
    if twice := found["members"] - found["keys"]:
        raise WarehouseProblem("warehouse.key_twice", count=str(twice))
    if found["keys"] > found["ids"]:
        # one in some ten thousand segments of ten million meets it
        raise WarehouseProblem("warehouse.keys_collide")
    return {
        name.removeprefix("unclean_"): count for name, count in found.items() if name.startswith("unclean_") and count
    }


def figures_sql(engine: Engine, making: Making, laid: str) -> str:
    """SQL of an engine: what `check` looks at, as texts, in one row."""
    counts = {
        "members": "count(*)",
        "with_key": "count(member_key)",
        "keys": "count(distinct member_key)",
        "ids": "count(distinct id)",
        **{f"unclean_{name}": f"sum(unclean_{name})" for name in making.wanted.held},
    }
    return (
        f"select {', '.join(f'cast({count} as {engine.text}) as {name}' for name, count in counts.items())} from {laid}"
    )


def _beside_kept_out(cells: ir.Table, wanted: Wanted, words: EngineWords) -> ir.Table:
    """The cells with `why_…` of each thing that somebody may be kept out by."""
    out = ibis.table({"digest": "string", "why": "int64"}, name=KEPT_OUT)
    for name, text in _told_by(wanted).items():
        side = out.select(**{f"digest_{name}": out.digest, f"why_{name}": out.why})
        cells = cells.left_join(side, words.sha256_hex(text(cells, words)) == side[f"digest_{name}"])
    return cells


Told = Callable[[Any, Any], Any]


def _told_by(wanted: Wanted) -> dict[str, Told]:
    """What people who are kept out are known again by: a name for each, and how it is read from their cells."""

    def cell(name: str) -> Told:
        return lambda cells, words: words.lower(words.strip(cells[f"f_{name}"]))

    told: dict[str, Told] = {name: cell(name) for name in BARRED_BY if name in wanted.columns.fields}
    if "email" in told:
        told["domain"] = lambda cells, words: words.after(cell("email")(cells, words), "@")
        told["email"] = lambda cells, words: _mailbox(cell("email")(cells, words), words)
    return told


def _mailbox(address: Any, words: Any) -> Any:
    """`rules.cleaning_email.mailbox` of a cell."""
    host = words.after(address, "@")
    bare = words.delete_chars(words.before(words.before(address, "@"), "+"), ".")
    return (host.isin(GMAIL) & (bare != "")).ifelse(bare + "@" + host, address)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _filled_up(texts: Iterable[str]) -> list[str]:
    return [f"coalesce({text}, '')" for text in texts]


def _filled(cell: ir.StringValue) -> ir.BooleanValue:
    return cell.fill_null("") != ""


def _joined(texts: list[Any]) -> Any:
    return reduce(lambda before, text: before + _UNIT + text, texts)
