"""The whole application, and the people of Northwind."""

from __future__ import annotations

import pytest

from tests.people import ada, alan, grace, max_, organization, vera, workspace  # noqa: F401 - fixtures
from tests.web.conftest import app, client, sign_in  # noqa: F401 - fixtures


@pytest.fixture
def people(ada, alan, grace, vera):  # noqa: F811 - the fixtures above
    """One person of each role."""
    return [ada, alan, grace, vera]
