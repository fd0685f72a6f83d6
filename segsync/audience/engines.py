"""The words of identifier expressions, one row per word, one table per engine.

A word is one built-in of the engine, so that no contact leaves it to be normalised and a million members cost a second.
A new engine is a new table; a connector's expression does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import ibis
import ibis.expr.datatypes as dt

if TYPE_CHECKING:
    import ibis.expr.types as ir

Word = Callable[..., Any]
Vocabulary = Mapping[str, Word]


def _built_in(name: str, *arguments: Any) -> Word:
    """A function that the engine has under this name and that gives text."""

    def declared(*_: Any) -> None:  # never run: the engine's own is called
        return

    names = [f"a{number}" for number in range(len(arguments))]
    signature = (dict(zip(names, arguments, strict=True)), dt.string)
    declared.__name__ = name
    made: Word = ibis.udf.scalar.builtin(_with_names(declared, names), name=name, signature=signature)
    return made
