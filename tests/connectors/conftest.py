"""All simulators for the tests of connectors, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.simulators import Simulators


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running
