"""The alert catalogue: complete, in whole sentences, and never at a loss for a fact."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.problems import Code
from segsync.rules import catalogue, causes
from segsync.rules.catalogue import CATALOGUE
from segsync.rules.catalogue_entry import WORDS, Retry
from segsync.rules.terms import Acts

OWN = {
    "signin.soon", "segment.deleted", "segment.asks_for_deleted", "removal.waits", "segment.empty",
    "ledger.unreadable", "disk.full", "worker.absent", "redis.absent",
    "scheduler.absent", "limit.near", "limit.reached", "sync.overdue", "sync.lapsing", "run.everybody", "person.deactivated",
    "bug.broken", "run.held", "segment.unusual",
    "warehouse.unreachable", "warehouse.signin", "warehouse.off_limits", "warehouse.not_offered", "warehouse.query",
    "warehouse.slow", "warehouse.broke", "warehouse.column_gone", "warehouse.type_changed", "warehouse.no_key",
    "warehouse.key_twice", "warehouse.keys_collide", "warehouse.schema", "warehouse.words",
}  # fmt: skip
NAMED = re.compile(r"{(\w+)}")


def test_every_cause_has_exactly_one_entry():
    """Everything that a channel or the product can report is in the catalogue, and nothing else (S13)."""
    assert set(CATALOGUE) == {code.value for code in Code} | OWN


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_entry_says_what_happened_who_acts_and_what_to_do(code):
    """An alert is worth nothing without its steps (S13)."""
    entry = CATALOGUE[code]
    assert entry.title[0].isupper()
    assert not entry.title.endswith(".")
    assert len(entry.title) <= 45
    assert entry.meaning.endswith(".")
    assert entry.steps
    assert all(step.endswith(".") for step in entry.steps)
    assert set(NAMED.findall(entry.meaning + " ".join(entry.steps))) <= set(WORDS)
    assert catalogue.heading(code) != "Other"


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_what_needs_a_person_has_a_person(code):
    """Nothing waits for somebody without saying for whom (S15)."""
    entry = CATALOGUE[code]
    assert (entry.retry is Retry.PERSON) <= (entry.acts is not Acts.NOBODY)
    assert causes.who_acts(code) is entry.acts
    assert causes.needs_person(code) is (entry.retry is Retry.PERSON)


@given(
    code=st.sampled_from([*CATALOGUE, "never.heard.of", ""]),
    facts=st.dictionaries(
        st.sampled_from([*WORDS, "unheard"]), st.one_of(st.none(), st.text("aZ9 {}-…é山<", max_size=20))
    ),
)
def test_no_missing_or_strange_fact_breaks_a_sentence(code, facts):
    """Whatever is known, the page shows a sentence: no braces of ours, no missing word (S13)."""
    strange = "".join(str(value) for value in facts.values())
    for text in [catalogue.sentence(code, facts), *catalogue.steps(code, facts)]:
        assert text
        assert "{" in strange or "{" not in text


def test_a_sentence_names_who_and_where():
    """Max reads that Max has to reconnect, not a code (S13)."""
    told = catalogue.sentence("signin.expired", {"channel": "Meta", "person": "Max"})
    assert told == "Max's sign-in at Meta has run out. Max has to reconnect."


def test_a_sentence_without_facts_still_reads_well():
    """The catalogue page tells the same in general words."""
    told = catalogue.sentence("account.closed")
    assert told == "The ad account was closed at the channel. Its audiences take no changes any more."


@pytest.mark.parametrize(
    ("days", "told"), [("14", "in 14 days"), ("1", "tomorrow"), ("0", "today"), ("", "in a few days")]
)
def test_the_day_to_reconnect_is_said_as_people_say_it(days, told):
    """A reminder says how much time is left (S16)."""
    text = catalogue.sentence(
        "signin.soon", {"channel": "LinkedIn", "person": "Ada", "days": days, "day": "2026-03-16"}
    )
    assert f"ends {told}, on 16 March 2026." in text
