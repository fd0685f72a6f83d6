"""The engines that warehouses run on, started once."""

from __future__ import annotations

import pytest

from segsync.audience.engines import ENGINES
from tests.audience.engines_at_hand import InDuckDB, InPostgres, InSpark

SPARK = [
    pytest.mark.spark,
    # Py4J leaves closing its sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]


@pytest.fixture(
    scope="session", params=[pytest.param(name, marks=SPARK if name == "spark" else ()) for name in ENGINES]
)
def engine(request):
    """Each engine in turn."""
    if request.param == "spark":
        opened = InSpark(request.getfixturevalue("spark"))
    elif request.param == "postgres":
        servers = request.getfixturevalue("servers")
        servers.administer(
            "drop database if exists warehouse"
        )  # each engine is opened anew where tests come in another order
        servers.administer("create database warehouse")
        opened = InPostgres(servers.postgres.url_of("warehouse"))
    else:
        opened = InDuckDB()
    yield opened
    opened.close()
