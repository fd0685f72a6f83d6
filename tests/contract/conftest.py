"""The channels under contract. A new channel adds one row; everything in this folder then runs against its simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.contract import AudienceRef, Token
from connectors.simulators import Simulators
from tests.contract.harness import Harness
from tests.contract.harness_google import GoogleHarness
from tests.contract.harness_linkedin import LinkedInHarness
from tests.contract.harness_meta import MetaFormHarness, MetaHarness

HARNESSES: dict[str, type[Harness]] = {
    "google": GoogleHarness,
    "linkedin": LinkedInHarness,
    "meta": MetaHarness,
    "meta-form": MetaFormHarness,
}


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


@pytest.fixture(params=sorted(HARNESSES))
def channel(request: pytest.FixtureRequest, simulators: Simulators) -> Iterator[Harness]:
    yield HARNESSES[request.param](simulators)
    simulators.world.clear_faults()


@pytest.fixture
def ada(channel: Harness) -> Token:
    return channel.token()


@pytest.fixture
def audience(channel: Harness, ada: Token) -> AudienceRef:
    """An audience of ours, ready to take members."""
    made = channel.connector.create_audience(ada, channel.account, channel.spec())
    channel.wait()
    return made
