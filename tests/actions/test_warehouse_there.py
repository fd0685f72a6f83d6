"""Runs whose members are compared in the customer's own engine: only changes travel, and what is sent is what streaming would send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from segsync.actions import warehouse_reading
from segsync.models import Exclusion, Organization, Run, Sync, WarehouseSource
from tests.actions.pushing import again, go, keys, let_go, open_alerts, start, work
from tests.actions.warehouse_at_hand import (
    SCHEMA,
    There,
    connect,
    in_duckdb,
    in_postgres,
    name_schema,
    remember_types,
    segment_in,
    told,
)
from tests.builders import make_contact, make_sync, make_workspace
from tests.fakes import Killed


@pytest.fixture(params=["duckdb", "postgres"])
def there(request, tmp_path, runtime, session, channel, servers, database_url) -> There:
    """Three customers, compared where they are."""
    made = (
        in_duckdb(tmp_path, session, runtime)
        if request.param == "duckdb"
        else in_postgres(session, runtime, servers, database_url)
    )
    name_schema(session, made.sync)
    return made


def test_only_changes_leave_the_engine(there, runtime, channel):
    """Who came, changed or left is told in the engine, and nobody else travels; the mirror follows the ledger (B6)."""
    first = go(runtime, there.sync)
    assert (first.state, told(first)["there"], told(first)["rows"]) == ("done", True, 3)
    there.say(
        "insert into customers values (9, 'new@example.org', null, 'yes')",
        "update customers set email = 'moved@example.org' where id = 1",
        "delete from customers where id = 2",
    )
    run = go(runtime, there.sync)
    assert (run.new_members, run.changed_members, run.gone_members, run.unchanged_members, run.members) == (
        1,
        1,
        1,
        1,
        3,
    )
    assert (told(run)["there"], told(run)["read"], told(run)["rows"]) == (True, 3, 3)
    third = go(runtime, there.sync)
    assert (told(third)["rows"], third.unchanged_members, len(keys(channel))) == (0, 3, 5)
    assert len(there.tables()) == 1


def test_of_a_segment_that_did_not_change_a_count_travels(there, runtime, channel):
    """However many members are as before, what leaves the engine is a few numbers (B6)."""
    channel.capabilities = replace(channel.capabilities, batch_rows=5_000)
    more = {"duckdb": "range(10, 1000) r(n)", "postgres": "generate_series(10, 999) n"}[there.engine]
    there.say(f"insert into customers select n, 'p' || n || '@example.org', null, 'yes' from {more}")
    first, second = go(runtime, there.sync), go(runtime, there.sync)
    sent, third = len(channel.pushed), go(runtime, there.sync)
    assert (third.unchanged_members, third.members, len(channel.pushed)) == (993, 993, sent)
    assert told(first)["bytes"] > 100_000
    assert told(third)["bytes"] < 500
    assert told(third).get("laid_down", 0) == 0 < told(second)["laid_down"] < told(first)["bytes"]


# -- where it cannot be done there -----------------------------------------------------------------------------------


def test_without_the_right_members_are_streamed(there, runtime, session, channel):
    """A schema that we may not write in costs nothing but rows that travel, and the run says so (B6)."""
    go(runtime, there.sync)
    there.say(f"drop schema {SCHEMA} cascade", "delete from customers where id = 2")
    run = go(runtime, there.sync)
    assert (run.state, run.gone_members, run.unchanged_members) == ("done", 1, 2)
    assert (told(run)["there"], told(run)["why"], len(keys(channel))) == (False, "warehouse.schema", 4)


def test_the_test_of_a_connection_says_what_is_missing(session, runtime, channel, servers, database_url):
    """A schema is tried by writing, reading and dropping a table in it; what PostgreSQL says stands beside the connection (B6)."""
    made = in_postgres(session, runtime, servers, database_url)
    connection = name_schema(session, made.sync)
    reader = f"reader_{database_url.partition('?')[0].rpartition('/')[2]}"
    connection.url_sealed = runtime.vault.seal(database_url.replace("//segsync@", f"//{reader}@"))
    made.say(f"create role {reader} login", f"grant select on customers to {reader}")
    assert warehouse_reading.test(runtime, connection.id) == {"problem": "warehouse.schema"}
    session.refresh(connection)
    assert "permission denied" in connection.problem_raw
    made.say(f"grant usage, create on schema {SCHEMA} to {reader}")
    assert (warehouse_reading.test(runtime, connection.id), made.tables()) == ({"problem": ""}, [])
    assert told(go(runtime, made.sync))["there"]


def test_a_schema_that_is_no_longer_named_is_not_used(shop, runtime, session, channel):
    """Going from one way to the other sends nobody anew, in either direction (B6)."""
    go(runtime, shop.sync)
    sent = len(channel.pushed)
    name_schema(session, shop.sync, "")
    here = go(runtime, shop.sync)
    name_schema(session, shop.sync)
    back = go(runtime, shop.sync)
    assert [told(run)["there"] for run in (here, back)] == [False, True]
    assert [run.unchanged_members for run in (here, back)] == [3, 3]
    assert len(channel.pushed) == sent


def test_an_engine_that_dies_half_way_sends_nothing(there, runtime, session, channel):
    """What breaks in the middle there breaks here too; nobody is taken for gone (B2, B6)."""
    go(runtime, there.sync)
    before = keys(channel)
    breaks = {"duckdb": "error('a disk died')", "postgres": "(1 / (id - id))::text"}[there.engine]
    source = session.get_one(WarehouseSource, there.sync.segment_id)
    source.query = (
        f"select id, email, case when id = 2 then {breaks} else phone end as phone, subscribed from customers"
    )
    session.commit()
    assert go(runtime, there.sync).problem_code == "warehouse.broke"
    assert keys(channel) == before


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("warehouse.no_key", "update customers set id = null where id = 1"),
        ("warehouse.key_twice", "insert into customers select * from customers where id = 1"),
    ],
)
def test_keys_are_checked_there_too(shop, runtime, channel, code, change):
    """Rows without a key, or two with one, stop the run wherever it compares (B6)."""
    go(runtime, shop.sync)
    shop.say(change)
    assert go(runtime, shop.sync).problem_code == code
    assert len(keys(channel)) == 6


def test_nothing_that_people_ask_can_write(session, runtime, channel, servers, database_url):
    """Although tables of ours are written, what a query calls runs where nothing can be (B6)."""
    made = in_postgres(session, runtime, servers, database_url)
    name_schema(session, made.sync)
    made.say(
        "create function wipe() returns int language plpgsql as $$ begin delete from customers; return 1; end $$",
    )
    source = session.get_one(WarehouseSource, made.sync.segment_id)
    source.query = "select id, email, phone, subscribed from customers where wipe() = 1"
    session.commit()
    assert go(runtime, made.sync).state == "failed"
    assert made.say("select count(*) from customers") == [(3,)]


# -- the promises ----------------------------------------------------------------------------------------------------


def test_opt_outs_and_lists_are_applied_last_there_too(shop, runtime, session, channel):
    """Who said no, here or there, or is on a list is taken out although nothing changed in the warehouse (B5, B14, B6)."""
    go(runtime, shop.sync)
    shop.say("update customers set subscribed = 'no' where id = 0")
    make_contact(session, shop.sync.workspace, email="p1@example.org", subscription="no")
    session.add(Exclusion(organization_id=shop.sync.organization_id, kind="phone", value="+491510001002"))
    session.commit()
    let_go(runtime, shop.sync.id)
    run = go(runtime, shop.sync)
    assert (told(run)["there"], run.gone_members, run.members) == (True, 3, 3)
    assert (run.skipped["not_subscribed"], run.skipped["excluded"], keys(channel)) == (2, 1, set())
    assert told(run)["laid_down"] > 0


def test_whoever_shares_a_phone_with_a_leaver_keeps_it_there_too(shop, runtime, channel):
    """Somebody who stays is sent again, whole, after the removal, asked for in the engine (promise 2, B6)."""
    shop.say("update customers set phone = '+491510009999' where id in (0, 1)")
    go(runtime, shop.sync)
    shop.say("delete from customers where id = 0")
    run = go(runtime, shop.sync)
    assert (run.state, run.again_members, len(keys(channel))) == ("done", 1, 4)


def test_cells_left_out_are_counted_there_too(shop, runtime, channel):
    """A cell that is not in its declared form is left out and counted, not its member (B6, B15)."""
    shop.say("update customers set email = 'P0@Example.org' where id = 0")
    run = go(runtime, shop.sync)
    assert (run.rows_added, run.cursor["unclean"], open_alerts(runtime)) == (3, {"email": 1}, [])


# -- both ways are one -----------------------------------------------------------------------------------------------

PEOPLE = st.integers(0, 5)
CHANGES = st.one_of(
    st.tuples(
        st.just("put"),
        PEOPLE,
        st.sampled_from([*(f"'e{n}@example.org'" for n in range(3)), "'E1@Example.org'", "null"]),
        st.sampled_from(["'+4930000001'", "'+4930000002'", "'030 1'", "null"]),
        st.sampled_from(["'yes'", "'no'", "null"]),
    ),
    st.tuples(st.just("drop"), PEOPLE),
)
HISTORIES = st.lists(st.tuples(st.lists(CHANGES, min_size=1, max_size=4), st.integers(0, 4)), min_size=1, max_size=2)


@pytest.fixture
def both(there, runtime, session) -> tuple[Sync, Sync]:
    """Two syncs of the same customers, to an audience each: one is compared there, the other here."""
    organization = there.sync.organization_id
    here = connect(session, runtime, organization, there.url, there.engine, name="The same")
    main = make_workspace(session, session.get_one(Organization, organization), "Other")
    segment = segment_in(session, main, here)
    made = make_sync(session, segment, there.sync.integration, account_id="act-2", was_synced=False, in_step_since=None)
    session.commit()
    remember_types(session, runtime, segment)
    return there.sync, made


def apply(there: There, change: tuple) -> None:
    """Does one thing in the warehouse."""
    there.say(f"delete from customers where id = {change[1]}")
    if change[0] == "put":
        there.say(f"insert into customers values ({', '.join(str(part) for part in change[1:])})")


def interrupted(runtime, channel, sync: Sync, batches: int) -> Run:
    """A run whose worker dies at a batch, if it has as many, and that another one ends."""
    left = [batches]

    def maybe_die(_batch) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    let_go(runtime, sync.id)
    run = start(runtime, sync)
    channel.before_push = maybe_die
    try:
        return work(runtime, run)
    except Killed:
        channel.before_push = lambda _batch: None
        return work(runtime, run)
    finally:
        channel.before_push = lambda _batch: None


def figures(run: Run) -> list[Any]:
    """What a run comes to."""
    counted = (run.members, run.new_members, run.changed_members, run.gone_members, run.unchanged_members)
    return [run.state, *counted, run.skipped, run.cursor.get("unclean")]


@pytest.mark.property
@settings(
    max_examples=5, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(history=HISTORIES)
def test_both_ways_send_the_same(there, both, runtime, channel, history):
    """Whatever happened in the warehouse, and wherever a worker died: what is compared there is what is compared here (B6, B1)."""
    for changes, batches in history:
        for change in changes:
            apply(there, change)
        runs = [interrupted(runtime, channel, sync, batches) for sync in both]
        assert figures(runs[0]) == figures(runs[1])
        assert [told(run)["there"] for run in runs] == [True, False]
        audiences = [channel.audiences[again(runtime, sync).audience_id].keys for sync in both]
        assert audiences[0] == audiences[1]
