"""What lies in the customer's engine for the comparison: numbers that say nothing by themselves, and count only where they are what our ledger has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from segsync.audience import mirrors
from segsync.effects import Effect, Effects, Sort
from segsync.models import Ledger
from tests.actions.pushing import again, go, keys, let_go, start, work
from tests.actions.warehouse_at_hand import SCHEMA, There, told
from tests.fakes import Killed


def test_no_value_and_no_hash_is_laid_down_there(shop, runtime):
    """What lies in the schema is numbers that nobody can read without us: of members, of changes, of states (B6)."""
    go(runtime, shop.sync)
    go(runtime, shop.sync)
    columns = shop.say(
        f"select column_name, data_type from information_schema.columns where table_schema = '{SCHEMA}' order by 1"
    )
    assert [(name, kind.lower()) for name, kind in columns] == [
        ("change_no", "bigint"),
        ("member", "bigint"),
        ("state", "bigint"),
    ]
    assert shop.say(f"select count(*) from {shop.mirror()}") == [(3,)]


def cut_short(there: There) -> None:
    """Some of it is gone."""
    there.say(f"delete from {there.mirror()} where state = 0 and member = (select max(member) from {there.mirror()})")


def of_another(there: There) -> None:
    """It has as many members, but others."""
    there.say(f"update {there.mirror()} set member = member + 1")


def gone(there: There) -> None:
    """Somebody dropped it."""
    there.say(f"drop table {there.mirror()}")


@pytest.mark.parametrize("spoil", [cut_short, of_another, gone])
def test_a_mirror_that_is_not_what_it_should_be_is_written_anew(shop, runtime, channel, spoil):
    """Cut short, another sync's, or gone: it is written anew from our ledger, and the audience is right (B6, B1)."""
    go(runtime, shop.sync)
    go(runtime, shop.sync)
    spoil(shop)
    shop.say("delete from customers where id in (1, 2)", "update customers set phone = null where id = 0")
    let_go(runtime, shop.sync.id)
    run = go(runtime, shop.sync)
    assert (run.changed_members, run.gone_members, told(run)["there"]) == (1, 2, True)
    assert len(keys(channel)) == 1
    assert shop.say(f"select count(*) from {shop.mirror()}") == [(3,)]


def test_a_mirror_of_an_earlier_ledger_gets_the_difference_only(shop, runtime, channel, session):
    """What a run sent is laid down beside the next one, and nothing else is (B6)."""
    shop.say("insert into customers select n, 'p' || n || '@example.org', null, 'yes' from range(10, 60) r(n)")
    go(runtime, shop.sync)
    whole = told(go(runtime, shop.sync))["laid_down"]
    shop.say("update customers set phone = '+491510009999' where id = 1")
    go(runtime, shop.sync)
    run = go(runtime, shop.sync)
    assert 0 < told(run)["laid_down"] < whole / 10
    newest = session.scalars(select(Ledger.id).order_by(Ledger.id.desc()).limit(1)).one()
    assert [mirror.ledger for mirror in mirrors.found(shop.tables())] == [newest]


def test_a_mirror_without_its_ledger_is_no_help(shop, runtime, session, channel):
    """Where the books are begun anew, everybody travels, and nobody is taken for known (B17, B6)."""
    go(runtime, shop.sync)
    go(runtime, shop.sync)
    session.get_one(Ledger, again(runtime, shop.sync).ledger_id).basis = "other rules"
    session.commit()
    run = go(runtime, shop.sync)
    assert (told(run)["rows"], run.changed_members + run.unchanged_members) == (3, 3)


class DiesLayingDown(Effects):
    """The worker ends before or after a table is written there."""

    def __init__(self, *, after: bool) -> None:
        self.end_after = after

    def before(self, effect: Effect) -> None:
        if effect.sort is Sort.WAREHOUSE and not self.end_after:
            raise Killed

    def after(self, effect: Effect) -> None:
        if effect.sort is Sort.WAREHOUSE and self.end_after:
            raise Killed


@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_writing_there_leaves_the_audience_right(shop, runtime, channel, after):
    """Whatever lies in the schema then, the next run's audience is the segment (B1, B6)."""
    go(runtime, shop.sync)
    shop.say("delete from customers where id = 2")
    run = start(runtime, shop.sync)
    with pytest.raises(Killed):
        work(replace(runtime, effects=DiesLayingDown(after=after)), run)
    run = work(runtime, run)
    assert (run.state, run.gone_members, len(keys(channel))) == ("done", 1, 4)
