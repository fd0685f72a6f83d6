"""Every template, compiled and read: nothing raw, nothing inline, nothing from elsewhere, no button that says nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import nodes

from segsync.app import create_app
from segsync.config import Settings
from segsync.db import make_engine, make_sessions
from segsync.queue import Queue, connect
from segsync.runtime import Runtime, make_vault

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
LONGEST = 150
RAW = {"status", "detail", "state", "phase", "problem_code", "kind", "role", "acts"}
"""Attributes that hold our own codes: people read their labels instead."""
OURS = {
    "sync",
    "run",
    "person",
    "me",
    "invitation",
    "segment",
    "alert",
    "card",
    "integration",
    "event",
    "contact",
    "job",
}
"""Whose attributes those are; what a channel says of an ad account or a campaign is shown as it says it."""
WORDLESS = re.compile(r">\s*(OK|Ok|Yes|No|Submit|Confirm|Go|Continue|Click here|here)\s*</(button|a)>")
IN_LINE = re.compile(r"<[a-z][^>]*\s(style|on[a-z]+)\s*=|<style|<script(?![^>]*\bsrc=)|javascript:", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """What templates are compiled with: the application's own, over a runtime that never connects to anything."""
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    engine = make_engine("postgresql://nobody@localhost/nothing")
    sessions = make_sessions(engine)
    vault = make_vault(settings, sessions)
    queue = Queue(connect("redis://localhost"))
    return create_app(Runtime(settings, engine, sessions, vault, queue, "", settings.data)).jinja_env


def ids(paths):
    return [str(path.relative_to(ROOT / "templates")) for path in paths]


@pytest.mark.parametrize("path", TEMPLATES, ids=ids(TEMPLATES))
def test_every_template_compiles_and_is_short(environment, path):
    """A page that nobody opened yet is no broken page; one that cannot be read at a glance is too long."""
    source = path.read_text(encoding="utf-8")
    environment.compile(source, str(path))
    assert len(source.splitlines()) <= LONGEST


def raw_codes(output):
    """Codes of ours that stand between tags; inside an attribute they are addresses, not text."""
    before = ""
    for part in output.nodes:
        mine = isinstance(part, nodes.Getattr) and isinstance(part.node, nodes.Name) and part.node.name in OURS
        if mine and part.attr in RAW and before.rfind("<") <= before.rfind(">"):
            yield f"{part.lineno}: {part.node.name}.{part.attr}"
        before += part.data if isinstance(part, nodes.TemplateData) else ""


@pytest.mark.parametrize("path", TEMPLATES, ids=ids(TEMPLATES))
def test_no_template_prints_a_raw_code(environment, path):
    """People read 'Synced' and 'Marketing User', never 'synced' as it stands in the database."""
    tree = environment.parse(path.read_text(encoding="utf-8"))
    assert [found for node in tree.find_all(nodes.Output) for found in raw_codes(node)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=ids(TEMPLATES))
def test_nothing_is_inline_nothing_comes_from_elsewhere_and_every_button_says_what_it_does(path):
    """Our own Content-Security-Policy holds on every page, and danger is named: no button says 'OK'."""
    source = re.sub(r"{#.*?#}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [found[0] for pattern in (IN_LINE, ELSEWHERE, WORDLESS) for found in pattern.finditer(source)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=ids(TEMPLATES))
def test_every_form_that_changes_something_carries_its_secret(path):
    """No form of ours can be sent from another site."""
    source = path.read_text(encoding="utf-8")
    for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", source, re.DOTALL | re.IGNORECASE):
        assert "csrf_token" in form or "form_top(" in form
