"""All simulators for the tests of connectors, started once; and LinkedIn alone, with Ada and an audience of hers, for those of LinkedIn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.simulators import Simulators
from tests.connectors.linkedin_at_hand import ACCOUNT, linkedin_at_hand, spec


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


@pytest.fixture
def linkedin():
    """LinkedIn alone, new for each test."""
    with linkedin_at_hand() as at_hand:
        yield at_hand


@pytest.fixture
def ada(linkedin):
    """Her sign-in at LinkedIn."""
    return linkedin.token("ada")


@pytest.fixture
def audience(linkedin, ada):
    """Made by her at LinkedIn, with nobody in it."""
    return linkedin.connector.create_audience(ada, ACCOUNT, spec())
