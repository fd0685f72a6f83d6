"""Whatever happened before, a run without problems leaves exactly the segment's members in the audience."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Action, Kind, Qualifier
from segsync.audience.conflicts import ROOM, Room
from segsync.audience.plan import AGAIN, Plan, PlanFile
from tests.audience.driver import Contacts, Driver
from tests.fakes import LATER, FakeChannel, Killed

EMAILS = [f"e{n}@example.org" for n in range(4)]
PHONES = [f"+4930000000{n}" for n in range(4)]
CONTACTS = st.integers(1, 8)
EVENTS = st.one_of(
    st.tuples(st.just("put"), CONTACTS, st.sampled_from([*EMAILS, None]), st.sampled_from([*PHONES, None])),
    st.tuples(st.just("drop"), CONTACTS),
    st.tuples(st.just("run")),
    st.tuples(st.just("cut"), st.integers(0, 4), st.booleans()),
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def drive(driver: Driver, event: tuple) -> None:
    """Does one thing of a history."""
    match event:
        case ("put", contact, email, phone):
            driver.contacts.put(contact, email=email, phone=phone, first_name="Given")
        case ("drop", contact):
            driver.contacts.drop(contact)
        case ("run",):
            driver.run()
        case ("cut", batches, applied):
            cut_off(driver, batches, applied=applied)


def cut_off(driver: Driver, batches: int, *, applied: bool) -> None:
    """A run whose worker dies at its nth batch, before or after the channel has applied it."""
    left = [batches]

    def maybe_die(_batch) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    channel = driver.channel
    if applied:
        channel.after_push = maybe_die
    else:
        channel.before_push = maybe_die
    try:
        driver.run()
    except Killed:
        return
    finally:
        channel.before_push = channel.after_push = lambda _batch: None


def expected_persons(driver: Driver) -> set[str]:
    return {driver.channel.person(key) for key in driver.wanted_keys()}


@pytest.fixture
def driver(tmp_path):
    return Driver(tmp_path, FakeChannel())


@pytest.mark.property
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    history=st.lists(EVENTS, max_size=14),
    room=st.sampled_from([Room(1, 2), Room(4, 4), ROOM]),
    at_once=st.integers(1, 3),
)
def test_any_history_converges(history, room, at_once):
    """Changes, shared e-mails and phones, and workers that die: the next good run makes the audience right (B1)."""
    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(Path(folder), FakeChannel(), room=room, windows_at_once=at_once)
        for event in history:
            drive(driver, event)
        driver.run()
        held = driver.channel.audiences.get("audience-1")
        assert (held.keys if held else set()) == driver.wanted_keys()
        assert (held.persons if held else set()) == expected_persons(driver)


def test_first_run_sends_everybody(driver):
    """The first run adds every member who has an identifier, once (B1)."""
    for number in range(7):
        driver.contacts.put(number, email=f"p{number}@example.org")
    plan = driver.run()
    assert plan.rows_to_add == 7
    assert driver.channel.audiences["audience-1"].keys == driver.wanted_keys()


def test_second_run_sends_nothing(driver):
    """When nothing changed, nothing is sent: not every change costs a full upload (B1)."""
    driver.contacts.put(1, email="a@example.org", phone="+49301")
    driver.run()
    assert driver.run().batches == ()


def test_change_that_the_channel_does_not_take_sends_nothing(driver):
    """A new change number alone, with the same clean fields, sends nobody again (B1)."""
    driver.contacts.put(1, email="a@example.org")
    driver.run()
    driver.contacts.put(1, email="a@example.org", notes="other")
    assert driver.run().batches == ()


def test_removal_spares_the_key_of_somebody_who_stays(driver):
    """Whoever shares a phone with a leaver keeps it in the audience (promise 2, B1)."""
    driver.contacts.put(1, email="leaves@example.org", phone="+49301")
    driver.contacts.put(2, email="stays@example.org", phone="+49301")
    driver.run()
    driver.contacts.drop(1)
    driver.run()
    assert driver.channel.audiences["audience-1"].keys == driver.wanted_keys()


def test_person_behind_a_shared_key_is_added_again(driver):
    """The channel drops the whole person with the leaver's e-mail, so whoever shares a key with them is sent again (promise 2)."""
    phone, email = ("PHONE", sha("49301")), ("EMAIL", sha("leaves@example.org"))
    driver.channel.population = {phone: "household", email: "household"}
    driver.contacts.put(1, email="leaves@example.org", phone="+49301")
    driver.contacts.put(2, email="stays@example.org", phone="+49301")
    driver.run()
    driver.contacts.drop(1)
    driver.run()
    assert "household" in driver.channel.audiences["audience-1"].persons


def test_changed_phone_takes_the_old_one_out(driver):
    """A removal carries what was sent, not what the contact says today (promise 1, B1)."""
    driver.contacts.put(1, email="a@example.org", phone="+49301")
    driver.run()
    driver.contacts.put(1, email="a@example.org", phone="+49302")
    plan = driver.run()
    assert plan.rows_to_remove == 1
    assert ("PHONE", sha("49301")) not in driver.channel.audiences["audience-1"].keys
    assert driver.channel.audiences["audience-1"].keys == driver.wanted_keys()


def test_removal_that_was_refused_for_one_person_stays_due(driver):
    """The channel takes a removal but for one row: that person is still there, so the next run takes them out (B1, B15)."""
    for number in (1, 2):
        driver.contacts.put(number, email=f"p{number}@example.org")
    driver.run()
    driver.channel.refuse = lambda batch: {0: "row.refused"} if batch.action is Action.REMOVE else {}
    driver.contacts.drop(1)
    driver.contacts.drop(2)
    driver.run()
    driver.channel.refuse = lambda _batch: {}
    assert driver.run().rows_to_remove == 1
    assert driver.channel.audiences["audience-1"].keys == set()


def test_addition_taken_once_and_refused_once_can_be_removed(driver):
    """Somebody sent twice in a run and refused once may be in the audience: whoever leaves then is taken out (promise 1)."""
    driver.contacts.put(1, email="a@example.org")
    plan = driver.draft()
    row = plan.files[0]
    twice = Plan((row, PlanFile(AGAIN, row.path, row.rows)), plan.batch_rows)
    driver.open_plan, driver.acked, driver.refused = twice, {1, 2}, [(1, 0, "row.refused")]
    driver.fold()
    driver.contacts.drop(1)
    assert driver.draft().rows_to_remove == 1


def test_member_without_identifier_is_not_sent_and_not_asked_again(driver):
    """A person whom the channel cannot take is left out, counted, and costs nothing in the next run (B15)."""
    driver.contacts.put(1, first_name="Nobody")
    assert driver.run().batches == ()
    assert driver.run().notes == ()


def test_channel_that_applies_in_its_own_order(tmp_path):
    """Additions of new members who share a key with a leaver are repeated after the removal, where the order is the channel's."""
    driver = Driver(tmp_path, FakeChannel(capabilities=LATER), Contacts())
    driver.contacts.put(1, email="leaves@example.org", phone="+49301")
    driver.run()
    driver.channel.settle(None, None, [])
    driver.contacts.drop(1)
    driver.contacts.put(2, email="new@example.org", phone="+49301")
    plan = driver.run()
    assert [ref.section for ref in plan.batches] == ["removals", "new", "again"]


def test_changed_member_is_sent_once(tmp_path):
    """A changed member goes out and in again after that: one addition is enough, also where the order is the channel's (B3)."""
    driver = Driver(tmp_path, FakeChannel(capabilities=LATER), Contacts())
    driver.contacts.put(1, email="old@example.org", phone="+49301")
    driver.run()
    driver.contacts.put(1, email="new@example.org", phone="+49301")
    assert [ref.section for ref in driver.run().batches] == ["removals", "after"]


def test_identifier_that_a_channel_takes_from_a_later_version_on(driver):
    """A version of ours learns one more identifier: the books of the one before are read, and everybody gets it (B1, B16)."""
    today = driver.channel.capabilities
    shape = today.shapes[Kind.PEOPLE]
    phone = Qualifier("PHONE", ("phone",), hashed=True)
    keys = tuple(key for key in shape.keys if key.name != "phone")
    older = replace(shape, keys=keys, qualifiers=(*shape.qualifiers, phone))
    driver.channel.capabilities = replace(today, shapes={Kind.PEOPLE: older})
    for number in range(3):
        driver.contacts.put(number, email=f"p{number}@example.org", phone=f"+4930{number}")
    driver.run()
    for number in range(3, 6):
        driver.contacts.put(number, email=f"p{number}@example.org", phone=f"+4930{number}")
    cut_off(driver, 1, applied=True)
    driver.channel.capabilities, driver.basis = today, "basis 2"
    driver.contacts.drop(0)
    driver.run()
    assert driver.channel.audiences["audience-1"].keys == driver.wanted_keys()
