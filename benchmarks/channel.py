"""A channel on loopback that only reads and answers: Meta's addresses, no memory of members, a pause if one is wanted.

`python -m benchmarks.channel PORT PAUSE_MS`. What it saw is told under /seen, and forgotten with it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parent.parent
PIECE = 1 << 20
ACCOUNT = {
    "id": "act_1",
    "account_id": "1",
    "name": "Northwind",
    "account_status": 1,
    "business": {"id": "1"},
    "user_tasks": ["MANAGE"],
    "tos_accepted": {"custom_audience_tos": 1},
}
RECEIVED = {"num_received": 10_000, "num_invalid_entries": 0, "invalid_entry_samples": {}}
AUDIENCES = count(1)


@dataclass
class Seen:
    """When what came first, by the wall clock, and how much."""

    requests: int = 0
    batches: int = 0
    read: int = 0
    first: float = 0.0
    first_batch: float = 0.0
    audiences: dict[str, float] = field(default_factory=dict)
    """When the first batch of each audience came."""


class Answers(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for its own head to be acknowledged
    seen = Seen()
    pause = 0.0

    def do_GET(self) -> None:
        """Everything is well and empty."""
        if self.path == "/seen":
            told, type(self).seen = self.seen, Seen()
            self._answer(vars(told))
            return
        self._note()
        self._answer({"data": []} if self.path.partition("?")[0].endswith("customaudiences") else ACCOUNT)

    def do_POST(self) -> None:
        """Reads the whole body, waits, says that all is taken."""
        path = self.path.partition("?")[0]
        self._note()
        left = int(self.headers.get("Content-Length") or 0)
        self.seen.read += left
        while left:
            left -= len(self.rfile.read(min(PIECE, left)))
        if not path.endswith("/users"):
            self._answer({"id": str(next(AUDIENCES))})
            return
        audience = path.split("/")[-2]
        self.seen.batches += 1
        self.seen.first_batch = self.seen.first_batch or time.time()
        self.seen.audiences.setdefault(audience, time.time())
        time.sleep(self.pause)
        self._answer({"audience_id": audience, **RECEIVED})

    def _note(self) -> None:
        self.seen.requests += 1
        self.seen.first = self.seen.first or time.time()

    def _answer(self, told: Any) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@dataclass(frozen=True)
class Channel:
    """A running channel, as the benchmark sees it."""

    url: str

    def seen(self) -> dict[str, Any]:
        """What came since this was asked last."""
        told: dict[str, Any] = requests.get(f"{self.url}/seen", timeout=60).json()
        return told


@contextmanager
def channel(pause: float = 0.0) -> Iterator[Channel]:
    """Starts one in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [sys.executable, "-m", "benchmarks.channel", str(port), str(round(pause * 1000))]
    process = subprocess.Popen(arguments, cwd=ROOT)
    try:
        yield _ready(Channel(f"http://127.0.0.1:{port}"))
    finally:
        process.terminate()
        process.wait()


def _ready(started: Channel) -> Channel:
    for _ in range(600):
        try:
            started.seen()
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return started
    raise RuntimeError("the channel did not start")


def main() -> None:
    """Until it is ended."""
    Answers.pause = int(sys.argv[2]) / 1000
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answers)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
