"""The documents are true: links lead somewhere, and what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from segsync.cli import main
from segsync.config import ChannelSettings, Settings

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

BLOCK = re.compile(r"^(?: {4,}|\t).*$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\bSEGSYNC_[A-Z_]+[A-Z]\b")
COMMAND = re.compile(r"(?:^|[\s/])segsync ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)")
OPTION = re.compile(r"(?<=\s)--[a-z][a-z-]*")
FOLDER = re.compile(r"\b(?:segsync|connectors|tests|templates|docs|benchmarks)/[\w./-]+\.(?:py|html|md|css|svg)\b")
ELSEWHERE = re.compile(
    r"(?<![\w.])/(?:work|root|home|Users|tmp|mnt|opt|private)/|\b[A-Z]:\\|\bpypi\b|\bindex-url\b|/simple/|\bartifactory\b|\bnexus\b",
    re.IGNORECASE,
)
BESIDE_THE_SETTINGS = {"SEGSYNC_CHROMIUM"}
"""Read by the tests only."""

every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Where a link into a page may lead: its headings, as Markdown names them, and places named by hand."""
    headings = re.findall(r"^#{1,6} (.+)$", text_of(page), re.MULTILINE)
    plain = [re.sub(r"<[^>]+>|`", "", heading).strip().lower() for heading in headings]
    named = {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in plain}
    return named | set(re.findall(r'<a id="([^"]+)">', text_of(page)))


def code_of(text: str) -> list[str]:
    """Everything that is set as code: indented lines, and what stands between backticks."""
    return [line.strip() for line in BLOCK.findall(text)] + INLINE.findall(text)


def known_variables() -> set[str]:
    """Every variable that is read."""
    channels = [f"SEGSYNC_{name.upper()}" for name in Settings().channels]
    own = {f"SEGSYNC_{name.upper()}" for name in Settings.model_fields}
    return (
        own
        | {f"{channel}_{name.upper()}" for channel in channels for name in ChannelSettings.model_fields}
        | BESIDE_THE_SETTINGS
    )


def unknown_command(words: str) -> bool:
    """Whether the command line has no such command; of a group, the second word is one of its own."""
    first, _, second = words.partition(" ")
    found = main.get_command(click.Context(main), first)
    if isinstance(found, click.Group) and second:
        return found.get_command(click.Context(found), second) is None
    return found is None


def options(words: str) -> set[str]:
    """The options of a command, and --help."""
    found: click.Command | None = main
    for word in words.split():
        inner = found.get_command(click.Context(found), word) if isinstance(found, click.Group) else None
        found = inner or found
    return {"--help"} | {name for parameter in found.params for name in parameter.opts}


@every_page
def test_every_link_leads_to_a_file_and_a_place_in_it(page):
    """Nobody who reads the documents runs into a page that is not there."""
    broken = []
    for target in LINK.findall(text_of(page)):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, place = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (place and found.suffix == ".md" and place not in anchors(found)):
            broken.append(target)
    assert broken == []


@every_page
def test_every_setting_that_is_named_exists(page):
    """An operator who sets what a page says sets something that is read."""
    assert set(VARIABLE.findall(text_of(page))) - known_variables() == set()


@every_page
def test_every_command_that_is_named_exists(page):
    """Whoever types what a page says is not told that there is no such command."""
    named = {words for code in code_of(text_of(page)) for words in COMMAND.findall(code)}
    assert [words for words in sorted(named) if unknown_command(words)] == []


@every_page
def test_every_option_that_is_named_exists(page):
    """The options that a page shows with a command are options of that command."""
    shown = [(words, code) for code in code_of(text_of(page)) for words in COMMAND.findall(code)]
    wrong = [
        (words, option) for words, code in shown for option in OPTION.findall(code) if option not in options(words)
    ]
    assert wrong == []


@every_page
def test_every_file_that_is_named_exists(page):
    """A checklist of files to touch names files that are there."""
    named = {path for code in code_of(text_of(page)) for path in FOLDER.findall(code)}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@every_page
def test_no_page_names_a_place_of_one_machine_or_an_index_of_packages(page):
    """What is written holds on every machine, and nothing tells where it was made."""
    assert ELSEWHERE.findall(text_of(page)) == []


def test_the_checks_see_something():
    """The documents name links, settings, commands and files, so that none of the checks above passes for want of any."""
    together = "\n".join(map(text_of, PAGES))
    commands = {words for code in code_of(together) for words in COMMAND.findall(code)}
    assert {"README.md", "CONTRIBUTING.md", "docs/channels.md", "docs/operating.md"} <= set(NAMES)
    assert {"db upgrade", "org create", "vault rotate", "check"} <= commands
    assert {"SEGSYNC_GOOGLE_CLIENT_ID", "SEGSYNC_DATA"} <= set(VARIABLE.findall(together))
    assert len(LINK.findall(together)) > 50


@pytest.mark.parametrize("words", ["cheque", "db downgrade", "people forget"])
def test_a_command_that_does_not_exist_is_noticed(words):
    """The check of commands tells apart what exists and what does not, also inside a group."""
    assert unknown_command(words)
