"""Members read from a Spark of two worker processes, as from any other engine."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from segsync.audience.engines import ENGINES
from segsync.audience.warehouse_members import Making, Wanted
from segsync.audience.warehouse_readers import Limits, WarehouseProblem
from segsync.audience.warehouse_stage import stage
from segsync.audience.warehouses import opened
from segsync.rules.warehouse_forms import Columns, Meaning
from segsync.rules.warehouse_queries import checked
from segsync.rules.warehouse_urls import read
from tests.audience.conftest import SPARK
from tests.audience.engines_at_hand import InSpark

pytestmark = SPARK
MASTER = "local-cluster[2,1,768]"
ANYBODY = Meaning(unknown_subscription_counts=True, unknown_consent_counts=True)
NOBODY = pa.table({"digest": pa.array([], pa.string()), "why": pa.array([], pa.int32())})


@pytest.fixture
def warehouse(spark):
    """25,000 customers in Spark."""
    ids = pa.array(range(25_000), pa.int64())
    emails = pa.array([f"p{n}@example.org" for n in range(25_000)])
    InSpark(spark).lay("customers", pa.table({"id": ids, "email": emails}))
    limits = Limits(hosts=[MASTER], folders=[], seconds=300, engines=tuple(ENGINES))
    with opened(read(f"pyspark://?spark.master={MASTER}"), limits) as made:
        yield made


def test_members_come_from_spark(warehouse, tmp_path):
    """A query in Spark gives its columns and then everybody once, by its own words for names and types (B6)."""
    query = checked("select id, email from customers where id < 24000", "spark")
    assert warehouse.schema(query) == {"id": "int64", "email": "string"}
    wanted = Wanted(Columns(("id",), {"email": "email"}), ("email",))
    with stage(tmp_path) as made:
        making = Making(wanted, ANYBODY, "secret", date(2026, 11, 26))
        made.lay(warehouse.stream(wanted.sql(warehouse.engine, query)), making, NOBODY)
        assert made.window(-1, 100_000).num_rows == 24_000
        assert made.unclean == {}


def test_spark_says_what_it_does_not_understand(warehouse):
    """A table that is not there is a query to be corrected, in Spark's own words (B6)."""
    with pytest.raises(WarehouseProblem) as found:
        warehouse.schema("select * from nowhere")
    assert found.value.code == "warehouse.query"
    assert "nowhere" in found.value.raw


def test_what_breaks_in_the_middle_gives_nothing(warehouse):
    """An engine that fails on its way is never taken for one with fewer members (B2, B6)."""
    broken = "select id, case when id = 20000 then raise_error('a disk died') else email end as email from customers"
    with pytest.raises(WarehouseProblem) as found:
        list(warehouse.stream(f"select cast(id as string) as k, cast(email as string) as e from ({broken}) as asked"))
    assert found.value.code == "warehouse.broke"
