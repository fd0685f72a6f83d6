"""Contract: ad accounts as a person sees them, and audiences that are ours by a marker."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from connectors.contract import Retire, State, Use
from connectors.problems import AccessDenied, ReconnectNeeded, TryLater

pytestmark = pytest.mark.contract


def test_accounts_that_work_are_offered(channel, ada):
    """A marketer sees the ad accounts of the own sign-in, with names (S8)."""
    accounts = {account.remote_id: account for account in channel.connector.ad_accounts(ada)}
    assert not accounts[channel.account.remote_id].blocked
    assert accounts[channel.account.remote_id].name.startswith("Northwind")


def test_accounts_that_do_not_work_say_why(channel, ada):
    """One that can only be looked at, or is closed, is shown with the reason instead of failing later (S8)."""
    accounts = {account.remote_id: account for account in channel.connector.ad_accounts(ada)}
    for account in (channel.view_only, channel.closed):
        if account.remote_id in accounts:
            assert accounts[account.remote_id].blocked


@pytest.mark.parametrize("which", ["view_only", "closed"])
def test_a_live_check_agrees(channel, ada, which):
    """Before a sync is made the account is looked at again, live (S8)."""
    try:
        seen = channel.connector.check_account(ada, getattr(channel, which))
    except AccessDenied:
        return
    assert seen.blocked


def test_a_live_check_of_a_good_account(channel, ada):
    """A good account passes (S8)."""
    seen = channel.connector.check_account(ada, channel.account)
    assert seen.remote_id == channel.account.remote_id
    assert not seen.blocked


def test_nothing_is_found_before_it_is_made(channel, ada):
    """What was never made is not found (B17)."""
    assert channel.connector.find_audience(ada, channel.account, channel.spec()) is None


def test_creating_twice_makes_one(channel, ada):
    """A creation repeated after a broken connection finds the first (B17)."""
    spec = channel.spec()
    first = channel.connector.create_audience(ada, channel.account, spec)
    channel.wait()
    second = channel.connector.create_audience(ada, channel.account, spec)
    assert (first.remote_id, first.created, second.created) == (second.remote_id, True, False)


def test_a_creation_cut_off_is_found_again(channel, ada):
    """The connection breaks after the channel made the audience: the next try uses that one (B17)."""
    spec = channel.spec()
    before = len(channel.world.all(channel.channel, "audiences"))
    channel.world.add_fault(channel.channel, "cut", operation=channel.operation("create"), times=1)
    # A channel whose look-up is exact may find it in the same call; the others wait.
    with contextlib.suppress(TryLater):
        channel.connector.create_audience(ada, channel.account, spec)
    channel.wait()
    channel.connector.create_audience(ada, channel.account, spec)
    assert len(channel.world.all(channel.channel, "audiences")) == before + 1


def test_one_of_the_same_name_is_never_touched(channel, ada):
    """An audience that only has the same name stays as it is, ours gets the sync's ID into its name (B17)."""
    theirs = channel.spec()
    ours = replace(channel.spec(theirs.name), fallback_name=f"{theirs.name} (ours)")
    there = channel.connector.create_audience(ada, channel.account, theirs)
    channel.wait()
    made = channel.connector.create_audience(ada, channel.account, ours)
    channel.wait()
    assert made.remote_id != there.remote_id
    assert channel.connector.find_audience(ada, channel.account, theirs).remote_id == there.remote_id
    assert channel.connector.find_audience(ada, channel.account, ours).remote_id == made.remote_id


def test_renaming(channel, ada, audience):
    """The audience follows the segment's name (B17)."""
    channel.connector.rename_audience(ada, channel.account, audience, "Another name")
    channel.wait()
    assert channel.connector.audience_state(ada, channel.account, audience).name == "Another name"


def test_an_audience_grows_until_it_can_be_used(channel, ada, audience):
    """A marketer learns from the channel's own word when an audience can be used (B9, B21)."""
    small = channel.connector.audience_state(ada, channel.account, audience)
    channel.push(ada, audience, channel.batch(channel.people(channel.can.smallest_audience + 20)))
    channel.settle_down()
    state = channel.connector.audience_state(ada, channel.account, audience)
    assert small.state is not State.READY
    assert state.state is State.READY
    assert state.figures
    assert state.raw


def test_deleted_at_the_channel(channel, ada, audience):
    """An audience that somebody deleted there is said to be gone (B17)."""
    channel.delete_there(audience)
    assert channel.connector.audience_state(ada, channel.account, audience).state is State.GONE
    assert channel.connector.find_audience(ada, channel.account, channel.spec()) is None


def test_lost_access_is_not_taken_for_deleted(channel, audience):
    """When the person lost the ad account, nobody is told that the audience was deleted (B17)."""
    grace = channel.token(channel.grace)
    channel.take_access(channel.grace, channel.account)
    try:
        with pytest.raises(AccessDenied):
            channel.connector.audience_state(grace, channel.account, audience)
    finally:
        channel.give_access(channel.grace, channel.account)


def test_campaigns_that_use_it(channel, ada, audience):
    """Before switching off, a marketer sees which campaigns include or exclude the audience (S10)."""
    included, excluded = channel.new_campaign(audience, "include"), channel.new_campaign(audience, "exclude")
    found = {(c.name, c.use) for c in channel.connector.campaigns_using(ada, channel.account, audience)}
    assert found == {(included, Use.INCLUDE), (excluded, Use.EXCLUDE)}


def test_no_campaign_uses_it(channel, ada, audience):
    """An audience in no campaign says so (S10)."""
    assert not channel.connector.campaigns_using(ada, channel.account, audience)


def test_retiring_by_leaving(channel, ada, audience):
    """Leaving an audience changes nothing there (B17)."""
    people = channel.people(3)
    channel.push(ada, audience, channel.batch(people))
    channel.connector.retire(ada, channel.account, audience, Retire.LEAVE)
    assert channel.persons(audience) >= {person["person_id"] for person in people}


def test_retiring_by_emptying(channel, ada, audience):
    """Emptying leaves none of our people in it (B17)."""
    if Retire.EMPTY not in channel.can.retire:
        return
    people = channel.people(3)
    channel.push(ada, audience, channel.batch(people))
    channel.connector.retire(ada, channel.account, audience, Retire.EMPTY)
    channel.settle_down()
    assert not channel.persons(audience) & {person["person_id"] for person in people}


def test_retiring_by_deleting(channel, ada, audience):
    """Deleting takes it away, and doing it again does no harm (B17)."""
    if Retire.DELETE not in channel.can.retire:
        return
    channel.connector.retire(ada, channel.account, audience, Retire.DELETE)
    channel.connector.retire(ada, channel.account, audience, Retire.DELETE)
    assert channel.connector.audience_state(ada, channel.account, audience).state in {State.GONE, State.CLOSED}


def test_an_expired_sign_in_while_looking(channel, ada, audience):
    """A token that ends between two looks asks its owner, and says nothing of the audience (S16)."""
    channel.world.add_fault(channel.channel, "token_expired", person=channel.ada)
    with pytest.raises(ReconnectNeeded):
        channel.connector.audience_state(ada, channel.account, audience)
