"""Rules of a segment: what can be asked, what is refused with which sentence, and how they read."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.cleaning import Door
from segsync.rules.import_mapping import Custom
from segsync.rules.segment_check import Vocabulary, check
from segsync.rules.segment_fields import OPERATORS, Operator, fields_of
from segsync.rules.segment_rules import DEEPEST, MOST_CONDITIONS, BadRules, parse, read, segments_in
from segsync.rules.segment_words import masked, operator_label, sentence

PEOPLE = Vocabulary(
    fields=fields_of(
        "people",
        [Custom("score", "Score", "number"), Custom("likes", "Likes", "list")],
        [Custom("tier", "Tier", "text")],
    ),
    segments={1: "Customers", 2: "Fintech", 3: "Gone"},
    segments_of_companies=frozenset({2}),
    barred={3: "That one was deleted."},
    door=Door("DE", today=date(2026, 3, 2)),
)
COMPANIES = Vocabulary(fields=fields_of("companies"), members="companies")


def one(field: str, operator: str, *values: str, **more) -> dict:
    return {"match": "all", "items": [{"field": field, "operator": operator, "values": list(values), **more}]}


def problem(field: str, operator: str, *values: str) -> str:
    return check(read(one(field, operator, *values)), PEOPLE)[1][0].message


def value(field: str, operator: str, *values: str) -> tuple[str, ...]:
    rules, problems = check(read(one(field, operator, *values)), PEOPLE)
    assert problems == []
    return rules.items[0].values


# -- what is typed becomes what is kept ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "operator", "typed", "kept"),
    [
        ("email", "equals", " Ada@Example.COM ", "ada@example.com"),
        ("email", "contains", "@Example", "@example"),
        ("phone", "equals", "0151 1234 5678", "+4915112345678"),
        ("phone", "starts", "0049 (151)", "+49151"),
        ("country", "equals", "Deutschland", "DE"),
        ("company.country", "equals", "france", "FR"),
        ("company_domain", "equals", "https://www.Acme.example/", "acme.example"),
        ("birth_date", "before", "31.12.1980", "1980-12-31"),
        ("created_at", "last_hours", "024", "24"),
        ("company.employees", "at_least", "1,000.50", "1000.5"),
        ("gender", "equals", "Female", "female"),
    ],
)
def test_a_value_is_kept_as_contacts_keep_it(field, operator, typed, kept):
    """What somebody types is made the same way as contacts' own values, so that it can be equal to them (S5)."""
    assert value(field, operator, typed) == (kept,)


def test_values_of_one_of_are_kept_once():
    """In "one of", empty lines and repetitions do not count (S5)."""
    assert value("country", "one_of", "DE", "", "Germany", "fr") == ("DE", "FR")


def test_a_custom_field_keeps_how_it_is_compared():
    """An own field of numbers is compared as numbers wherever the rules are read (S5)."""
    rules, problems = check(read(one("custom:score", "more", "5")), PEOPLE)
    assert problems == []
    assert rules.items[0].sort == "number"


# -- a sentence beside what is wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "operator", "values", "told"),
    [
        ("", "", [], "Choose a field"),
        ("shoe_size", "equals", ["43"], "no such field any more"),
        ("email", "less", ["5"], "Choose how to compare"),
        ("subscription", "empty", [], "Choose how to compare"),
        ("email", "equals", [], "Give a value"),
        ("email", "equals", ["nobody"], "e-mail address needs"),
        ("phone", "starts", ["0151"], "country code"),
        ("phone", "ends", ["12ab"], "digits only"),
        ("country", "equals", ["Atlantis"], "country is not known"),
        ("birth_date", "before", ["soon"], "Give a day"),
        ("created_at", "last_hours", ["0"], "whole number from 1"),
        ("created_at", "last_days", ["2.5"], "whole number from 1"),
        ("company.employees", "between", ["5"], "Give both values"),
        ("company.employees", "between", ["9", "5"], "Turn them around"),
        ("created_at", "between", ["2026-02-01", "2026-01-01"], "Turn them around"),
        ("custom:score", "more", ["many"], "not a number"),
        ("subscription", "equals", ["perhaps"], "Choose one of the values"),
        ("segment", "in_segment", [], "Choose a segment"),
        ("segment", "in_segment", ["2"], "Choose a segment of this workspace"),
        ("segment", "in_segment", ["99"], "Choose a segment of this workspace"),
        ("segment", "in_segment", ["3"], "was deleted"),
        ("company.segment", "in_segment", ["1"], "Choose a segment of this workspace"),
        ("city", "equals", ["x" * 501], "500 characters"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(field, operator, values, told):
    """Each mistake has a sentence that says what to do (S5)."""
    assert told in problem(field, operator, *values)


def test_a_mistake_is_found_where_it_stands():
    """The sentence belongs beside the very condition, also deep inside groups, and an empty group is one (S5)."""
    good = one("city", "empty")["items"][0]
    rules = read({"items": [good, {"match": "any", "items": [good, {"field": "city"}, {"items": []}]}]})
    assert [each.at for each in check(rules, PEOPLE)[1]] == [(1, 1), (1, 2)]


def test_checking_again_changes_nothing():
    """Rules that are kept can be opened and saved again as they are (S5)."""
    typed = one("phone", "one_of", "0151 12345678", "+4915112345679", negated=True)
    once, _ = check(read(typed), PEOPLE)
    assert check(read(once.as_json()), PEOPLE) == (once, [])


# -- limits ----------------------------------------------------------------------------------------------------


def nested(depth: int) -> dict:
    return {"items": [nested(depth - 1)]} if depth > 1 else one("city", "empty")


def test_depth_has_a_limit():
    """Groups can be nested five deep; more is refused with what to do instead (S5)."""
    assert parse(json.dumps(nested(DEEPEST)))
    with pytest.raises(BadRules, match="5 deep"):
        parse(json.dumps(nested(DEEPEST + 1)))


def test_size_has_a_limit():
    """A hundred conditions are taken, one more is refused, however they are grouped (S5)."""
    condition = one("city", "empty")["items"]
    assert parse(json.dumps({"items": condition * MOST_CONDITIONS}))
    for items in (condition * (MOST_CONDITIONS + 1), [{"items": condition * 60}, {"items": condition * 60}]):
        with pytest.raises(BadRules, match="100 conditions"):
            parse(json.dumps({"items": items}))


def test_too_many_values_are_refused():
    """A condition with thousands of values is better a static list, and that is said (S5)."""
    with pytest.raises(BadRules, match="static list"):
        parse(json.dumps(one("city", "one_of", *["x"] * 1001)))


@pytest.mark.parametrize(
    "rubbish",
    ["[", "null", "[]", '"all"', '{"items": 5}', '{"match": "some"}', '{"items": [[]]}', "[" * 200_000, '{"a": 1}'],
)
def test_rubbish_is_no_rules(rubbish):
    """Whatever arrives in place of rules is refused in a sentence, and nothing breaks (S5)."""
    with pytest.raises(BadRules):
        parse(rubbish)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_json_breaks_reading(anything):
    """Any JSON is either rules or refused (S5)."""
    try:
        rules = parse(json.dumps(anything))
    except BadRules:
        return
    assert sentence(rules, PEOPLE)
    check(rules, PEOPLE)


# -- read as a sentence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({}, "All contacts of this workspace."),
        (one("city", "equals", "Berlin"), "Contacts whose city is “Berlin”."),
        (one("city", "equals", "Berlin", negated=True), "Contacts whose city is not “Berlin”."),
        (one("country", "one_of", "DE", "FR", "US"), "Contacts whose country is one of DE, FR or US."),
        (one("tags", "has", "vip"), "Contacts who have the tag “vip”."),
        (one("tags", "has", "vip", negated=True), "Contacts who do not have the tag “vip”."),
        (one("custom:likes", "has", "tea"), "Contacts whose “Likes” has “tea”."),
        (one("segment", "in_segment", "1", negated=True), "Contacts who are not in the segment “Customers”."),
        (one("company.segment", "in_segment", "2"), "Contacts whose company is in the segment “Fintech”."),
        (one("linked_device", "present", negated=True), "Contacts who have no linked device."),
        (one("created_at", "last_hours", "24"), "Contacts who were added in the last 24 hours."),
        (one("created_at", "last_days", "1"), "Contacts who were added today."),
        (one("created_at", "last_days", "7"), "Contacts who were added today or in the 6 days before."),
        (one("birth_date", "before", "1980-12-31"), "Contacts whose birth date is before 31 December 1980."),
        (one("company.industry", "contains", "soft"), "Contacts whose company’s industry contains “soft”."),
        (one("custom:score", "between", "1", "5"), "Contacts whose “Score” is between 1 and 5."),
        (one("company.employees", "more", "5"), "Contacts whose company’s number of employees is more than 5."),
        (one("phone", "empty", negated=True), "Contacts whose phone is not empty."),
    ],
)
def test_rules_read_as_a_sentence(rules, told):
    """Every condition reads as people speak (S5)."""
    assert sentence(read(rules), PEOPLE) == told


def test_groups_read_in_brackets():
    """All and any can be told apart in the sentence (S5)."""
    city = [one("city", "equals", each)["items"][0] for each in ("Berlin", "Paris", "Rome")]
    rules = {"items": [*one("tags", "has", "vip")["items"], {"match": "any", "items": city}]}
    told = (
        "Contacts who have the tag “vip” and (whose city is “Berlin”, whose city is “Paris” or whose city is “Rome”)."
    )
    assert sentence(read(rules), PEOPLE) == told


def test_companies_are_called_companies():
    """A segment of companies speaks of companies and knows how many people work there (S14)."""
    rules = read(one("people", "more", "3"))
    assert check(rules, COMPANIES)[1] == []
    assert sentence(rules, COMPANIES) == "Companies whose number of people is more than 3."


NAMING = ["email", "phone", "first_name", "last_name", "external_id", "mobile_ad_id", "postal_code"]


@pytest.mark.parametrize("field", NAMING)
@pytest.mark.parametrize("operator", ["equals", "contains", "starts", "ends", "one_of"])
def test_values_that_name_somebody_can_be_left_out(field, operator):
    """Deep inside groups too, not even a part of the value is left; what names nobody stays readable (S3)."""
    rules = read({"items": [*one("city", "equals", "Berlin")["items"], {"items": one(field, operator, "+4")["items"]}]})
    told = sentence(masked(rules), PEOPLE)
    assert ("“•••”" in told, "+4" in told, "“Berlin”" in told) == (True, False, True)
    assert sentence(rules, PEOPLE).count("+4") == 1


@pytest.mark.parametrize(
    ("field", "operator", "values"),
    [
        ("birth_date", "equals", ["1980-12-31"]),
        ("birth_date", "between", ["1980-12-31", "1990-12-31"]),
        ("birth_date", "last_days", ["1980"]),
        ("custom:score", "one_of", ["1980", "1990"]),
        ("custom:likes", "has", ["1980"]),
        ("company.custom:tier", "starts", ["1980"]),
    ],
)
def test_days_of_birth_and_own_fields_can_be_left_out_too(field, operator, values):
    """Whatever the field is like, the sentence says what is asked for and nothing of the value (S3)."""
    told = sentence(masked(read(one(field, operator, *values))), PEOPLE)
    assert ("1980" in told, "1990" in told, "•••" in told or "…" in told) == (False, False, True)


def test_every_comparison_has_words_for_itself_and_its_negation():
    """Whatever can be chosen is named, and its negation differently (S5)."""
    for sort, operators in OPERATORS.items():
        labels = {operator_label(sort, operator, negated=no) for operator in operators for no in (False, True)}
        assert len(labels) == 2 * len(operators)


def test_the_issue_of_operators_is_complete():
    """Equals, contains, starts, ends, one of, empty, less, at most, between, before, after, hours, days, tag, segment (S5)."""
    assert {each for offered in OPERATORS.values() for each in offered} == set(Operator)


def test_segments_that_rules_ask_for_are_known():
    """What a segment depends on can be read from its rules, however deep (S5)."""
    inner = one("segment", "in_segment", "7")
    assert segments_in(read({"items": [inner, *one("company.segment", "in_segment", "8")["items"]]})) == [7, 8]
