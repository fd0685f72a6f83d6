"""`segsync check`: every way in which an installation can be unwell is found and told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update

from segsync.actions import health
from segsync.config import MetaSettings
from segsync.db import make_engine, make_sessions
from segsync.models import Installation
from segsync.queue import Queue, connect
from segsync.runtime import check_ledgers, make_vault
from segsync.vault import new_key
from tests.builders import make_integration, make_organization, make_person, make_segment, make_sync, make_workspace


@pytest.fixture
def well(runtime):
    """An installation where everything runs."""
    runtime.settings.channels["meta"] = MetaSettings(client_id="1", client_secret=SecretStr("s"))
    health.beat(runtime, "worker here", workers=3)
    health.beat(runtime, "scheduler here")
    return replace(runtime, clock=lambda: datetime.now(UTC))


def unwell(runtime) -> dict[str, str]:
    return {one.name: one.text for one in health.examine(runtime) if not one.healthy}


def test_a_healthy_installation_is_said_to_be(well):
    """Database, tables, clock, folder, secrets, workers, scheduler, late syncs, Redis, channels and disk are looked at."""
    assert unwell(well) == {}
    assert len(list(health.examine(well))) == 11


def test_a_database_that_does_not_answer_is_found(well, tmp_path):
    """Nothing that stands in the database is guessed at when it is away."""
    found = unwell(replace(well, engine=make_engine(f"postgresql://segsync@/none?host={tmp_path}")))
    assert list(found) == ["database"]


def test_missing_tables_are_found(well, servers):
    """A database without tables gets the command that makes them."""
    servers.administer("create database bare")
    engine = make_engine(servers.postgres.url_of("bare"))
    found = unwell(replace(well, engine=engine, sessions=make_sessions(engine)))
    engine.dispose()
    servers.administer("drop database bare with (force)")
    assert "segsync db upgrade" in found["migrations"]
    assert {"ledgers", "vault", "workers", "scheduler"} <= set(found)


@pytest.mark.parametrize("part", ["worker", "scheduler"])
def test_a_part_that_fell_silent_is_found(well, part):
    """A worker or scheduler that wrote no sign of life for a minute is not counted."""
    old = text("clock_timestamp() - interval '1 minute'")
    with well.sessions.begin() as session:
        session.execute(update(Installation).where(Installation.key.startswith(part)).values(at=old))
    assert list(unwell(well)) == [part if part == "scheduler" else "workers"]


def test_syncs_that_are_overdue_are_counted(well, session):
    """Whoever looks after the installation reads how many syncs are late, of all organizations (B23)."""
    workspace = make_workspace(session, make_organization(session))
    ada = make_person(session, workspace.organization, "Ada")
    signin = make_integration(session, ada)
    for hours, off in ((-1, {}), (-2, {}), (1, {}), (-1, {"status": "inactive"})):
        when = datetime.now(UTC) + timedelta(hours=hours)
        make_sync(session, make_segment(session, workspace), signin, overdue_at=when, **off)
    session.commit()
    assert unwell(well)["syncs"].startswith("2 syncs are overdue")


def test_clocks_that_are_apart_are_found(well):
    """Everything goes by the database's clock; a machine that is apart confuses whoever reads its logs."""
    late = replace(well, machine=lambda: datetime.now(UTC) - timedelta(minutes=1))
    assert "60 s apart" in unwell(late)["clock"]


def test_the_wrong_folder_and_the_wrong_key_are_found(well):
    """A folder of another installation, and a key that opens nothing, are told before a worker trips over them."""
    check_ledgers(well)
    well.vault.digest_secret()
    (well.ledgers / "folder-id").write_text("another")
    settings = well.settings.model_copy(update={"vault_keys": SecretStr(new_key())})
    found = unwell(replace(well, vault=make_vault(settings, well.sessions)))
    assert set(found) == {"ledgers", "vault"}


def test_redis_that_does_not_answer_is_found(well, tmp_path):
    """Without Redis nothing is woken."""
    assert set(unwell(replace(well, queue=Queue(connect(f"unix://{tmp_path}/none.sock"))))) == {"redis"}


def test_channels_that_are_not_set_up_are_found(well):
    """A secret that was forgotten, or no channel at all."""
    well.settings.channels["meta"] = MetaSettings(client_id="1")
    assert unwell(well)["channels"] == "Not set: SEGSYNC_META_CLIENT_SECRET."
    well.settings.channels["meta"] = MetaSettings()
    assert "docs/channels.md" in unwell(well)["channels"]


def test_signs_of_life_of_long_ago_are_forgotten(well):
    """Every restart has a name of its own; the old names go away."""
    old = text("clock_timestamp() - interval '2 days'")
    with well.sessions.begin() as session:
        session.execute(update(Installation).values(at=old))
    health.beat(well, "scheduler there")
    with well.sessions() as session:
        assert [row.key for row in session.query(Installation)] == ["scheduler there"]
    health.gone(well, "scheduler there")
    assert "scheduler" in unwell(well)
