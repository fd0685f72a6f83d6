"""The words of identifier expressions: one row per word, one table per engine.

A word is one built-in of the engine, so that no contact leaves it to be normalised and a million members cost a second.
A new engine is a new table; a connector's expression does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import ibis
import ibis.expr.datatypes as dt

if TYPE_CHECKING:
    import ibis.expr.types as ir

Word = Callable[..., Any]
Vocabulary = Mapping[str, Word]

TEXT, NUMBER = dt.string, dt.int64

# Functions that the engine has under these names. The bodies are never run: Ibis only takes the signature.
_sha256: Word = ibis.udf.scalar.builtin(lambda text: text, name="sha256", signature=((TEXT,), TEXT))
_translate: Word = ibis.udf.scalar.builtin(
    lambda text, old, new: (text, old, new), name="translate", signature=((TEXT, TEXT, TEXT), TEXT)
)
_substring: Word = ibis.udf.scalar.builtin(
    lambda text, start, length: (text, start, length), name="substring", signature=((TEXT, NUMBER, NUMBER), TEXT)
)
_split_part: Word = ibis.udf.scalar.builtin(
    lambda text, mark, number: (text, mark, number), name="split_part", signature=((TEXT, TEXT, NUMBER), TEXT)
)
_regexp_replace: Word = ibis.udf.scalar.builtin(
    lambda text, old, new, how: (text, old, new, how), name="regexp_replace", signature=((TEXT, TEXT, TEXT, TEXT), TEXT)
)


def _after(text: Any, mark: str) -> Any:
    # split_part's second piece would end at the next mark.
    return (text.find(mark) < 0).ifelse("", text.substr(text.find(mark) + len(mark)))


# https://duckdb.org/docs/stable/sql/functions/text
DUCKDB: Vocabulary = {
    "sha256_hex": _sha256,
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "strip": lambda text: text.strip(),
    "delete_chars": lambda text, chars: _translate(text, chars, ""),
    "keep_only": lambda text, character_class: _regexp_replace(text, f"[^{character_class}]", "", "g"),
    "before": lambda text, mark: _split_part(text, mark, 1),
    "after": _after,
    "replace": lambda text, old, new: text.replace(old, new),
    "left": lambda text, length: _substring(text, 1, length),
    "middle": lambda text, start, length: _substring(text, start + 1, length),
    "blank_to_null": lambda text: text.nullif(""),
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
        """Upper case of every letter, also outside ASCII."""
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

    def _say(self, word: str, text: ir.StringValue, *arguments: str | int) -> ir.StringValue:
        return self.vocabulary[word](text, *arguments)


class DuckDBWords(EngineWords):
    """For everything that runs in DuckDB: the built-in database's segments, files, warehouse exports."""

    vocabulary = DUCKDB
