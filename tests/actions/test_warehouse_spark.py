"""A whole sync whose members are in Spark, compared there by two worker processes: what travels is what changed."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from segsync.models import Sync
from tests.actions.pushing import go, keys
from tests.actions.warehouse_at_hand import SCHEMA, name_schema, sync_of, told
from tests.audience.conftest import SPARK
from tests.audience.engines_at_hand import InSpark

pytestmark = SPARK
MASTER = "local-cluster[2,1,768]"
MANY = 20_000
TABLES = count(1)


def customers(spark, emails: dict[int, str]) -> None:
    """Whoever is in Spark now, in a table that its workers read."""
    phones = [f"+49151{1_000_000 + number}" for number in emails]
    rows = {"id": list(emails), "email": list(emails.values()), "phone": phones, "subscribed": ["yes"] * len(emails)}
    table = f"people_{next(TABLES)}"
    InSpark(spark).lay("coming", pa.table(rows))
    spark.sql(f"create table {table} using parquet as select * from coming")
    spark.sql(f"create or replace temp view customers as select * from {table}")


def results(spark) -> int:
    """Bytes that executors gave back so far, by the event log."""
    folder = Path(urlsplit(spark.conf.get("spark.eventLog.dir")).path)
    lines = [line for file in folder.rglob("*") if file.is_file() for line in file.read_text().splitlines()]
    ends = [json.loads(line) for line in lines if '"SparkListenerTaskEnd"' in line]
    return sum(end["Task Metrics"]["Result Size"] for end in ends if end.get("Task Metrics"))


@pytest.fixture
def in_spark(spark, runtime, session, channel) -> Sync:
    """20,000 customers in Spark, and a schema for us."""
    runtime.settings.warehouse_hosts = MASTER
    channel.capabilities = replace(channel.capabilities, batch_rows=5_000)
    spark.sql(f"create schema if not exists {SCHEMA}")
    customers(spark, {number: f"p{number}@example.org" for number in range(MANY)})
    made = sync_of(session, runtime, f"pyspark://?spark.master={MASTER}", "spark")
    name_schema(session, made)
    return made


def test_a_whole_sync_from_spark(spark, runtime, channel, in_spark):
    """Added, unchanged, changed and gone are told in Spark; its event log shows how little comes back (B6)."""
    emails = {number: f"p{number}@example.org" for number in range(MANY)}
    moments = [results(spark)]
    first, second = (_run(runtime, in_spark, spark, moments) for _ in range(2))
    assert (told(first)["there"], told(second)["there"], told(second)["bytes"] < 500) == (True, True, True)
    assert (first.rows_added, second.unchanged_members) == (MANY, MANY)
    whole, unchanged = (after - before for before, after in pairwise(moments))
    assert unchanged < whole / 10
    del emails[3]
    customers(spark, {**emails, 1: "moved@example.org", MANY: "new@example.org"})
    last = _run(runtime, in_spark, spark, moments)
    assert (last.new_members, last.changed_members, last.gone_members) == (1, 1, 1)
    assert (told(last)["rows"], len(keys(channel))) == (3, 2 * MANY)


def _run(runtime, sync, spark, moments):
    run = go(runtime, sync)
    assert (run.state, run.problem_code, run.cursor["warehouse"].get("why")) == ("done", None, None)
    moments.append(results(spark))
    return run
