"""`segsync demo`: the whole product on one machine, with simulated channels and an organization to look at.

Starts servers, simulators, web, workers and scheduler, keeps them running, and stops them in the opposite order. A
second start finds the data of the first.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click
import requests

from segsync import demo_data, migrate
from segsync.config import Settings
from segsync.db import make_engine
from segsync.postgres_server import EmbeddedPostgres
from segsync.servers import EmbeddedRedis, Server, make_data_folder
from segsync.supervisor import Part, stop_all

READY_SECONDS: Final = 120.0
CHANNELS: Final = ("google", "linkedin", "meta")
LOCAL: Final = "127.0.0.1"
CHANNEL_OPTIONS: Final = {"simulated": "yes", "poll_seconds": "3", "source_platform": "SEGSYNC"}


class Demo:
    """The supervisor of all parts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data = settings.data.absolute()
        self.port = settings.port or free_port()
        self._stopping = False

    def run(self) -> None:
        """Until Ctrl-C or SIGTERM."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        make_data_folder(self.data)
        with only_one(self.data / "demo.lock"), ExitStack() as servers, ExitStack() as parts:
            if not port_is_free(self.settings.host, self.port):
                raise click.ClickException(
                    f"Port {self.port} is taken. Choose another: SEGSYNC_PORT={self.port + 1} make demo"
                )
            simulators = self._simulators()  # slow to start: the servers start beside them
            parts.callback(stop_all, [simulators], 10)
            simulators.mend()
            started, environment = self._servers(servers)
            if urls := self._wait_for(simulators):
                self._run_all(parts, simulators, urls, environment, started)
        click.echo("Stopped. The data stay for the next start.")

    def _run_all(
        self,
        stack: ExitStack,
        simulators: Part,
        urls: dict[str, dict[str, str]],
        environment: dict[str, str],
        servers: list[Server],
    ) -> None:
        environment = environment | channel_settings(urls)
        page = urls["control"]["page"]
        parts = [self._part(name, environment) for name in ("web", "worker", "scheduler")]
        stack.callback(stop_all, parts, self.settings.slice_seconds + self.settings.request_seconds + 30)
        filling = self._part("demo-fill", environment, page, once=True)
        stack.callback(stop_all, [filling], 5)
        self._watch([simulators, *parts, filling], servers, page)

    def _servers(self, stack: ExitStack) -> tuple[list[Server], dict[str, str]]:
        """PostgreSQL and Redis, unless others are configured, with all tables; and where our children find them."""
        database, redis = self.settings.database_url.get_secret_value(), self.settings.redis_url.get_secret_value()
        servers: list[Server] = []
        if not database:
            servers.append(stack.enter_context(EmbeddedPostgres(self.data)))
            database = servers[-1].url
        if not redis:
            servers.append(stack.enter_context(EmbeddedRedis(self.data)))
            redis = servers[-1].url
        engine = make_engine(database)
        migrate.upgrade(engine)
        engine.dispose()
        return servers, self._environment | {"SEGSYNC_DATABASE_URL": database, "SEGSYNC_REDIS_URL": redis}

    @property
    def _environment(self) -> dict[str, str]:
        return dict(os.environ) | {"SEGSYNC_DATA": str(self.data), "SEGSYNC_PORT": str(self.port)}

    def _simulators(self) -> Part:
        """With ports of their own that stay the same when they have to be started again."""
        self._addresses.unlink(missing_ok=True)
        ports = ["--port", str(free_port()), "--ads-port", str(free_port())]
        return self._part("simulate", self._environment, *ports, "--announce", str(self._addresses))

    @property
    def _addresses(self) -> Path:
        return self.data / "simulators.json"

    def _part(self, command: str, environment: dict[str, str], *arguments: str, once: bool = False) -> Part:
        return Part(
            command,
            [sys.executable, "-m", "segsync.cli", command, *arguments],
            environment,
            self.data / "logs" / f"{command}.log",
            once=once,
        )

    def _wait_for(self, simulators: Part) -> dict[str, dict[str, str]]:
        """Where the simulators are; nothing when somebody stops the demo meanwhile."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._addresses.exists():
            if self._stopping:
                return {}
            if time.monotonic() > deadline:
                raise click.ClickException(f"The simulators did not start; see {simulators.log_file}.")
            simulators.mend()
            time.sleep(0.05)
        urls: dict[str, dict[str, str]] = json.loads(self._addresses.read_text())
        return urls

    def _watch(self, parts: list[Part], servers: list[Server], simulators: str) -> None:
        told, began = False, time.monotonic()
        while not self._stopping:
            for part in parts:
                part.mend()
            for server in servers:
                if not server.answers():
                    server.ensure()
            if not told and answers(self._address):
                told = True
                click.echo(self._welcome(simulators, time.monotonic() - began))
            time.sleep(0.5)
        click.echo("\nStopping …")

    @property
    def _address(self) -> str:
        return self.settings.public_url or f"http://{self.settings.host}:{self.port}"

    def _welcome(self, simulators: str, seconds: float) -> str:
        people = "\n".join(f"  {one.email:<28} {one.password:<22} {one.what}" for one in demo_data.SIGN_INS)
        return (
            f"\nsegsync is ready at {self._address} (after {seconds:.0f} s)\n\nSign in as\n{people}\n\n"
            f"The simulated channels and their control page: {simulators}\n"
            f"Logs: {self.data / 'logs'}\nThe demo data fill in while you look. Stop with Ctrl-C.\n"
        )

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Holds a lock. Raises ClickException where another demo holds it."""
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(
                f"A demo is running in {path.parent} already. Stop it, or choose another folder with SEGSYNC_DATA."
            ) from None
        yield


def channel_settings(urls: dict[str, dict[str, str]]) -> dict[str, str]:
    """The variables that make the shipped connectors talk to the simulators."""
    chosen = {}
    for name in CHANNELS:
        prefix = f"SEGSYNC_{name.upper()}_"
        chosen[f"{prefix}CLIENT_ID"] = f"demo-{name}"
        chosen[f"{prefix}CLIENT_SECRET"] = f"demo-secret-{name}"
        chosen[f"{prefix}BASES"] = json.dumps(urls[name])
        chosen[f"{prefix}OPTIONS"] = json.dumps(CHANNEL_OPTIONS)
    return chosen


def free_port() -> int:
    """A port that nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def port_is_free(host: str, port: int) -> bool:
    """Whether we could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(address: str) -> bool:
    """Whether the pages are served."""
    try:
        return requests.get(address, timeout=5, allow_redirects=False).status_code < 500  # noqa: PLR2004 - our own failure
    except requests.RequestException:
        return False
