"""The words of identifier expressions: one row per word, one table per engine.

A word is one built-in of the engine, so that no contact leaves it to be normalised and a million members cost a second.
A new engine is a new table; a connector's expression does not change. It is announced when the golden vectors pass on it
(`tests/audience/test_golden_vectors.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import ibis
import ibis.expr.datatypes as dt

if TYPE_CHECKING:
    import ibis.expr.types as ir

Word = Callable[..., Any]
Vocabulary = Mapping[str, Word]

TEXT, BYTES, SHORT = dt.string, dt.binary, dt.int32
WHITE_SPACE = " \t\n\r\v\f"

# Functions that the engine has under these names. The bodies are never run: Ibis only takes the signature.
_sha256: Word = ibis.udf.scalar.builtin(lambda text: text, name="sha256", signature=((TEXT,), TEXT))
_sha256_bytes: Word = ibis.udf.scalar.builtin(lambda code: code, name="sha256", signature=((BYTES,), BYTES))
_convert_to: Word = ibis.udf.scalar.builtin(
    lambda text, code: (text, code), name="convert_to", signature=((TEXT, TEXT), BYTES)
)
_encode: Word = ibis.udf.scalar.builtin(lambda code, how: (code, how), name="encode", signature=((BYTES, TEXT), TEXT))
_sha2: Word = ibis.udf.scalar.builtin(lambda text, bits: (text, bits), name="sha2", signature=((TEXT, SHORT), TEXT))
_btrim: Word = ibis.udf.scalar.builtin(lambda text, chars: (text, chars), name="btrim", signature=((TEXT, TEXT), TEXT))
_translate: Word = ibis.udf.scalar.builtin(
    lambda text, old, new: (text, old, new), name="translate", signature=((TEXT, TEXT, TEXT), TEXT)
)
_substring: Word = ibis.udf.scalar.builtin(
    lambda text, start, length: (text, start, length), name="substring", signature=((TEXT, SHORT, SHORT), TEXT)
)
_split_part: Word = ibis.udf.scalar.builtin(
    lambda text, mark, number: (text, mark, number), name="split_part", signature=((TEXT, TEXT, SHORT), TEXT)
)
_regexp_replace: Word = ibis.udf.scalar.builtin(
    lambda text, old, new, how: (text, old, new, how), name="regexp_replace", signature=((TEXT, TEXT, TEXT, TEXT), TEXT)
)
_regexp_replace_all: Word = ibis.udf.scalar.builtin(
    lambda text, old, new: (text, old, new), name="regexp_replace", signature=((TEXT, TEXT, TEXT), TEXT)
)


_full_match: Word = ibis.udf.scalar.builtin(
    lambda text, pattern: bool(text and pattern), name="regexp_full_match", signature=((TEXT, TEXT), dt.boolean)
)


def _after(text: Any, mark: str) -> Any:
    # split_part's second piece would end at the next mark.
    return (text.find(mark) < 0).ifelse("", text.substr(text.find(mark) + len(mark)))


def _letter_by_letter(text: Any) -> Any:
    # Java and ICU make two letters of a dotted capital I, and a final sigma of one that ends a word; elsewhere each
    # letter has its own small one: https://www.unicode.org/Public/UCD/latest/ucd/SpecialCasing.txt
    return _translate(text, "İΣ", "iσ").lower()


def _without(text: Any, chars: str) -> Any:
    # DuckDB's translate takes five times as long as the hash; most texts have nothing to take out, and that is told quickly
    some = "[" + "".join(f"\\x{{{ord(char):x}}}" for char in chars) + "]"
    return text.re_search(some).ifelse(_translate(text, chars, ""), text)


def _stripped(text: Any) -> Any:
    # nor does its trim come near the hash, for the same reason
    some = reduce(or_, (text.contains(space) for space in WHITE_SPACE))
    return some.ifelse(text.strip(), text)


def _only(text: Any, character_class: str) -> Any:
    some = f"[^{character_class}]"
    return text.re_search(some).ifelse(_regexp_replace(text, some, "", "g"), text)


_COMMON: Vocabulary = {
    "upper": lambda text: text.upper(),
    "delete_chars": lambda text, chars: _translate(text, chars, ""),
    "before": lambda text, mark: _split_part(text, mark, 1),
    "after": _after,
    "replace": lambda text, old, new: text.replace(old, new),
    "left": lambda text, length: _substring(text, 1, length),
    "middle": lambda text, start, length: _substring(text, start + 1, length),
    "blank_to_null": lambda text: text.nullif(""),
}
"""What is called the same everywhere."""

# https://duckdb.org/docs/stable/sql/functions/text
DUCKDB: Vocabulary = {
    **_COMMON,
    "sha256_hex": _sha256,
    "delete_chars": _without,
    "lower": lambda text: text.lower(),
    "strip": _stripped,
    "matches": _full_match,
    "keep_only": _only,
}

# https://www.postgresql.org/docs/current/functions-string.html and functions-binarystring.html; no extension is asked for.
POSTGRES: Vocabulary = {
    **_COMMON,
    "sha256_hex": lambda text: _encode(_sha256_bytes(_convert_to(text, "UTF8")), "hex"),
    "lower": _letter_by_letter,
    "strip": lambda text: _btrim(text, WHITE_SPACE),
    "matches": lambda text, pattern: text.re_search(f"^({pattern})$"),
    "keep_only": lambda text, character_class: _regexp_replace(text, f"[^{character_class}]", "", "g"),
}

# https://spark.apache.org/docs/latest/api/sql/
SPARK: Vocabulary = {
    **_COMMON,
    "sha256_hex": lambda text: _sha2(text, 256),
    "lower": _letter_by_letter,
    "strip": lambda text: _btrim(text, WHITE_SPACE),
    "matches": lambda text, pattern: text.re_search(f"^({pattern})\\z"),
    "keep_only": lambda text, character_class: _regexp_replace_all(text, f"[^{character_class}]", ""),
}


class EngineWords:
    """`connectors.protocols.Words`, spoken from an engine's table."""

    vocabulary: ClassVar[Vocabulary]

    def sha256_hex(self, text: ir.StringValue) -> ir.StringValue:
        """SHA-256 of the UTF-8 bytes, lower-case hex; null stays null."""
        return self._say("sha256_hex", text)

    def lower(self, text: ir.StringValue) -> ir.StringValue:
        """Lower case of every letter, also outside ASCII."""
        return self._say("lower", text)

    def upper(self, text: ir.StringValue) -> ir.StringValue:
        """Upper case of every letter, also outside ASCII. Engines differ where a capital is not one letter, as of ß."""
        return self._say("upper", text)

    def strip(self, text: ir.StringValue) -> ir.StringValue:
        """Without white space at both ends."""
        return self._say("strip", text)

    def delete_chars(self, text: ir.StringValue, chars: str) -> ir.StringValue:
        """Without any of these characters."""
        return self._say("delete_chars", text, chars)

    def keep_only(self, text: ir.StringValue, character_class: str) -> ir.StringValue:
        """Without anything outside this regular-expression class, e.g. 'a-z0-9'."""
        return self._say("keep_only", text, character_class)

    def before(self, text: ir.StringValue, mark: str) -> ir.StringValue:
        """What stands before the first occurrence of `mark`; everything where there is none."""
        return self._say("before", text, mark)

    def after(self, text: ir.StringValue, mark: str) -> ir.StringValue:
        """What stands after the first occurrence of `mark`; '' where there is none."""
        return self._say("after", text, mark)

    def replace(self, text: ir.StringValue, old: str, new: str) -> ir.StringValue:
        """Every occurrence replaced."""
        return self._say("replace", text, old, new)

    def left(self, text: ir.StringValue, length: int) -> ir.StringValue:
        """The first characters."""
        return self._say("left", text, length)

    def middle(self, text: ir.StringValue, start: int, length: int) -> ir.StringValue:
        """`length` characters from position `start`, counted from 0."""
        return self._say("middle", text, start, length)

    def blank_to_null(self, text: ir.StringValue) -> ir.StringValue:
        """Null where the text is ''."""
        return self._say("blank_to_null", text)

    def matches(self, text: ir.StringValue, pattern: str) -> ir.BooleanValue:
        """Whether the whole text is as this regular expression says; null stays null."""
        return cast("ir.BooleanValue", self.vocabulary["matches"](text, pattern))

    def _say(self, word: str, text: ir.StringValue, *arguments: str | int) -> ir.StringValue:
        return self.vocabulary[word](text, *arguments)


class DuckDBWords(EngineWords):
    """For everything that runs in DuckDB: the built-in database's segments, files, warehouse exports."""

    vocabulary = DUCKDB


class PostgresWords(EngineWords):
    """For warehouses in PostgreSQL, 15 or newer."""

    vocabulary = POSTGRES


class SparkWords(EngineWords):
    """For warehouses in Spark, 4 or newer."""

    vocabulary = SPARK


@dataclass(frozen=True)
class Engine:
    """One row of the vocabulary: an engine, its words, and how Ibis calls its dialect."""

    name: str
    label: str
    words: EngineWords
    dialect: str
    text: str = "text"
    """What it calls the type of a text."""
    quote: str = '"'
    of_hex: str = ""
    """Its words for the number that `{hex}`, up to 15 hexadecimal digits, is."""

    fence: str = ""
    """Stands behind a subquery whose columns must not be worked out more than once."""

    def number(self, hex_digits: str) -> str:
        """The number that up to 15 hexadecimal digits are, given as SQL."""
        return self.of_hex.replace("{hex}", hex_digits)

    def named(self, column: str) -> str:
        """A name in its quotes."""
        return f"{self.quote}{column.replace(self.quote, self.quote * 2)}{self.quote}"


def in_words(engine: Engine, expression: ir.Table, own: Collection[str], kept: Iterable[str]) -> str:
    """An expression as SQL of an engine, with those of its columns that are `kept`.

    Engines take "email" and "EMAIL" for one name, so the columns are named anew by their position; `own` are the source's.
    """
    names = ", ".join(engine.named(f"{'field ' * (name in own)}{name}") for name in expression.columns)
    wanted = ", ".join(engine.named(name) for name in kept)
    return f"select {wanted} from ({ibis.to_sql(expression, dialect=engine.dialect)}) as said({names})"


ENGINES: Final[Mapping[str, Engine]] = {
    engine.name: engine
    for engine in (
        Engine("duckdb", "DuckDB", DuckDBWords(), "duckdb", of_hex="('0x' || {hex})::bigint"),
        Engine(
            "postgres",
            "PostgreSQL",
            PostgresWords(),
            "postgres",
            of_hex="('x' || lpad({hex}, 16, '0'))::bit(64)::bigint",
            fence=" offset 0",
        ),
        Engine("spark", "Spark", SparkWords(), "pyspark", "string", "`", of_hex="cast(conv({hex}, 16, 10) as bigint)"),
    )
}
"""Every engine that is announced: the golden vectors pass on it."""
