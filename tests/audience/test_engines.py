"""The words of identifier expressions say on every engine what the contract promises (B18)."""

from __future__ import annotations

import hashlib

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segsync.audience.engines import DUCKDB, DuckDBWords, EngineWords

# One row per engine; a new engine joins here.
ENGINES = {"duckdb": (DuckDBWords(), ibis.duckdb.connect)}


@pytest.fixture(scope="module", params=sorted(ENGINES))
def say(request):
    words, connect = ENGINES[request.param]
    connection = connect()

    def said(word, text, *arguments):
        table = ibis.memtable({"text": [text]}, schema={"text": "string"})
        expression = table.select(said=getattr(words, word)(table.text, *arguments))
        return connection.to_pyarrow(expression)["said"][0].as_py()

    yield said
    connection.disconnect()


@pytest.mark.parametrize(
    ("word", "text", "arguments", "said"),
    [
        ("lower", "ÄÉŁ JOSÉ", (), "äéł josé"),
        ("upper", "äéł", (), "ÄÉŁ"),
        ("strip", "\t Ada \n", (), "Ada"),
        ("delete_chars", "o'ne-[il]\\", ("'-[]\\",), "oneil"),
        ("keep_only", "Zürich 8001", ("a-z0-9",), "rich8001"),
        ("before", "a.b@mail@x", ("@",), "a.b"),
        ("before", "nothing", ("@",), "nothing"),
        ("after", "a.b@mail@x", ("@",), "mail@x"),
        ("after", "nothing", ("@",), ""),
        ("after", "山田@例", ("@",), "例"),
        ("replace", "a.b.c", (".", "-"), "a-b-c"),
        ("left", "山田太郎", (2,), "山田"),
        ("left", "a", (5,), "a"),
        ("middle", "1990-02-28", (5, 2), "02"),
        ("blank_to_null", "", (), None),
        ("blank_to_null", " ", (), " "),
    ],
)
def test_a_word_says_what_the_contract_promises(say, word, text, arguments, said):
    """Names of every alphabet come out the same whichever engine prepares them (B18)."""
    assert say(word, text, *arguments) == said


@pytest.mark.parametrize("word", sorted(DUCKDB))
def test_nothing_stays_nothing(say, word):
    """An empty field of a contact is never turned into the hash of nothing (B15)."""
    arguments = {
        "delete_chars": ("x",),
        "keep_only": ("a-z",),
        "before": ("@",),
        "after": ("@",),
        "replace": ("a", "b"),
        "left": (1,),
        "middle": (0, 1),
    }
    assert say(word, None, *arguments.get(word, ())) is None


def test_every_word_of_the_contract_is_in_every_table():
    """An engine that lacks a word is noticed here, not in the middle of a run."""
    promised = {name for name in vars(EngineWords) if not name.startswith("_") and name != "vocabulary"}
    assert all(set(words.vocabulary) == promised for words, _ in ENGINES.values())


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_hashes_are_of_the_text_as_it_stands(say, text):
    """The hash of any text is the one that everybody else computes for it (B18)."""
    assert say("sha256_hex", text) == hashlib.sha256(text.encode()).hexdigest()
