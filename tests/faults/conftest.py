"""The stage of the fault suite, and how many points it went through."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.simulators import Simulators
from segsync.actions import tokens
from segsync.runtime import check_ledgers
from tests.actions.pushing import put
from tests.builders import (
    NOW,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)
from tests.contract.conftest import HARNESSES
from tests.fakes import LATER, FakeChannel
from tests.faults.places import InMemory, Simulated
from tests.faults.stage import World

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
BARE = {"first_name": "", "last_name": "", "ad_user_data": "granted", "ad_personalization": "granted"}


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


@pytest.fixture
def place(request, simulators):
    """The channel by its name: "at once" and "later" are kept in memory, the others are simulators."""

    def at(name: str) -> InMemory | Simulated:
        if name in HARNESSES:
            return Simulated(HARNESSES[name](simulators))
        channel = FakeChannel(capabilities=LATER) if name == "later" else FakeChannel()
        return InMemory(channel)

    return at


@pytest.fixture
def born(settings, servers, redis_client, runtime, session, clock, place) -> Iterator[Callable[..., World]]:
    """Makes Ada's sync of seven people at a channel, read in windows of three and sent in batches of two."""
    made = []

    def make(name: str, **more: float) -> World:
        where = place(name)
        small = settings.model_copy(update={"window_rows": 3, "batch_rows": 2, "slice_seconds": 25.0, **more})
        signed_in = {"access_sealed": runtime.vault.seal("token")}
        account = {"account_id": "act-1"}
        channels = settings.channels
        if isinstance(where, Simulated):
            channels = {where.name: where.settings}
            account = {"account_id": where.harness.account.remote_id, "account_via": where.harness.account.via}
            signed_in = {"remote_id": where.harness.ada}
        else:
            channels["meta"].options["poll_seconds"] = "10"
        small.__dict__["channels"] = runtime.settings.__dict__["channels"] = channels
        organization = make_organization(session)
        workspace = make_workspace(session, organization)
        ada = make_person(session, organization, "Ada", workspaces=(workspace,))
        segment = make_segment(session, workspace, "Customers", ada, refreshed_at=NOW)
        signin = make_integration(session, ada, where.name, checked_at=NOW, **signed_in)
        if isinstance(where, Simulated):
            tokens.store(runtime, signin, where.harness.tokens())
        sync = make_sync(session, segment, signin, was_synced=False, in_step_since=None, **account)
        for fields in FIRST:
            put(session, sync, **fields, **BARE)
        session.close()
        check_ledgers(runtime)
        runtime.engine.dispose()
        made.append(World(small, servers, clock, sync.id, where))
        return made[-1]

    yield make
    for world in made:
        world.close()


def pytest_terminal_summary(terminalreporter) -> None:
    """Prints where processes were ended, wherever the tests ran."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, told in report.user_properties:
            if name == "points" and report.when == "call":
                terminalreporter.write_line(f"faults: {told}")
