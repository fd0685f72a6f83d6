"""Runs whose members are read in the customer's own engine: the same promises, and nothing is ever read as empty."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from segsync.actions import warehouse_reading
from segsync.audience.warehouse_readers import Limits, WarehouseProblem
from segsync.audience.warehouses import opened
from segsync.effects import Effect, Effects, Sort
from segsync.models import DataFile, Exclusion, Run, Segment, SegmentMember, SegmentSize, WarehouseSource
from segsync.rules.warehouse_urls import read
from tests.actions.pushing import again, go, keys, open_alerts, start, work
from tests.actions.warehouse_at_hand import CUSTOMERS, Shop, remember_types, sync_of
from tests.builders import make_company, make_contact, make_segment, make_workspace
from tests.fakes import Killed


@pytest.fixture
def shop(tmp_path, runtime):
    """Three customers."""
    runtime.settings.warehouse_folders = str(tmp_path)
    made = Shop(tmp_path / "shop.duckdb")
    made.open()
    return made


@pytest.fixture
def sync(runtime, session, channel, shop):
    return sync_of(session, runtime, f"duckdb://{shop.path}")


def test_the_first_run_fills_the_audience(runtime, channel, sync):
    """Three customers of the warehouse are in the audience, each with e-mail and phone (B6)."""
    run = go(runtime, sync)
    assert (run.state, run.rows_added, run.members) == ("done", 3, 3)
    assert len(keys(channel)) == 6
    assert again(runtime, sync).members_held == 3


def test_nothing_changed_means_nothing_is_sent(runtime, channel, sync):
    """A warehouse that is as it was costs the channel no request (B6)."""
    go(runtime, sync)
    sent = len(channel.pushed)
    run = go(runtime, sync)
    assert (run.unchanged_members, len(channel.pushed)) == (3, sent)


def test_who_stays_is_renewed_in_time(runtime, channel, clock, sync):
    """Members of a warehouse are sent again before the channel forgets them, as contacts are (promise 7, B6)."""
    go(runtime, sync)
    clock.forward(days=25)
    run = go(runtime, sync)
    assert (run.state, run.problem_code, run.renewed_members) == ("done", None, 3)


def test_only_changes_travel(runtime, channel, shop, sync):
    """Who came, changed or left in the warehouse is sent, and nobody else (B6, B1)."""
    go(runtime, sync)
    shop.run(
        "insert into customers values (9, 'new@example.org', null, 'yes')",
        "update customers set email = 'moved@example.org' where id = 1",
        "delete from customers where id = 2",
    )
    run = go(runtime, sync)
    assert (run.new_members, run.changed_members, run.gone_members, run.unchanged_members) == (1, 1, 1, 1)
    assert len(keys(channel)) == 5


def test_who_says_no_anywhere_is_taken_out(runtime, session, channel, shop, sync):
    """An opt-out in the warehouse takes somebody out, and so does one recorded here for the same e-mail or phone (B5, B6)."""
    go(runtime, sync)
    shop.run("update customers set subscribed = 'no' where id = 0")
    make_contact(session, sync.workspace, email="p1@example.org", subscription="no")
    session.commit()
    run = go(runtime, sync)
    assert (run.rows_removed, run.skipped["not_subscribed"]) == (2, 2)
    assert len(keys(channel)) == 2


def test_who_opted_out_in_another_workspace_is_not_sent(runtime, session, channel, sync):
    """An opt-out holds for the person in the whole organization, and a consent that was denied in its own workspace (B30, B6)."""
    elsewhere = make_workspace(session, sync.workspace.organization, "North")
    make_contact(session, elsewhere, email="p1@example.org", subscription="no")
    make_contact(session, elsewhere, email="p2@example.org", ad_user_data="denied")
    session.commit()
    run = go(runtime, sync)
    assert (run.rows_added, run.skipped["not_subscribed"]) == (2, 1)


def test_exclusion_lists_hold_for_members_of_a_warehouse(runtime, session, channel, shop, sync):
    """Whose e-mail, phone or domain is on a list of the organization is not sent from a warehouse either (B14, B6)."""
    shop.run("insert into customers values (9, 'new@rival.example', null, 'yes')")
    organization, ended = sync.organization_id, ("domain", "example.org", runtime.clock())
    listed = [("email", "p0@example.org", None), ("phone", "+491510001001", None), ("domain", "rival.example", None)]
    session.add_all(
        [Exclusion(organization_id=organization, kind=k, value=v, ends_at=e) for k, v, e in [*listed, ended]]
    )
    session.commit()
    run = go(runtime, sync)
    assert (run.rows_added, run.skipped["excluded"]) == (1, 3)


def test_companies_and_segments_on_a_list_hold_for_a_warehouse(runtime, session, channel, shop, sync):
    """Who has a listed company's domain, works there, or is in a listed segment is not sent from a warehouse (B14, B6)."""
    shop.run("insert into customers values (9, 'new@rival.example', null, 'yes'), (10, 'x@gmail.com', null, 'yes')")
    make_company(session, sync.workspace, name="Rival", company_domain="rival.example")
    boss = make_company(session, sync.workspace, name="One Man", company_domain="gmail.com")
    make_contact(session, sync.workspace, email="p0@example.org", company_id=boss.id)
    listed = make_segment(session, sync.workspace, "Employees")
    member = make_contact(session, sync.workspace, phone="+491510001001")
    session.add(SegmentMember(segment_id=listed.id, member_id=member.id))
    named = [("company", "rival", None), ("company", "one man", None), ("segment", str(listed.id), listed.id)]
    session.add_all(
        [Exclusion(organization_id=sync.organization_id, kind=k, value=v, segment_id=s) for k, v, s in named]
    )
    session.commit()
    run = go(runtime, sync)
    assert (run.rows_added, run.skipped["excluded"]) == (2, 3)


def test_whoever_shares_a_phone_with_a_leaver_keeps_it(runtime, channel, shop, sync):
    """Somebody who stays is never taken out with somebody who leaves (promise 2, B6)."""
    shop.run("update customers set phone = '+491510009999' where id in (0, 1)")
    go(runtime, sync)
    shop.run("delete from customers where id = 0")
    run = go(runtime, sync)
    assert (run.state, run.again_members) == ("done", 1)
    assert len(keys(channel)) == 4


def test_cells_left_out_are_on_the_run(runtime, session, channel, shop, sync):
    """A cell that is not in its declared form is left out and counted, not its member (B6, B15)."""
    shop.run(
        "update customers set email = 'P0@Example.org' where id = 0", "update customers set phone = '0151' where id = 1"
    )
    run = go(runtime, sync)
    assert (run.rows_added, run.cursor["unclean"]) == (3, {"email": 1, "phone": 1})


class DiesWriting(Effects):
    """The worker ends as soon as the first file of a run lies on the disk."""

    def after(self, effect: Effect) -> None:
        if effect.sort is Sort.FILE:
            raise Killed


def test_a_worker_that_dies_while_reading_leaves_nothing_behind(runtime, session, channel, shop, sync):
    """The next worker asks the warehouse again, and the audience is right (B1, B6)."""
    run = start(runtime, sync)
    with pytest.raises(Killed):
        work(replace(runtime, effects=DiesWriting()), run)
    assert session.scalar(select(func.count()).select_from(DataFile)) == 0
    assert work(runtime, run).rows_added == 3


def test_a_large_segment_is_read_to_its_end_in_one_slice(runtime, channel, shop, sync):
    """A warehouse is asked once in a run, however many windows it takes (B6)."""
    shop.run("insert into customers select n, 'q' || n || '@example.org', null, 'yes' from range(100, 150) as r(n)")
    runtime.settings.window_rows, runtime.settings.slice_seconds = 7, 0.001
    run = start(runtime, sync)
    work(runtime, run, 6)
    runtime.settings.slice_seconds = 10
    run = work(runtime, run)
    assert (run.state, run.members, len(keys(channel))) == ("done", 53, 56)


# -- what can go wrong -----------------------------------------------------------------------------------------

BROKEN = "select id, email, case when id = 59999 then error('a disk died') else phone end as phone, subscribed from customers"


@pytest.mark.parametrize(
    ("code", "change", "query"),
    [
        ("warehouse.column_gone", "alter table customers rename column phone to mobile", "select * from customers"),
        ("warehouse.type_changed", "alter table customers alter column id type varchar", CUSTOMERS),
        ("warehouse.query", "drop table customers", CUSTOMERS),
        ("warehouse.no_key", "update customers set id = null where id = 1", CUSTOMERS),
        ("warehouse.key_twice", "insert into customers select * from customers where id = 1", CUSTOMERS),
        ("warehouse.broke", "insert into customers select n, 'x', null, 'yes' from range(10, 60000) as r(n)", BROKEN),
    ],
    ids=lambda value: value if value.startswith("warehouse.") else "",
)
def test_what_goes_wrong_in_a_warehouse_sends_nothing_and_loses_nothing(
    runtime, session, channel, shop, sync, code, change, query
):
    """The run fails with an alert that says what to do; nobody is removed, and the next good run goes on (B6, B2)."""
    go(runtime, sync)
    sent, before = len(channel.pushed), keys(channel)
    shop.run("create table kept as select * from customers", change)
    source = session.get_one(WarehouseSource, sync.segment_id)
    source.query = query
    session.commit()
    assert go(runtime, sync).problem_code == code
    assert [alert.code for alert in open_alerts(runtime)] == [code]
    assert (len(channel.pushed), keys(channel)) == (sent, before)
    shop.run("create or replace table customers as select * from kept")
    source.query = CUSTOMERS
    session.commit()
    remember_types(session, runtime, session.get_one(Segment, sync.segment_id))
    assert (go(runtime, sync).state, open_alerts(runtime), len(channel.pushed)) == ("done", [], sent)


def test_a_warehouse_that_cannot_be_reached_is_never_read_as_empty(runtime, channel, shop, sync):
    """warehouse.unreachable: the sync fails and is tried again by itself; nobody is taken out (B2, B6)."""
    go(runtime, sync)
    before = keys(channel)
    shop.path.rename(shop.path.with_suffix(".away"))
    assert go(runtime, sync).problem_code == "warehouse.unreachable"
    assert again(runtime, sync).detail == "trying again"
    assert keys(channel) == before
    shop.path.with_suffix(".away").rename(shop.path)
    assert (go(runtime, sync).state, open_alerts(runtime)) == ("done", [])


def test_a_folder_that_nobody_listed_is_off_limits(runtime, channel, shop, sync):
    """warehouse.off_limits: only files of listed folders are read, whatever is typed (B6)."""
    runtime.settings.warehouse_folders = "/srv/elsewhere"
    assert go(runtime, sync).problem_code == "warehouse.off_limits"
    assert keys(channel) == set()


def test_a_warehouse_that_is_too_slow_is_broken_off(runtime, session, channel, shop, sync):
    """warehouse.slow: an engine that takes for ever ends with its time, and nothing is sent (B6)."""
    source = session.get_one(WarehouseSource, sync.segment_id)
    endless = (
        "select a.range + b.range as id from range(1000000) as a, range(1000000) as b where hash(a.range, b.range) = 1"
    )
    source.query = f"select id, email, phone, subscribed from customers where id not in ({endless})"
    session.commit()
    runtime.settings.warehouse_seconds = 2
    assert go(runtime, sync).problem_code == "warehouse.slow"
    assert keys(channel) == set()


def test_an_engine_that_is_not_installed_is_said_to_be_so():
    """warehouse.not_offered: a connection from another installation says what is missing (B6)."""
    limits = Limits(hosts=["local[2]"], folders=[], seconds=10, engines=("duckdb",))
    with pytest.raises(WarehouseProblem) as found, opened(read("pyspark://?spark.master=local[2]"), limits):
        pass
    assert found.value.code == "warehouse.not_offered"


def test_one_warehouse_is_one_alert(runtime, session, channel, shop, sync):
    """A warehouse that is down is one incident, however many syncs read through it (S13, B6)."""
    runtime.settings.warehouse_folders = ""
    go(runtime, sync)
    (alert,) = open_alerts(runtime)
    connection = session.get_one(WarehouseSource, sync.segment_id).connection_id
    assert alert.cause == f"warehouse:{connection}:warehouse.off_limits"


# -- looking ---------------------------------------------------------------------------------------------------


def test_a_look_counts_members_and_who_can_be_reached(runtime, session, channel, shop, sync):
    """The segment knows its size over time, and how many of its members each channel can be sent (B6, S8)."""
    shop.run(
        "update customers set subscribed = 'no' where id = 0",
        "update customers set email = '', phone = null where id = 1",
    )
    warehouse_reading.look(runtime, sync.segment_id)
    session.expire_all()
    source = session.get_one(WarehouseSource, sync.segment_id)
    assert session.get_one(Segment, sync.segment_id).size == 3
    figures = {name: source.figures[f"meta_{name}"] for name in ("usable", "unsubscribed", "email", "phone")}
    assert figures == {"usable": 1, "unsubscribed": 1, "email": 1, "phone": 1}
    assert session.scalar(select(func.count()).select_from(SegmentSize)) == 2


def test_what_is_seen_of_people_is_sealed(runtime, session, sync):
    """The few rows that are shown lie sealed in the database (B6)."""
    source = session.get_one(WarehouseSource, sync.segment_id)
    assert "p0@example.org" in runtime.vault.open(source.sample_sealed)
    assert "example.org" not in source.sample_sealed


def test_a_look_that_fails_is_kept_with_its_reason(runtime, session, shop, sync):
    """Whoever looks at the segment reads why its warehouse could not be asked (B6)."""
    shop.run("drop table customers")
    warehouse_reading.look(runtime, sync.segment_id)
    session.expire_all()
    source = session.get_one(WarehouseSource, sync.segment_id)
    assert source.problem_code == "warehouse.query"
    assert "customers" in source.problem_raw
    assert session.get_one(Segment, sync.segment_id).size == 3
    assert session.scalar(select(func.count()).select_from(Run)) == 0


# -- PostgreSQL ------------------------------------------------------------------------------------------------


@pytest.fixture
def in_postgres(runtime, session, channel, servers, database_url):
    """The same customers in a schema of a PostgreSQL."""
    runtime.settings.warehouse_hosts = str(servers.postgres.sockets)
    session.connection().exec_driver_sql(
        "create schema shop; create table shop.customers as select n as id, 'p' || n || '@example.org' as email, "
        "'+49151000' || (1000 + n) as phone, n >= 0 as subscribed from generate_series(0, 2) n"
    )
    session.commit()
    return sync_of(session, runtime, database_url, "postgres", query="shop.customers")


def test_members_come_from_postgresql(runtime, session, channel, in_postgres):
    """The whole life of a sync from a table in PostgreSQL: added, unchanged, changed, gone (B6)."""
    assert go(runtime, in_postgres).rows_added == 3
    session.connection().exec_driver_sql(
        "delete from shop.customers where id = 0; update shop.customers set subscribed = false where id = 1"
    )
    session.commit()
    run = go(runtime, in_postgres)
    assert (run.state, run.rows_removed, run.unchanged_members) == ("done", 2, 1)
    assert len(keys(channel)) == 2


def test_a_sign_in_that_no_longer_works_waits_for_an_administrator(runtime, session, channel, servers, in_postgres):
    """warehouse.signin: the sync waits, and the alert says that the connection's sign-in is refused (B6, S15)."""
    connection = session.get_one(WarehouseSource, in_postgres.segment_id).connection
    connection.url_sealed = runtime.vault.seal(f"postgresql://nobody@/shop?host={servers.postgres.sockets}")
    session.commit()
    assert go(runtime, in_postgres).problem_code == "warehouse.signin"
    assert again(runtime, in_postgres).detail == "needs a person"


def test_a_machine_that_is_not_public_is_off_limits(runtime, session, channel, in_postgres):
    """An address that somebody typed reaches no machine behind our walls, unless the operator lists it (B6)."""
    for host in ("127.0.0.1", "169.254.169.254", "10.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "localhost"):
        connection = session.get_one(WarehouseSource, in_postgres.segment_id).connection
        connection.url_sealed = runtime.vault.seal(f"postgresql://reader@{host}/shop")
        session.commit()
        assert warehouse_reading.test(runtime, connection.id) == {"problem": "warehouse.off_limits"}


def test_nothing_can_be_written_there(runtime, session, channel, in_postgres):
    """Even a function that writes cannot: the transaction only reads (B6)."""
    session.connection().exec_driver_sql(
        "create function shop.wipe() returns int language plpgsql as "
        "$$ begin delete from shop.customers; return 1; end $$"
    )
    session.get_one(
        WarehouseSource, in_postgres.segment_id
    ).query = "select id, email, phone, subscribed from shop.customers where shop.wipe() = 1"
    session.commit()
    assert go(runtime, in_postgres).state == "failed"
    assert session.connection().exec_driver_sql("select count(*) from shop.customers").scalar() == 3
