"""Where is this person, in audiences that a warehouse fills: asked of our books by e-mail and phone, over real runs."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from connectors.problems import Code
from segsync.actions import asks, removal_work, removals, whereabouts
from segsync.actions.actor import Actor, Refused
from segsync.actions.ask_kinds import WHERE
from segsync.actions.removals import Wish
from segsync.models import Ask, Contact, DataFile, Exclusion, Organization, Person, Sync
from segsync.rules.removal_words import Sort
from segsync.rules.standing import Stands
from segsync.rules.terms import Role
from tests.actions.pushing import die, go
from tests.actions.warehouse_at_hand import Shop, sync_of
from tests.builders import make_contact, make_person, make_workspace


@pytest.fixture
def shop(tmp_path) -> Shop:
    made = Shop(tmp_path / "shop.duckdb")
    made.open()
    return made


@pytest.fixture
def sync(runtime, session, channel, tmp_path, shop) -> Sync:
    """A sync of three customers, each with e-mail and phone, that did not run yet."""
    runtime.settings.warehouse_folders = str(tmp_path)
    return sync_of(session, runtime, f"duckdb://{shop.path}")


@pytest.fixture
def ada(session, sync) -> Actor:
    return Actor.person(session.get_one(Person, sync.owner_id))


@pytest.fixture
def where(runtime, session, ada):
    """The one audience that there is, for a contact, once a worker has answered."""

    def looked(contact: Contact) -> whereabouts.Place:
        session.rollback()
        asked = asks.ask(runtime, session, ada, WHERE, {"contact": contact.id})
        session.commit()
        asks.answer(runtime, asked.id)
        session.expire_all()
        told = session.get_one(Ask, asked.id).answer
        seen = whereabouts.look(runtime, session, ada, session.get_one(Contact, contact.id))
        (place,) = whereabouts.answered(seen, told).places
        session.execute(Ask.__table__.delete())
        session.commit()
        return place

    return looked


def test_customer_of_a_warehouse_is_in_the_audience_since_the_run(runtime, sync, contact, where):
    """An e-mail is enough: in it since when, and by which identifier they were found (B4, B6)."""
    assert (where(contact).standing.stands, where(contact).standing.why) == (Stands.OUT, "not_member")
    go(runtime, sync)
    place = where(contact)
    assert (place.standing.stands, place.standing.keys) == (Stands.IN, ("email",))
    assert place.first_sent == place.last_sent == runtime.clock()


def test_phone_alone_finds_them_and_a_stranger_is_not_in_it(runtime, session, sync, where):
    """Who has another e-mail and phone is told not to be a member; an external id means nothing there (B4, B6)."""
    go(runtime, sync)
    other = make_contact(session, sync.workspace, email="x@example.org", phone="+491510001001")
    stranger = make_contact(session, sync.workspace, email="y@example.org", external_id="1")
    session.commit()
    assert (where(other).standing.stands, where(other).standing.keys) == (Stands.IN, ("phone",))
    assert (where(stranger).standing.stands, where(stranger).standing.why) == (Stands.OUT, "not_member")


def test_who_has_neither_is_told_to_be_unknown(runtime, session, sync, where):
    """Without an e-mail or phone nobody can be found in a warehouse, and nothing is claimed (B4, B6)."""
    go(runtime, sync)
    nameless = make_contact(session, sync.workspace, email=None, external_id="1")
    session.commit()
    assert (where(nameless).standing, where(nameless).nameless) == (None, True)


def test_opt_out_and_exclusion_are_told_for_what_is_in_the_books(runtime, session, sync, contact, where):
    """Whoever is on a list since the last run is due to be taken out, and then is out for that reason (B4, B14)."""
    go(runtime, sync)
    session.add(Exclusion(organization_id=sync.organization_id, kind="email", value="p1@example.org"))
    session.commit()
    assert (where(contact).standing.stands, where(contact).standing.why) == (Stands.REMOVAL_DUE, "excluded")
    go(runtime, sync)
    assert (where(contact).standing.stands, where(contact).standing.why) == (Stands.OUT, "excluded")


def test_who_left_the_warehouse_is_out_after_the_run(runtime, sync, shop, contact, where):
    """Once the warehouse does not name them any more the next run takes them out (B4, B6)."""
    go(runtime, sync)
    shop.run("delete from customers where email = 'p1@example.org'")
    go(runtime, sync)
    assert where(contact).standing.stands is Stands.OUT


def test_who_was_refused_is_told_the_channels_reason(runtime, channel, sync, contact, where):
    """A customer whom the channel did not take is told so, with its reason (B4, B6)."""
    channel.refuse = lambda _batch: dict.fromkeys(range(3), Code.ROW_BAD_FORMAT.value)
    go(runtime, sync)
    told = where(contact).standing
    assert (told.stands, told.code) == (Stands.REFUSED, Code.ROW_BAD_FORMAT.value)


def test_plan_under_way_is_seen(runtime, channel, sync, contact, where):
    """While a run is sending, whoever is in its plan waits (B4, B6)."""
    die(runtime, channel, sync, when="before_push")
    assert where(contact).standing.stands is Stands.WAITING


def test_books_that_cannot_be_read_claim_nothing(runtime, session, sync, contact, where):
    """A file that is missing is said, not taken for nobody (B4)."""
    go(runtime, sync)
    for path in session.scalars(select(DataFile.path).where(DataFile.sort == "ledger")):
        (runtime.ledgers / path).unlink()
    assert (where(contact).standing, where(contact).nameless) == (None, False)


def test_an_erasure_leaves_no_answer_about_the_person(runtime, session, sync, ada, contact):
    """What a worker had found out of somebody goes with them (B5)."""
    asked_id = asks.ask(runtime, session, ada, WHERE, {"contact": contact.id}).id
    grace = Actor.person(make_person(session, sync.workspace.organization, "Grace", Role.PRIMARY_ADMIN))
    wish = Wish(Sort.ERASURE, "asked")
    removal = removals.ask(session, grace, sync.workspace, contact.id, wish, now=runtime.clock())
    session.commit()
    removal_work.work(runtime, removal.id)
    session.expire_all()
    assert session.get(Ask, asked_id) is None
    asks.answer(runtime, asked_id)


def test_only_contacts_of_own_workspaces_are_asked_for(runtime, session, sync, ada):
    """Nobody learns of a person in a workspace that is not theirs (B4)."""
    other = Organization(name="Other", contracted_limit=5)
    session.add(other)
    session.flush()
    elsewhere = make_contact(session, make_workspace(session, other, "Theirs"), email="p1@example.org")
    with pytest.raises(Refused, match="no such contact"):
        asks.ask(runtime, session, ada, WHERE, {"contact": elsewhere.id})
