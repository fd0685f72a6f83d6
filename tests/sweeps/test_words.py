"""The words of the pages: kind, plain, the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segsync.rules.catalogue import ACTS, CATALOGUE, RETRIES
from segsync.rules.events import EVENTS
from segsync.rules.rights import Right

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*(ROOT / "templates").rglob("*.html"), *(ROOT / "segsync" / "web").rglob("*.py")])
TAGS = re.compile(r"{[{%#].*?[}%#]}|<[^>]*>", re.DOTALL)
AVOIDED = (
    r"\bOops\b", r"\bWhoops\b", r"\bUh[- ]oh\b", r"\bplease\b", r"\bsuccessfully\b", r"\binvalid\b", r"\bErrors?\b:",
    r"\bclick here\b", r"\bAre you sure\b", r"\bN/A\b", r"\bsubaccount\b", r"\bsub-account\b", r"\bdatabase error\b",
    r"\bplatforms?\b",
)  # fmt: skip
"""Said nowhere: they blame, plead, cheer, or name things by other words than the glossary."""


def said_in(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return TAGS.sub(" ", text) if path.suffix == ".html" else " ".join(re.findall(r'"([^"\n]{4,})"', text))


def sentences():
    for code, entry in CATALOGUE.items():
        yield from ((code, text) for text in (entry.title, entry.meaning, *entry.steps))
    yield from EVENTS.items()
    yield from ((right.name, right.refusal) for right in Right)
    yield from ((str(key), text) for key, text in [*ACTS.items(), *RETRIES.items()])


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_no_page_blames_pleads_or_cheers(path):
    """Every text of a page is plain and kind."""
    text = said_in(path)
    assert [found[0] for word in AVOIDED for found in re.finditer(word, text, re.IGNORECASE)] == []


@pytest.mark.parametrize("path", [p for p in PAGES if p.suffix == ".html"], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_page_shouts(path):
    """No exclamation marks."""
    assert "!" not in said_in(path).replace("!=", "")


def test_every_sentence_of_the_tables_is_plain():
    """Alerts, the audit trail and refusals speak as the pages do."""
    found = [(code, word) for code, text in sentences() for word in AVOIDED if re.search(word, text, re.IGNORECASE)]
    assert found == []
    assert [code for code, text in sentences() if "!" in text or "  " in text] == []
