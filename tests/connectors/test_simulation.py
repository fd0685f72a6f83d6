"""The ground that the simulators stand on keeps people and memberships exactly, survives a restart, and breaks when told to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simulation import ConsentPage, GrantRefused, World


def by_contact(person) -> Iterable[str]:
    """A channel that knows people by what they wrote."""
    return [f"{name}:{person[name]}" for name in ("email", "phone") if person.get(name)]


@pytest.fixture
def world():
    made = World()
    made.register_hasher("meta", by_contact)
    made.add_people(
        [{"person_id": "ada", "email": "a", "phone": "1"}, {"person_id": "max", "email": "m", "phone": "1"}]
    )
    yield made
    made.close()


def test_any_key_brings_its_people_and_a_strange_key_is_a_stranger(world):
    """A row adds everybody whom any of its keys belongs to (B8)."""
    world.add_members("meta", "7", [["email:a", "phone:9"]])
    assert world.members("meta", "7") == {"keys": ["email:a", "phone:9"], "persons": ["ada", "unknown:phone:9"]}


def test_a_shared_key_is_two_people(world):
    """A telephone that two people share adds both, and removing it removes both (B8)."""
    world.add_members("meta", "7", [["phone:1"]])
    assert world.members("meta", "7")["persons"] == ["ada", "max"]
    assert world.remove_members("meta", "7", [["phone:1"]]) == 2
    assert world.members("meta", "7") == {"keys": [], "persons": []}


def test_removing_one_key_takes_the_person_and_leaves_the_other_key(world):
    """A removal by a key that somebody else keeps takes that person as well: why it must never be sent (B8)."""
    world.add_members("meta", "7", [["email:a", "phone:8"]])
    world.remove_members("meta", "7", [["email:a"]])
    assert world.members("meta", "7") == {"keys": ["phone:8"], "persons": ["unknown:phone:8"]}


def test_a_stranger_who_becomes_known(world):
    """People added to the population later are recognised in audiences that they are in already (B8)."""
    world.add_members("meta", "7", [["email:g"]])
    world.add_people([{"person_id": "grace", "email": "g"}])
    assert world.members("meta", "7")["persons"] == ["grace"]
    assert world.count("meta", "7").matched == 1


def test_the_same_person_twice_is_one(world):
    """Nobody is counted twice, by id or by what is known of them (B8)."""
    assert world.add_people([{"person_id": "ada", "email": "a", "phone": "1"}, {"email": "x"}, {"email": "x"}]) == 1


def test_members_grow_old(world):
    """Channels forget members who were not sent again (B8)."""
    world.add_members("meta", "7", [["email:a"], ["email:m"]])
    world.advance(timedelta(days=40))
    world.add_members("meta", "7", [["email:a"]])
    world.empty("meta", "7", older_than=world.now() - timedelta(days=30))
    assert world.members("meta", "7")["persons"] == ["ada"]


def test_everything_survives_a_restart(tmp_path):
    """Stopping the simulators loses nothing: documents, people, members, clock (B8)."""
    before = World(tmp_path / "world.db")
    before.register_hasher("meta", by_contact)
    before.add_people([{"person_id": "ada", "email": "a"}])
    before.put("meta", "audiences", "7", {"name": "Customers"})
    before.add_members("meta", "7", [["email:a"]])
    before.advance(timedelta(days=3))
    then = before.now()
    before.close()
    after = World(tmp_path / "world.db")
    after.register_hasher("meta", by_contact)
    assert after.get("meta", "audiences", "7") == {"name": "Customers", "key": "7"}
    assert after.members("meta", "7")["persons"] == ["ada"]
    assert after.now() >= then
    after.close()


@given(
    moves=st.lists(
        st.tuples(st.booleans(), st.lists(st.sampled_from(["email:a", "email:m", "phone:1", "phone:9"]), min_size=1)),
        max_size=12,
    )
)
def test_memberships_are_what_a_plain_set_would_hold(moves):
    """After any history of batches the audience holds exactly what the rule says (B8)."""
    world = World()
    world.register_hasher("meta", by_contact)
    world.add_people(
        [{"person_id": "ada", "email": "a", "phone": "1"}, {"person_id": "max", "email": "m", "phone": "1"}]
    )
    who = {"email:a": {"ada"}, "email:m": {"max"}, "phone:1": {"ada", "max"}, "phone:9": {"unknown:phone:9"}}
    keys: set[str] = set()
    persons: set[str] = set()
    for adding, row in moves:
        touched = set().union(*(who[key] for key in row))
        keys, persons = (keys | set(row), persons | touched) if adding else (keys - set(row), persons - touched)
        (world.add_members if adding else world.remove_members)("meta", "7", [row])
    assert world.members("meta", "7") == {"keys": sorted(keys), "persons": sorted(persons)}
    world.close()


def test_a_fault_strikes_where_it_is_aimed_and_as_often(world):
    """A fault for one account leaves the others alone and ends by itself (B8)."""
    world.add_fault("meta", "rate_limit", account="1", times=2)
    assert world.fault("meta", "push", account="2") is None
    struck = [world.fault("meta", "push", account="1") is not None for _ in range(3)]
    assert struck == [True, True, False]


def test_faults_can_be_ended(world):
    """A test or person who ordered a fault can end it (B8)."""
    number = world.add_fault("meta", "slow")
    world.add_fault("google", "slow")
    world.clear_faults("meta", number)
    assert [fault["channel"] for fault in world.faults()] == ["google"]


def consented(world, query, **form):
    app = flask.Flask("consent")
    page = ConsentPage(world, "meta", "Meta")
    app.add_url_rule("/dialog", "dialog", page.view, methods=["GET", "POST"])
    reply = app.test_client().post("/dialog", query_string=query, data={"decision": "allow", **form})
    return page, reply


ASKED = {"client_id": "c", "redirect_uri": "http://127.0.0.1/r", "state": "s", "scope": "ads_read,ads_management"}


def code_in(reply):
    return reply.headers["Location"].partition("code=")[2].partition("&")[0]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"client_id": "other"}, "client"),
        ({"redirect_uri": "http://127.0.0.1/other"}, "redirect_uri"),
        ({"verifier": "wrong"}, "verifier"),
    ],
)
def test_a_code_is_worth_nothing_to_others(world, given, reason):
    """A stolen code signs nobody in (B8)."""
    world.put("meta", "signins", "ada", {"name": "Ada Byron"})
    page, reply = consented(world, ASKED | {"code_challenge": "plain-text"}, signin="ada", scope="ads_read")
    right = {"client_id": "c", "redirect_uri": "http://127.0.0.1/r", "verifier": "plain-text"}
    with pytest.raises(GrantRefused) as caught:
        page.redeem(code_in(reply), **{**right, **given})
    assert caught.value.reason == reason


def test_a_code_grows_old_and_carries_only_what_was_ticked(world):
    """A code holds what the person allowed, for ten minutes (B8)."""
    world.put("meta", "signins", "ada", {"name": "Ada Byron"})
    right = {"client_id": "c", "redirect_uri": "http://127.0.0.1/r"}
    page, reply = consented(world, ASKED, signin="ada", scope="ads_read")
    assert page.redeem(code_in(reply), **right).scopes == ("ads_read",)
    page, reply = consented(world, ASKED, signin="ada", scope="ads_read")
    world.advance(timedelta(minutes=11))
    with pytest.raises(GrantRefused):
        page.redeem(code_in(reply), **right)
