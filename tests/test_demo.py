"""`segsync demo` as a whole: it comes up, serves, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from segsync.demo import free_port
from segsync.servers import wait_until

pytestmark = pytest.mark.slow

READY = 150


@pytest.fixture
def demo(tmp_path, data_root) -> Iterator:
    """Starts the demo in a folder of this test's own; answers the process, its address, and what it has printed."""
    folder = data_root / "demo"
    port = free_port()
    environment = os.environ | {"SEGSYNC_DATA": str(folder), "SEGSYNC_PORT": str(port), "SEGSYNC_WORKERS": "1"}
    for name in ("SEGSYNC_DATABASE_URL", "SEGSYNC_REDIS_URL"):
        environment.pop(name, None)
    started: list[subprocess.Popen] = []

    def run() -> tuple[subprocess.Popen, str, Path]:
        told = tmp_path / f"told-{len(started)}"
        with told.open("w") as output:
            command = [sys.executable, "-m", "segsync.cli", "demo"]
            started.append(subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT))
        assert wait_until(lambda: "is ready" in told.read_text() or started[-1].poll() is not None, READY)
        return started[-1], f"http://127.0.0.1:{port}", told

    yield run
    for process in started:
        process.kill()
        process.wait()


def processes_of(folder: Path) -> list[str]:
    """Command lines and environments of processes that have to do with this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if int(entry.name) != os.getpid() and str(folder).encode() in text:
            found.append(entry.name)
    return found


def test_the_demo_comes_up_keeps_its_data_and_leaves_nothing(demo, data_root):
    """One command shows the product; Ctrl-C ends all of it; the next start finds the data."""
    folder = data_root / "demo"
    process, address, told = demo()
    assert "ada@" in told.read_text()
    assert requests.get(address, timeout=30, allow_redirects=True).status_code < 500
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    assert told.read_text().rstrip().endswith("The data stay for the next start.")
    assert wait_until(lambda: not processes_of(folder), 60)
    process, address, _ = demo()
    process.kill()
    process.wait()
    assert wait_until(lambda: not processes_of(folder), 60)
