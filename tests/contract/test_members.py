"""Contract: members go in and out exactly, whatever breaks on the way."""

from __future__ import annotations

import pickle

import pytest

from connectors.contract import Action
from connectors.problems import AccessDenied, Code, ConnectorProblem, ReconnectNeeded, SetupNeeded, TryLater
from tests.contract.harness import numbers

pytestmark = pytest.mark.contract


def ids(people):
    return {person["person_id"] for person in people}


def test_people_are_added_exactly(channel, ada, audience):
    """Who is in the segment is in the audience, and the channel knows every one of them (B1, B18)."""
    people = channel.people(25)
    result = channel.push(ada, audience, channel.batch(people))
    assert channel.persons(audience) == ids(people)
    assert (result.accepted, result.refused) == (25, ())


def test_people_are_removed_exactly(channel, ada, audience):
    """Who leaves the segment leaves the audience, and nobody else does (B1)."""
    people = channel.people(10)
    channel.push(ada, audience, channel.batch(people))
    channel.push(ada, audience, channel.batch(people[:4], Action.REMOVE))
    assert channel.persons(audience) == ids(people[4:])


def test_several_batches_of_one_session(channel, ada, audience):
    """A segment larger than a batch arrives whole (B1)."""
    people = channel.people(9)
    parts = [people[:3], people[3:6], people[6:]]
    session = next(numbers)
    for number, part in enumerate(parts, start=1):
        batch = channel.batch(part, number=number, last=number == len(parts), session=session, estimated_total=9)
        assert channel.push(ada, audience, batch).accepted == 3
    assert channel.persons(audience) == ids(people)


def test_a_full_batch(channel, ada, audience):
    """The largest batch that the product sends is one that the channel takes (B1)."""
    people = channel.people(channel.can.batch_rows)
    assert channel.push(ada, audience, channel.batch(people)).accepted == len(people)
    assert channel.persons(audience) == ids(people)


@pytest.mark.parametrize("action", list(Action))
def test_the_same_batch_twice(channel, ada, audience, action):
    """A batch repeated after a doubt changes nothing more (B1)."""
    people = channel.people(6)
    channel.push(ada, audience, channel.batch(people))
    batch = channel.batch(people[:2], action)
    channel.push(ada, audience, batch)
    once = channel.persons(audience)
    channel.push(ada, audience, batch)
    assert channel.persons(audience) == once


def test_removing_who_is_not_there(channel, ada, audience):
    """A removal of strangers is no error (B1)."""
    inside = channel.people(2)
    channel.push(ada, audience, channel.batch(inside))
    channel.push(ada, audience, channel.batch(channel.people(2), Action.REMOVE))
    assert channel.persons(audience) == ids(inside)


def test_people_with_little_to_go_by(channel, ada, audience):
    """Somebody of whom only the e-mail is known is found by it (B1, B15)."""
    people = channel.people(3)
    channel.push(ada, audience, channel.batch([{"email": person["email"]} for person in people]))
    assert channel.persons(audience) == ids(people)


def test_later_results_end(channel, ada, audience):
    """What a channel says later comes to an end, once for each batch in the same order (B15)."""
    receipts = [channel.push(ada, audience, channel.batch(channel.people(2))).receipt for _ in range(2)]
    asked = [receipt for receipt in receipts if receipt]
    channel.settle_down()
    settled = channel.connector.settle(ada, channel.account, asked)
    assert [(one.receipt, one.final, one.refused) for one in settled] == [(receipt, True, ()) for receipt in asked]


def test_refused_rows_are_counted(channel, ada, audience):
    """Rows that the channel does not take are a number with a reason, never silence (B15)."""
    people = channel.people(8)
    channel.world.add_fault(channel.channel, "reject_rows", times=1, facts={"count": 3})
    result = channel.push(ada, audience, channel.batch(people))
    refused = list(result.refused)
    if result.receipt:
        channel.settle_down()
        refused += channel.connector.settle(ada, channel.account, [result.receipt])[0].refused
    assert sum(one.count for one in refused) == 3
    assert len(channel.persons(audience)) == 5


def test_cut_after_it_was_applied(channel, ada, audience):
    """The connection breaks after the channel acted: the run waits, sends again, and the audience is right (B1)."""
    people = channel.people(5)
    batch = channel.batch(people)
    channel.world.add_fault(channel.channel, "cut", times=1)
    with pytest.raises(TryLater):
        channel.push(ada, audience, batch)
    channel.push(ada, audience, batch)
    assert channel.persons(audience) == ids(people)


@pytest.mark.parametrize(("kind", "facts"), [("cut_before", {}), ("error", {"status": 503}), ("html", {})])
def test_a_channel_that_is_down(channel, ada, audience, kind, facts):
    """Outages of every sort are waited out; a proxy's page is never taken for a yes (B1)."""
    people = channel.people(2)
    channel.world.add_fault(channel.channel, kind, facts=facts)
    with pytest.raises(TryLater):
        channel.push(ada, audience, channel.batch(people))
    channel.world.clear_faults()
    channel.wait()
    assert not channel.persons(audience)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("rate_limit", TryLater),
        ("token_expired", ReconnectNeeded),
        ("token_revoked", ReconnectNeeded),
        ("permission_lost", AccessDenied),
        ("version_dead", SetupNeeded),
    ],
)
def test_each_problem_finds_who_can_solve_it(channel, ada, audience, kind, problem):
    """What goes wrong is told to whoever can put it right (S13)."""
    channel.world.add_fault(channel.channel, kind)
    with pytest.raises(problem):
        channel.push(ada, audience, channel.batch(channel.people(1)))


def test_a_limit_says_when_to_go_on(channel, ada, audience):
    """A rate limit is waited out by the channel's own time, without anybody's help (B1)."""
    channel.world.add_fault(channel.channel, "rate_limit", times=1)
    with pytest.raises(TryLater) as caught:
        channel.push(ada, audience, channel.batch(channel.people(1)))
    assert caught.value.code is Code.RATE_LIMIT


@pytest.mark.parametrize("kind", ["permission_lost", "rate_limit", "token_expired", "error", "cut"])
def test_problems_hold_nothing_personal(channel, ada, audience, kind):
    """No problem carries a token or anything of a person, and all travel between processes (S13)."""
    people = channel.people(2)
    batch = channel.batch(people)
    channel.world.add_fault(channel.channel, kind)
    with pytest.raises(ConnectorProblem) as caught:
        channel.push(ada, audience, batch)
    copy = pickle.loads(pickle.dumps(caught.value))
    told = f"{caught.value!r} {caught.value} {copy.facts} {copy.raw} {copy.reference}"
    cells = {cell for column in batch.rows.columns for cell in column.to_pylist() if cell and len(cell) > 12}
    assert not [cell for cell in {*cells, ada.access_token} if cell in told]
    assert (copy.code, copy.facts, copy.retry_after) == (
        caught.value.code,
        caught.value.facts,
        caught.value.retry_after,
    )


def test_an_opt_out_reaches_the_audience(channel, ada, audience):
    """Who asks to be forgotten is taken out at the channel (B5)."""
    people = channel.people(4)
    channel.push(ada, audience, channel.batch(people))
    channel.connector.erase(ada, channel.account, audience, channel.batch(people[:1], Action.REMOVE))
    channel.wait()
    assert channel.persons(audience) == ids(people[1:])
