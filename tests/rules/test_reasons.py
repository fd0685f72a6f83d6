"""The few words beside what cannot be used."""

import pytest

from connectors.problems import Code
from segsync.rules.catalogue import CATALOGUE
from segsync.rules.reasons import REASONS, reason_for


@pytest.mark.parametrize("code", list(Code))
def test_every_cause_of_a_channel_has_words(code):
    """Whatever a channel says, one reads words and what can be done, never a code alone. (S13)."""
    reason = REASONS[code]
    assert reason.short
    assert reason.short[0].islower()
    assert reason.help.endswith(".")


def test_every_entry_of_the_catalogue_has_words():
    """Also what is not a channel's cause is said in words wherever it stands beside a status. (S13)."""
    assert all(reason_for(code).short != "something unexpected" for code in CATALOGUE)
    assert reason_for("sync.overdue").short == "overdue"


def test_an_unknown_cause_has_plain_words():
    """A cause of another version is still said in words. (S13)."""
    assert reason_for("from.the.future").short == "something unexpected"
    assert reason_for(None).help
