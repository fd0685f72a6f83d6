"""An engine is announced only when every channel's identifiers come out right on it: one expression, compiled for each."""

from __future__ import annotations

import random

import ibis
import pyarrow as pa
import pytest

from connectors.contract import Kind
from connectors.google import identifiers as google
from connectors.linkedin import identifiers as linkedin
from connectors.meta import identifiers as meta
from segsync.audience.engines import DUCKDB, ENGINES, EngineWords, in_words
from tests.audience.engines_at_hand import InDuckDB
from tests.audience.golden import GOLDEN, NOTHING_OF_NOTHING, WORDS

EXPRESSIONS = {
    "google": lambda members, _kind, words: google.identifiers(members, words),
    "linkedin": linkedin.identifiers,
    "meta": meta.identifiers,
}


def written(engine, golden, members):
    """What a channel is sent for these members, by the engine's own words, in their order."""
    texts = {field: pa.array([member.get(field) for member in members], pa.string()) for field in golden.fields}
    engine.lay("members", pa.table({"n": pa.array(range(len(members)), pa.int64()), **texts}))
    table = ibis.table({"n": "int64", **dict.fromkeys(golden.fields, "string")}, name="members")
    expression = EXPRESSIONS[golden.channel](table, golden.kind, engine.engine.words)
    kept = ("n", *golden.columns)
    rows = engine.ask(in_words(engine.engine, expression, golden.fields, kept)).to_pylist()
    return sorted(rows, key=lambda row: row["n"])


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.channel}-{golden.kind.value}")
def test_golden_vectors(engine, golden):
    """José, Müller, 山田 and everybody else are written for a channel the same way on every engine (B6, B18)."""
    rows = written(engine, golden, [member for member, _ in golden.vectors])
    wrong = [
        (number, column)
        for number, (row, (_, expected)) in enumerate(zip(rows, golden.vectors, strict=True))
        for column in expected
        if row[column] != expected[column]
    ]
    assert not wrong


MANIFOLD = "ßﬁı"
"""Letters whose capital is not one letter, or not theirs alone: engines differ, and no code of a country has them."""
LETTERS = [
    *"aZ09.+-_@'’\\\"`$%&/()[]{}|^ \t\n",
    *"äÖßéŁİıΣσΆж山田ﬁ",
    "\u0301",
    "\u00a0",
    "\u200b",
    "\u3000",
    "\U0001f600",
]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.channel}-{golden.kind.value}")
def test_whatever_people_type_comes_out_alike(engine, golden):
    """Whatever stands in a field, every engine writes it as DuckDB does, letter by letter (B6, B18)."""
    dice = random.Random(golden.channel)
    odd = [{field: typed(dice, field) for field in golden.fields if dice.random() < 0.9} for _ in range(300)]
    rows, expected = (written(each, golden, odd) for each in (engine, InDuckDB()))
    assert [row for row, other in zip(rows, expected, strict=True) if row != other] == []


def typed(dice, field):
    letters = [letter for letter in LETTERS if field != "country" or letter not in MANIFOLD]
    return "".join(dice.choices(letters, k=dice.randint(0, 8)))


def test_every_word_says_what_the_contract_promises(engine):
    """Names of every alphabet come out the same whichever engine prepares them (B18)."""
    cases = [*WORDS, *[(word, None, arguments, None) for word, arguments in NOTHING_OF_NOTHING.items()]]
    engine.lay("texts", pa.table({f"t{n}": pa.array([case[1]], pa.string()) for n, case in enumerate(cases)}))
    table = ibis.table({f"t{n}": "string" for n in range(len(cases))}, name="texts")
    says = {
        f"s{n}": getattr(engine.engine.words, word)(table[f"t{n}"], *arguments)
        for n, (word, _, arguments, _) in enumerate(cases)
    }
    row = engine.say(table.select(**says)).to_pylist()[0]
    wrong = {case[0] for n, case in enumerate(cases) if row[f"s{n}"] != case[3]}
    assert not wrong


def test_every_word_of_the_contract_is_in_every_table():
    """An engine that lacks a word is noticed here, not in the middle of a run."""
    promised = {name for name in vars(EngineWords) if not name.startswith("_") and name != "vocabulary"}
    assert all(set(engine.words.vocabulary) == promised for engine in ENGINES.values())
    assert set(NOTHING_OF_NOTHING) == promised == set(DUCKDB)


def test_people_are_a_kind_of_every_channel():
    """No channel is announced without its golden vectors (B18)."""
    assert {golden.channel for golden in GOLDEN if golden.kind is Kind.PEOPLE} == set(EXPRESSIONS)
