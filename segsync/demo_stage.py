"""Where the demo is played: who acts, in which workspace, how to ask a channel, and how to wait for the workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from segsync.actions import asks
from segsync.actions.actor import Actor
from segsync.demo_simulators import Simulators
from segsync.models import Ask, Installation, Person, Workspace
from segsync.runtime import Runtime

KEY: Final = "demo"
LONGEST: Final = 600.0
PAUSE: Final = 0.3


class DemoStuck(Exception):  # noqa: N818 - read aloud as "demo stuck"
    """The workers did not get done in time with what the demo waits for."""


@dataclass
class Stage:
    """The runtime, the simulators' control, and the name of the main workspace."""

    runtime: Runtime
    simulators: Simulators
    workspace_name: str

    def played(self) -> list[str]:
        """The chapters that are done."""
        with self.runtime.sessions() as session:
            kept = session.get(Installation, KEY)
            return list(kept.value["chapters"]) if kept else []

    def remember(self, chapter: str) -> None:
        """Notes that a chapter is done."""
        value = {"chapters": [*self.played(), chapter]}
        with self.runtime.sessions.begin() as session:
            session.execute(
                insert(Installation)
                .values(key=KEY, value=value)
                .on_conflict_do_update(index_elements=["key"], set_={"value": value})
            )

    def workspace(self, session: Session) -> Workspace:
        """The main workspace."""
        return session.scalars(select(Workspace).where(Workspace.name == self.workspace_name)).one()

    def actor(self, session: Session, name: str) -> Actor:
        """One of the demo's people, as if signed in."""
        return Actor.person(session.scalars(select(Person).where(Person.name == name)).one())

    def ask(self, name: str, kind: str, params: Mapping[str, Any]) -> None:
        """Asks a channel as a page does, and waits for the answer."""
        with self.runtime.sessions.begin() as session:
            asked = asks.ask(self.runtime, session, self.actor(session, name), kind, params)
        self.runtime.queue.wake_ask(asked.id)
        self.wait_for(lambda session: session.get_one(Ask, asked.id).state in {"done", "failed"})

    def wait_for(self, is_done: Callable[[Session], bool]) -> None:
        """Looks again and again. Raises DemoStuck after ten minutes."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            with self.runtime.sessions() as session:
                if is_done(session):
                    return
            time.sleep(PAUSE)
        raise DemoStuck
