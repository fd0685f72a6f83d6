"""Every event that the product writes down has a sentence in the table of events."""

from __future__ import annotations

import ast
import string
from pathlib import Path

from segsync.rules.events import EVENTS, KINDS

ROOT = Path(__file__).parent.parent.parent / "segsync"


def written() -> set[str]:
    """Events named in calls of `record(session, actor, "event", …)`, wherever they are; both of `a if x else b`."""
    found: set[str] = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) == "record" and len(node.args) > 2:
                found |= {
                    part.value
                    for part in ast.walk(node.args[2])
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and "." in part.value
                }
    return found


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_every_event_has_a_sentence():
    """An administrator reads who did what in words, for everything that is written down (S14)."""
    assert written() - set(EVENTS) == set()
    assert len(written()) > 15


def test_every_sentence_can_be_told_and_filtered():
    """The sentences name only what every event has, and each kind of event can be chosen (S14)."""
    for event, sentence in EVENTS.items():
        names = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
        assert {"actor"} <= names <= {"actor", "subject", "person"}
        assert event.partition(".")[0] in KINDS
