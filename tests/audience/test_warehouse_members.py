"""Members are made of a warehouse's cells by one expression: each engine makes of them what DuckDB makes here, letter by letter."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import ClassVar

import duckdb
import pyarrow as pa
import pytest

from connectors.contract import Kind
from segsync.audience.engines import DUCKDB, ENGINES, DuckDBWords, Vocabulary
from segsync.audience.warehouse_members import Making, Wanted
from segsync.audience.warehouse_readers import DuckDBReader, Limits, WarehouseProblem
from segsync.audience.warehouse_there import ODD, There
from segsync.audience.warehouses import Warehouse
from segsync.rules.warehouse_forms import CONSENTS, SHAPES, Columns, Meaning
from segsync.rules.warehouse_urls import read
from tests.audience.engines_at_hand import InDuckDB
from tests.audience.test_golden_vectors import LETTERS
from tests.connectors.google_at_hand import sha
from tests.fakes import FakeChannel

CELLS = {
    "email": ["ada@example.com", "Ada@example.com", "ada@EXAMPLE.com", "a..b@c.de", "ada@localhost", "ÄDA@x.de", "äda@müller.de", f"{'x' * 65}@a.de"],
    "phone": ["+4915112345678", "0151 2345", "+0123456", "+1"],
    "first_name": ["José", " José", "山", "x" * 255, "x" * 256, "a\tb", "a\nb", "\u00a0a"],
    "gender": ["female", "male", "Female", "female\n"],
    "birth_date": ["1980-12-31", "1980-02-30", "2000-02-29", "1900-02-29", "2999-01-01", "1899-12-31", "80-12-31"],
    "country": ["DE", "de", "D", "DEU"],
    "mobile_ad_id": ["aebe52e7-03ee-455a-b3c4-e57283966239", "AEBE52E7-03EE-455A-B3C4-E57283966239", "0" * 8 + "-0000-0000-0000-" + "0" * 12],
    "company_domain": ["example.com", "Example.com", "https://example.com", "example", "müller.de", "1.2.3.4"],
}  # fmt: skip
SAID = [*CONSENTS["subscription"][0], *CONSENTS["subscription"][1], "YES", " no ", "perhaps", ""]
COLUMNS = Columns(("id", "shop"), {name: name for name in SHAPES}, {name: name for name in CONSENTS})
MAKING = Making(
    Wanted(COLUMNS, tuple(SHAPES)), Meaning(True, False, ("ad_user_data",)), "5ec4e7", date(2026, 11, 26), "basis 1"
)
NOBODY = pa.table({"digest": pa.array([], pa.string()), "why": pa.array([], pa.int32())})
KEPT_OUT = pa.table(
    {"digest": [sha(text) for text in ("ada@example.com", "+4915112345678", "müller.de")], "why": [1, 2, 3]}
)


def cell(dice: random.Random, name: str) -> str | None:
    """Something that may stand there: nothing, something clean, something odd, or any letters."""
    some = [
        None,
        "",
        *CELLS.get(name.removeprefix("f_"), ["A 1", " A"]),
        dice.choice(ODD),
        "".join(dice.choices(LETTERS, k=4)),
    ]
    return dice.choice(SAID if name.startswith("c_") else some)


@pytest.fixture(scope="module")
def people() -> pa.Table:
    """The cells of 400 members, two of them with nothing in one column of the key."""
    dice = random.Random("cells")
    keys = {"k_0": [str(n // 2) for n in range(400)], "k_1": ["" if n < 2 else f"s{n % 2}" for n in range(400)]}
    rest = {name: pa.array([cell(dice, name) for _ in range(400)], pa.string()) for name in MAKING.wanted.read}
    return pa.table({**keys, **rest})


def made(engine, people: pa.Table, kept_out: str) -> list[dict]:
    engine.lay("people", people)
    engine.lay("out_there", KEPT_OUT)
    texts = ", ".join(f"cast({name} as {engine.engine.text}) as {name}" for name in MAKING.columns)
    laid = MAKING.laid(engine.engine, "select * from people", kept_out=kept_out)
    rows = engine.ask(f"select {texts} from ({laid}) as laid").to_pylist()
    return sorted(rows, key=lambda row: (row["id"] or "", str(row)))


@pytest.mark.parametrize(
    "kept_out", ["", "select digest, why from out_there"], ids=["nobody kept out", "some kept out"]
)
def test_every_engine_makes_the_same_members(engine, people, kept_out):
    """Keys, change numbers, what is clean, who may be sent and who opted out come out alike on every engine (B6)."""
    there, here = (made(each, people, kept_out) for each in (engine, InDuckDB()))
    assert [(a, b) for a, b in zip(there, here, strict=True) if a != b] == []
    assert len({row["barred"] for row in here}) == (4 if kept_out else 3)
    assert sum(row["member_key"] is None for row in here) == 2


def test_every_engine_makes_the_same_versions(engine, people):
    """A member that an engine made is known again by one that was made here: going from one way to the other sends nobody anew (B6)."""

    def keyed(each) -> list[tuple]:
        each.lay("people", people)
        laid = MAKING.laid(each.engine, "select * from people where k_1 <> ''")
        channel = FakeChannel()
        rows = each.ask(MAKING.keyed(each.engine, channel, Kind.PEOPLE, laid)).to_pylist()
        return sorted(tuple(str(value) for value in row.values()) for row in rows)

    assert keyed(engine) == keyed(InDuckDB())


def test_a_number_is_made_of_digits_alike(engine):
    """The number that stands for a member is the same everywhere, up to the greatest (B6)."""
    says = ", ".join(
        f"{engine.engine.number(chr(39) + digits + chr(39))} as n{n}" for n, digits in enumerate(["0", "f" * 15, "00a"])
    )
    assert list(engine.ask(f"select {says}").to_pylist()[0].values()) == [0, 16**15 - 1, 10]
    assert set(ENGINES) == {"duckdb", "postgres", "spark"}


class Careless(DuckDBWords):
    """Words of an engine whose collation knows no letter outside ASCII."""

    vocabulary: ClassVar[Vocabulary] = {**DUCKDB, "lower": lambda text: text.translate(CAPITALS, SMALL)}


CAPITALS, SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("words", [DuckDBWords(), Careless()], ids=["ours", "others"])
def test_an_engine_with_other_words_than_ours_makes_nothing(tmp_path, words):
    """An engine that lowers otherwise is found out before it makes anybody: warehouse.words (B18, B6)."""
    with duckdb.connect(tmp_path / "shop.duckdb") as shop:
        shop.execute("create table people as select '1' as id, 's' as shop, 'ada@example.com' as email")
    limits = Limits(hosts=[], folders=[str(tmp_path)], seconds=60, engines=("duckdb",))
    channel = FakeChannel()
    wanted = Wanted(Columns(("id",), {"email": "email"}), channel.capabilities.shapes[Kind.PEOPLE].fields)
    address = read(f"duckdb://{tmp_path}/shop.duckdb")
    with closing(
        Warehouse(DuckDBReader(address, limits, writing=False), replace(ENGINES["duckdb"], words=words), limits)
    ) as made:
        there = There(made, replace(MAKING, wanted=wanted), channel, Kind.PEOPLE)
        if isinstance(words, Careless):
            with pytest.raises(WarehouseProblem, match=r"warehouse\.words"):
                there.lay("select * from people", NOBODY)
            return
        there.lay("select * from people", NOBODY)
        assert there.members == 1
