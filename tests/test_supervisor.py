"""The demo's supervisor: what ends is started again, and stopping leaves nothing."""

from __future__ import annotations

import os
import socket
import stat
import sys

import click
import pytest

from segsync.demo import channel_settings, only_one, port_is_free
from segsync.servers import alive, wait_until
from segsync.supervisor import Part, stop_all


def part(tmp_path, script: str, **options) -> Part:
    return Part("part", [sys.executable, "-c", script], os.environ, tmp_path / "logs" / "part.log", **options)


def lines(tmp_path) -> list[str]:
    file = tmp_path / "logs" / "part.log"
    return file.read_text().splitlines() if file.exists() else []


def test_what_ends_is_started_again(tmp_path):
    """A part that dies comes back, with a pause, and its output is in a private file."""
    supervised = part(tmp_path, "print('started', flush=True)")

    def twice() -> bool:
        supervised.mend()
        return lines(tmp_path).count("started") == 2

    assert wait_until(twice, 60)
    stop_all([supervised], 5)
    assert stat.S_IMODE((tmp_path / "logs" / "part.log").stat().st_mode) == 0o600


def test_what_is_done_once_is_not_started_again(tmp_path):
    """Filling the demo ends, and that is that; a failure is tried again."""
    supervised = part(tmp_path, "print('filled')", once=True)

    def done() -> bool:
        supervised.mend()
        return supervised.done

    assert wait_until(done, 60)
    supervised.mend()
    assert lines(tmp_path) == ["filled"]


def test_stopping_ends_even_what_does_not_want_to(tmp_path):
    """A part that ignores SIGTERM is killed after its time."""
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    supervised = part(tmp_path, stubborn)
    supervised.mend()
    assert wait_until(lambda: lines(tmp_path) == ["up"], 60)
    pid = supervised.process.pid
    stop_all([supervised], 0.2)
    assert not alive(pid)


def test_a_second_demo_in_the_same_folder_is_told_so(tmp_path):
    """Two demos would fight over the data: the second says what to do instead."""
    again = pytest.raises(click.ClickException, match="SEGSYNC_DATA")
    with only_one(tmp_path / "lock"), again, only_one(tmp_path / "lock"):
        pass
    with only_one(tmp_path / "lock"):
        pass


def test_a_port_that_is_taken_is_noticed():
    """The demo says so at once rather than failing in a log."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not port_is_free("127.0.0.1", taken.getsockname()[1])
    assert port_is_free("127.0.0.1", 0)


def test_the_demo_reaches_simulators_by_settings_alone():
    """The shipped connectors are pointed at the simulators by the same variables an operator has."""
    urls = {name: {"api": f"http://127.0.0.1:1/{name}"} for name in ("google", "linkedin", "meta")}
    chosen = channel_settings(urls)
    assert chosen["SEGSYNC_META_BASES"] == '{"api": "http://127.0.0.1:1/meta"}'
    assert all('"simulated": "yes"' in chosen[f"SEGSYNC_{name.upper()}_OPTIONS"] for name in urls)
