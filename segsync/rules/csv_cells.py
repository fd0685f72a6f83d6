"""Cells of files that people open in a spreadsheet: nothing in them may run as a formula."""

from __future__ import annotations

from typing import Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: object) -> str:
    """The cell as text, with an apostrophe before what a spreadsheet would take for a formula. Imports take it off again."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text
