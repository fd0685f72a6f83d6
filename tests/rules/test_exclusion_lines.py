"""What somebody pastes for an exclusion list."""

from __future__ import annotations

import pytest

from segsync.rules.cleaning import Door
from segsync.rules.exclusion_lines import read_lines

HERE = Door("DE")


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (" Ada@Example.ORG, ", ("email", "ada@example.org")),
        ("030 901820", ("phone", "+4930901820")),
        ("@acme.example", ("domain", "acme.example")),
        ("https://www.acme.example/about", ("domain", "acme.example")),
        ("Acme GmbH & Co. KG", ("company", "Acme GmbH & Co. KG")),
        ("J.Doe+news@Gmail.com", ("email", "jdoe@gmail.com")),
    ],
)
def test_line_is_read_as_what_it_looks_like(line, entry):
    """An e-mail, a phone, a domain or a company's name is told by how the line looks, and kept in one form (B14)."""
    assert read_lines([line], HERE).entries == (entry,)


def test_lines_that_are_none_are_named():
    """What is no e-mail is left aside and told by its line, and the same one twice counts once (B14)."""
    read = read_lines(["ada@example.org", "", "no one", "ADA@example.org"], HERE, "email")
    assert (read.entries, read.unreadable) == ((("email", "ada@example.org"),), (3,))
