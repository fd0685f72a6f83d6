"""What a creator is told once of an audience."""

from __future__ import annotations

import pytest

from connectors.contract import State
from segsync.rules.usable import worth_telling


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["building", "ready", "updating", "ready"], ["ready"]),
        (["building", "too small", "too small", "ready", "too small", "ready"], ["too small", "ready"]),
        (["not known", "building", "gone"], []),
    ],
)
def test_that_an_audience_can_be_used_is_told_once(words, told):
    """Once that it is too small, once that it can be used, and then never again (B21)."""
    found: list[str] = []
    for word in words:
        if worth_telling(found[-1] if found else "", State(word)):
            found.append(word)
    assert found == told
