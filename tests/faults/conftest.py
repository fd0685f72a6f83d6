"""The stage of the fault suite, and how many points it went through."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func
from sqlalchemy.orm import Session

from connectors.simulators import Simulators
from segsync.actions import tokens
from segsync.actions.watch import SILENT
from segsync.clock import utc_now
from segsync.config import Settings
from segsync.effects import Effects
from segsync.models import Installation, SegmentMember
from segsync.processes import fork
from segsync.runtime import check_ledgers, make_runtime
from segsync.worker import Workers
from tests.builders import (
    make_contact,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)
from tests.conftest import VAULT_KEY, Clock, Servers
from tests.contract.conftest import HARNESSES
from tests.fakes import LATER, FakeChannel
from tests.faults.places import InMemory, Simulated
from tests.faults.stage import World
from tests.test_worker import Started

FIRST = [
    {"email": "leaves@example.org", "phone": "+4930111"},
    {"email": "stays@example.org", "phone": "+4930111"},
    {"email": "goes@example.org", "phone": "+4930222"},
    {"email": "opts.out@example.org", "phone": None},
    {"email": "changes@example.org", "phone": "+4930333"},
    {"email": "moves@example.org", "phone": "+4930444"},
    {"email": "remains@example.org", "phone": "+4930555"},
]
"""Of two who share a phone one leaves."""
YEARS = timedelta(days=9_999)
SELDOM = timedelta(days=30)
"""How often the sync runs by itself: nothing happens in a test that it did not begin."""
BARE = {"first_name": "", "last_name": "", "ad_user_data": "granted", "ad_personalization": "granted"}


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


def place_of(name: str, simulators: Simulators) -> InMemory | Simulated:
    """The channel by its name: "at once" and "later" are kept in memory, the others are simulators."""
    if name in HARNESSES:
        return Simulated(HARNESSES[name](simulators))
    return InMemory(FakeChannel(capabilities=LATER) if name == "later" else FakeChannel())


@dataclass(frozen=True)
class Ground:
    """Where worlds are made: each once in a test session, with a database and a folder of its own."""

    servers: Servers
    folder: Path
    simulators: Simulators

    def world(self, name: str) -> World:
        """Ada's sync of seven people at a channel, read in windows of three and sent in batches of two."""
        number, place = secrets.token_hex(4), place_of(name, self.simulators)
        self.servers.administer(f"create database fault_{number} template {self.servers.template} strategy wal_log")
        settings = Settings(
            data=self.folder / number,
            database_url=self.servers.postgres.url_of(f"fault_{number}"),
            redis_url=self.servers.redis.url,
            vault_keys=VAULT_KEY,
            window_rows=3,
            batch_rows=2,
            slice_seconds=25.0,
        )
        settings.__dict__["channels"] = {place.name: place.settings}
        settings.data.mkdir()
        # real workers go by real clocks: for them what began here began a while ago
        world = World(settings, Clock(utc_now() - timedelta(hours=3)), place)
        check_ledgers(world.runtime)
        with world.runtime.sessions.begin() as session:
            world.sync_id = people(session, world)
            # whatever the tests' clocks do: neither worker nor scheduler is missed
            ahead = func.now() + YEARS
            session.add_all([Installation(key=f"{part} here", value={}, at=ahead) for part in SILENT])
        world.begun["nothing"] = world.state()
        return world


def people(session: Session, world: World) -> int:
    """Northwind, Ada with her sign-in, and her segment. Returns the id of her sync."""
    place = world.place
    organization = make_organization(session)
    workspace = make_workspace(session, organization)
    ada = make_person(session, organization, "Ada", workspaces=(workspace,))
    now = world.clock()
    segment = make_segment(session, workspace, "Customers", ada, refreshed_at=now)
    sealed = world.runtime.vault.seal("token")
    signin = make_integration(
        session, ada, place.name, checked_at=now + YEARS, access_sealed=sealed, remote_id=place.signin
    )
    if tokens_there := place.tokens():
        tokens.store(world.runtime, signin, tokens_there)
    account = {"account_id": place.account.remote_id, "account_via": place.account.via}
    seldom = {"every_seconds": SELDOM.total_seconds(), "next_run_at": now + SELDOM}
    sync = make_sync(session, segment, signin, was_synced=False, in_step_since=None, **seldom, **account)
    for fields in FIRST:
        contact = make_contact(session, workspace, **fields, **BARE)
        session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    return sync.id


@pytest.fixture(scope="session")
def worlds(servers, tmp_path_factory, simulators) -> Iterator[Callable[[str], World]]:
    ground, made = Ground(servers, tmp_path_factory.mktemp("faults"), simulators), {}

    def world(name: str) -> World:
        if name not in made:
            made[name] = ground.world(name)
        return made[name]

    yield world
    for one in made.values():
        one.close()


@pytest.fixture
def born(worlds, simulators) -> Iterator[Callable[..., World]]:
    """A world at a channel, as a life of this sort begins there."""

    def begin(name: str, life: Callable[[World], None]) -> World:
        world = worlds(name)
        if life.__name__ not in world.begun:
            world.enter(world.begun["nothing"])
            life(world)
            world.begun[life.__name__] = world.state()
        world.enter(world.begun[life.__name__])
        return world

    yield begin
    simulators.world.clear_faults()


@pytest.fixture
def worker() -> Iterator[Callable[[World, Effects], Started]]:
    """Starts a `segsync worker` of one worker, with real clocks."""
    started = []

    def start(world: World, effects: Effects) -> Started:
        def work() -> None:
            redis_url = world.settings.redis_url.get_secret_value()
            settings = world.settings.model_copy(update={"workers": 1})
            Workers(make_runtime(settings, world.database, redis_url, effects=effects)).run()

        started.append(Started(fork(work)))
        return started[-1]

    yield start
    for process in started:
        process.signal(signal.SIGKILL)
        process.wait(60)


def pytest_terminal_summary(terminalreporter) -> None:
    """Prints where processes were ended, wherever the tests ran."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, told in report.user_properties:
            if name == "points" and report.when == "call":
                terminalreporter.write_line(f"faults: {told}")
