"""What many members share is worked out once for each value, and comes out as if each member had been worked out alone."""

from __future__ import annotations

import random
from types import SimpleNamespace

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Key, Qualifier, Shape
from connectors.digests import texts
from connectors.registry import CHANNELS
from segsync.audience.identified import WORTH_KEEPING, Method, identifying
from segsync.audience.recurring import Recurring, groups_of
from segsync.audience.workbench import workbench
from tests.audience.golden import GOLDEN
from tests.audience.test_golden_vectors import EXPRESSIONS, typed

SHAPE = Shape(
    keys=(Key("email", ("EMAIL",), ("email",), hashed=True),),
    qualifiers=(Qualifier("FN", ("first_name",), hashed=True), Qualifier("ZIP", ("zip", "country"), hashed=True)),
)
GROUPS = {("first_name",): ("FN",), ("country", "zip"): ("ZIP",)}


def method_of(golden):
    """The channel's own expression and capabilities, without its connector."""
    said = EXPRESSIONS[golden.channel]
    channel = SimpleNamespace(capabilities=CHANNELS[golden.channel].capabilities, identifiers=said)
    return Method(channel, golden.kind, "basis", "secret")


def members_of(shape, people, chosen):
    """Members with the fields of the people who are chosen, each with an id of their own."""
    ids = pa.array(range(len(chosen)), pa.int64())
    texts = {name: pa.array([person.get(name) for person in people], pa.string()) for name in shape.fields}
    return pa.table({"id": ids, "change_no": ids, **{name: column.take(chosen) for name, column in texts.items()}})


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.channel}-{golden.kind.value}")
def test_many_come_out_as_each_would_alone(tmp_path, golden):
    """In a large segment everybody is sent as in a small one, window after window, whatever stands in their fields (B1, B18)."""
    dice, method = random.Random(golden.channel), method_of(golden)
    people = [member for member, _ in golden.vectors]
    people += [{name: typed(dice, name) for name in golden.fields if dice.random() < 0.9} for _ in range(300)]
    with workbench(tmp_path, threads=2) as bench, identifying(bench, method) as identify:
        alone = texts(identify.rows(members_of(method.shape, people, list(range(len(people))))))
        for most in (len(people) // 2, len(people)):  # in the second window there is somebody new
            chosen = dice.choices(range(most), k=WORTH_KEEPING)
            rows = texts(identify.rows(members_of(method.shape, people, chosen)))
            expected = alone.take(chosen)
            for name in (*method.shape.columns, "version"):
                assert rows.column(name).to_pylist() == expected.column(name).to_pylist(), name
            assert rows.column("member").to_pylist() == list(range(WORTH_KEEPING))


def worked_out(members):
    """What the columns of SHAPE come to, told without an engine."""
    people = members.to_pylist()
    return pa.table(
        {
            "member": members.column("id"),
            "FN": pa.array([person["first_name"] and f"<{person['first_name']}>" for person in people], pa.string()),
            "ZIP": pa.array([f"{person['zip']}|{person['country']}" for person in people], pa.string()),
        }
    )


TEXT = st.none() | st.sampled_from(["", "a", "b", "c", "ab", "bc", "x\x1f", "\x00", "é"])
PEOPLE = st.lists(st.fixed_dictionaries({"first_name": TEXT, "zip": TEXT, "country": TEXT, "email": TEXT}), max_size=12)


@given(windows=st.lists(PEOPLE, max_size=5), most=st.integers(0, 12))
def test_nobody_gets_what_belongs_to_another_value(windows, most):
    """Whatever was met before, kept or forgotten, each member's columns are those of their own fields (B1)."""
    recurring = Recurring(SHAPE, GROUPS, worked_out, most=most)
    for people in windows:
        members = members_of(SHAPE, people, np.arange(len(people)))
        found = {name: column.to_pylist() for name, column in recurring.columns(members).items()}
        assert found == worked_out(members).drop_columns(["member"]).to_pydict()


def test_a_value_is_worked_out_once():
    """A first name that many have costs one hash (B1)."""
    asked = []

    def counted(members):
        asked.append(members.num_rows)
        return worked_out(members)

    recurring = Recurring(SHAPE, GROUPS, counted)
    people = [{"first_name": "Ada", "zip": "1", "country": "DE"}, {"first_name": "Max", "zip": "1", "country": "DE"}]
    for _ in range(2):
        recurring.columns(members_of(SHAPE, people, [0, 1] * 50))
    assert asked == [4]  # two names, a place, and what nobody has comes to


def test_what_recurs_is_told_by_the_expression_itself():
    """What is a member's own, or made of much, is worked out for each (B1)."""
    table = ibis.table(dict.fromkeys((*SHAPE.fields, "last_name"), "string"), name="members")
    first = table.mutate(name=table.first_name.upper())
    said = first.mutate(
        EMAIL=first.email.lower(), FN=first.name.lower() + "!", ZIP=first.zip + first.country.fill_null("")
    )
    assert groups_of(SHAPE, said) == GROUPS
    much = first.mutate(EMAIL=first.email, FN=first.name + first.email, ZIP=first.zip + first.country + first.last_name)
    assert groups_of(SHAPE, much) == {}


def test_an_answer_in_another_order_is_not_taken():
    """Should an engine ever mix members up, nobody is sent with another one's name (B1)."""
    recurring = Recurring(SHAPE, GROUPS, lambda members: worked_out(members).take([1, 0, *range(2, members.num_rows)]))
    people = [{"first_name": "Ada", "zip": "1", "country": "DE"}, {"first_name": "Max", "zip": "1", "country": "DE"}]
    with pytest.raises(RuntimeError):
        recurring.columns(members_of(SHAPE, people, [0, 1]))
