"""The page docs/troubleshooting.md is the alert catalogue, no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segsync import troubleshooting
from segsync.rules.catalogue import ACTS, CATALOGUE, GROUPS, RETRIES, steps

PAGE = Path(__file__).parent.parent.parent / "docs" / "troubleshooting.md"


@pytest.fixture(scope="module")
def committed():
    return PAGE.read_text(encoding="utf-8")


def test_the_page_is_the_one_that_the_catalogue_makes(committed):
    """Who reads the documents reads what the product says today (S13)."""
    assert committed == troubleshooting.page(), (
        "docs/troubleshooting.md is not what the catalogue makes. Write it again: "
        "python -m segsync.troubleshooting > docs/troubleshooting.md"
    )


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_cause_can_be_linked_to_by_its_code(committed, code):
    """The code of a cause finds its entry, with who acts, what happens meanwhile, and every step (S13)."""
    entry = CATALOGUE[code]
    _, _, after = committed.partition(f'<a id="{code}"></a>')
    found = after.partition("\n### ")[0]
    assert found.startswith(entry.title)
    assert ACTS[entry.acts] in found
    assert RETRIES[entry.retry] in found
    assert [step for step in steps(code) if step not in found] == []


def test_every_entry_stands_once_below_a_heading_of_the_contents(committed):
    """The list at the top leads to every heading, and counts what stands below it (S13)."""
    sections = re.split(r"^## ", committed, flags=re.MULTILINE)[1:]
    counted = {text.partition("\n")[0]: text.count("\n### ") for text in sections}
    listed = dict(re.findall(r"^- \[(.+?)\]\(#[\w-]+\), (\d+) entr", committed, re.MULTILINE))
    assert counted == {heading: int(number) for heading, number in listed.items()}
    assert sum(counted.values()) == len(CATALOGUE)
    assert set(counted) == set(GROUPS.values())
