"""Where figures are taken: servers in a folder of their own, filled with people, and syncs as people would have made them."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import struct_rusage

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.channel import Channel
from segsync import jobs, logs, migrate
from segsync.actions import runs
from segsync.audience.identified import learn
from segsync.config import read_settings
from segsync.models import Integration, Organization, Person, Run, Segment, Sync, Workspace
from segsync.processes import fork
from segsync.rules.terms import SignInState, Status, Why
from segsync.runtime import Runtime, check_ledgers, open_runtime

CHANNELS = ("google", "linkedin", "meta")
PEOPLE = """
insert into contact (workspace_id, email, phone, first_name, last_name, postal_code, country, subscription)
select 1, 'person' || n || '@' || (array['mail', 'post', 'web'])[1 + n % 3] || '.example', '+4915' || (100000000 + n),
       (array['Ada', 'Max', 'Grace', 'Zoë', 'Søren'])[1 + n % 5], 'Family' || n % 50000, lpad((n % 99999)::text, 5, '0'),
       (array['DE', 'FR', 'US'])[1 + n % 3], 'yes'
from generate_series(cast(:low as bigint), cast(:high as bigint)) n
"""
LIST = """
insert into segment_member (segment_id, member_id) select :segment, id from contact where id > :low and id <= :high
"""
AT_A_TIME = 500_000


@dataclass(frozen=True)
class Work:
    """What a run took: seconds from its start to its end, seconds of processor in workers' children, and their largest memory in bytes."""

    run: Run
    seconds: float
    processor: float
    memory: int


@dataclass
class Stage:
    """A product of its own, with one organization, one workspace and `members` contacts."""

    runtime: Runtime
    members: int

    def sync(self, name: str = "Everybody", *, low: int = 0, high: int = 0) -> int:
        """A sync of everybody, or of a list of those with ids above `low` up to `high`."""
        with self.runtime.sessions.begin() as session:
            return self._sync(session, name, low, high)

    def _sync(self, session: Session, name: str, low: int, high: int) -> int:
        kind = "list" if high else "rule"
        segment = Segment(
            organization_id=1, workspace_id=1, name=name, kind=kind, members="people", created_by=1, rules={}
        )
        session.add(segment)
        session.flush()
        if high:
            session.execute(text(LIST), {"segment": segment.id, "low": low, "high": high})
        sync = Sync(
            organization_id=1,
            workspace_id=1,
            segment_id=segment.id,
            integration_id=1,
            channel="meta",
            public_id=f"SY-{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper(),
            account_id="1",
            account_name="Northwind",
            creator_id=1,
            owner_id=1,
            status=Status.SYNCED.value,
            every_seconds=86_400,
        )
        session.add(sync)
        session.flush()
        return sync.id

    def start(self, sync_id: int) -> int:
        """Opens a run, as "Sync now" does."""
        with self.runtime.sessions.begin() as session:
            return runs.start(session, session.get_one(Sync, sync_id), Why.NOW, by=None, now=self.runtime.clock()).id

    def work(self, sync_id: int) -> Work:
        """A whole run, each slice in a forked child as a worker does it. Raises RuntimeError where it does not end well."""
        run_id = self.start(sync_id)
        began, processor, memory = time.perf_counter(), 0.0, 0
        while not (run := self.run(run_id)).finished_at:
            if run.not_before and run.not_before > self.runtime.clock():
                raise RuntimeError(f"the run waits until {run.not_before} for {run.scope or run.problem_code}")
            used = _slice(self.runtime, run_id)
            processor += used.ru_utime + used.ru_stime
            memory = max(memory, used.ru_maxrss * 1024)
        seconds = time.perf_counter() - began
        if run.state != "done":
            raise RuntimeError(f"the run ended as {run.state}: {run.problem_code} {run.problem_raw}")
        return Work(run, seconds, processor, memory)

    def run(self, run_id: int) -> Run:
        """A run as it is now."""
        with self.runtime.sessions() as session:
            return session.get_one(Run, run_id)

    def change(self, percent: float) -> int:
        """Gives so many of all contacts another e-mail, spread evenly. Returns how many."""
        every = round(100 / percent)
        with self.runtime.sessions.begin() as session:
            session.execute(text("set local statement_timeout = 0"))
            done = session.execute(
                text("update contact set email = 'new' || email where id % :every = 0"), {"every": every}
            )
        self.vacuum()
        return int(done.rowcount)

    def empty(self, sync_id: int) -> None:
        """Leaves a thousandth of a sync's segment, by their postal codes. No administrator has to look at it first."""
        rule = {"field": "postal_code", "operator": "ends", "values": ["000"]}
        with self.runtime.sessions.begin() as session:
            sync = session.get_one(Sync, sync_id)
            sync.hold_percent = 100
            sync.segment.rules = {"match": "all", "items": [rule]}
            sync.segment.version += 1

    def vacuum(self) -> None:
        """What the database does by itself, at a moment of ours."""
        with self.runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze contact, sync"))
            connection.execute(text("analyze"))


def _slice(runtime: Runtime, run_id: int) -> struct_rusage:
    def child() -> None:
        runtime.after_fork()
        jobs.run_slice(run_id)

    return os.wait4(fork(child), 0)[2]


@contextmanager
def stage(members: int, channel: Channel) -> Iterator[Stage]:
    """Servers with tables and people. The connectors are loaded, as in a worker before it forks."""
    folder = Path(tempfile.mkdtemp(prefix="segsync-bench-"))
    set_up(channel)
    try:
        settings = read_settings(data=folder)
        logs.set_up(settings.log_level, settings.log_format)  # a line for each request is no part of what is measured
        with open_runtime(settings) as runtime:
            migrate.upgrade(runtime.engine)
            check_ledgers(runtime)
            jobs.bind(runtime)
            for name in CHANNELS:
                learn(runtime.connector(name))
            made = Stage(runtime, members)
            _fill(made)
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def set_up(channel: Channel) -> None:
    """Variables under which this process and those it starts talk to the channel."""
    for name in CHANNELS:
        os.environ[f"SEGSYNC_{name.upper()}_CLIENT_ID"] = "benchmark"
        os.environ[f"SEGSYNC_{name.upper()}_CLIENT_SECRET"] = "benchmark"
    os.environ["SEGSYNC_META_BASES"] = f'{{"graph": "{channel.url}", "dialog": "{channel.url}"}}'
    # a channel on loopback counts nothing: what is measured is how fast we are, not how slowly an ad account may be called
    os.environ["SEGSYNC_META_OPTIONS"] = '{"simulated": "yes"}'
    os.environ["SEGSYNC_LOG_LEVEL"] = "warning"


def _fill(made: Stage) -> None:
    with made.runtime.sessions.begin() as session:
        session.add(Organization(name="Northwind", contracted_limit=100_000))
        session.flush()
        session.add(Workspace(organization_id=1, name="Main"))
        session.add(
            Person(
                organization_id=1, name="Ada", email="ada@northwind.example", role="primary_admin", password_hash="none"
            )
        )
        session.flush()
        session.add(
            Integration(
                organization_id=1,
                person_id=1,
                channel="meta",
                remote_id="1",
                name="Ada",
                state=SignInState.CONNECTED.value,
                access_sealed=made.runtime.vault.seal("token"),
            )
        )
    for low in range(0, made.members, AT_A_TIME):
        with made.runtime.sessions.begin() as session:
            session.execute(text("set local statement_timeout = 0"))
            session.execute(text(PEOPLE), {"low": low + 1, "high": min(low + AT_A_TIME, made.members)})
    made.vacuum()
