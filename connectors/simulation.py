"""The ground that all channel simulators stand on: one world with a clock, documents, people, memberships and faults.

Simulators import everything from here. The parts live beside it: `simulation_store` (clock, documents),
`simulation_people` (who is known, who is a member), `simulation_faults` (what goes wrong), `simulation_limits` (how much was
asked), `simulation_consent` (signing in).
"""

from __future__ import annotations

from connectors.simulation_consent import ConsentPage, Grant, GrantRefused
from connectors.simulation_faults import GENERIC, Fault, Faults, hang_up, misbehave
from connectors.simulation_limits import Limits, Use
from connectors.simulation_people import Counts, Hasher, People
from connectors.simulation_store import Document, Store


class World(People, Faults, Limits):
    """The state of all simulators in one SQLite file (None: in memory). Threads share it; it survives restarts.

    Hold `world.lock` around a read followed by a write.
    """


__all__ = [
    "GENERIC",
    "ConsentPage",
    "Counts",
    "Document",
    "Fault",
    "Faults",
    "Grant",
    "GrantRefused",
    "Hasher",
    "People",
    "Store",
    "Use",
    "World",
    "hang_up",
    "misbehave",
]
