"""Keeps processes running: starts them, starts them again when they end, and stops them in a given order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from segsync.servers import ends_with_parent

log = structlog.get_logger(__name__)

SETTLED: Final = 10.0
"""A process that lived for so many seconds is started again at once."""
LONGEST_PAUSE: Final = 30.0
LOG_BYTES: Final = 10_000_000


@dataclass
class Part:
    """One process that is kept running; or, with `once`, brought to a good end."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    once: bool = False
    done: bool = False
    process: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _pause: float = 0.0
    _not_before: float = field(default=0.0)

    def mend(self) -> None:
        """Starts it where it does not run, not too often."""
        now = time.monotonic()
        if self.process is not None and (code := self.process.poll()) is not None:
            self._ended(code, now)
        if self.process is None and not self.done and now >= self._not_before:
            self._start(now)

    def stop(self, number: signal.Signals) -> None:
        """Asks it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, seconds: float) -> None:
        """Until it ended; after so many seconds it is killed."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            log.warning("killed, because it did not end", part=self.name)
            self.process.kill()
            self.process.wait()
        self.process = None

    def _start(self, now: float) -> None:
        self.log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES:
            self.log_file.unlink()
        handle = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - commands of our own making
                [*ends_with_parent(signal.SIGTERM), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self.environment),
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
            )
        self._started = now

    def _ended(self, code: int, now: float) -> None:
        self.process = None
        if self.once and code == 0:
            self.done = True
            return
        lived = now - self._started
        self._pause = 0.0 if lived > SETTLED else min(LONGEST_PAUSE, max(0.5, self._pause * 2))
        self._not_before = now + self._pause
        log.warning(
            "ended and is started again", part=self.name, code=code, again_in=self._pause, log=str(self.log_file)
        )


def stop_all(parts: Iterable[Part], seconds: float) -> None:
    """Asks all of them at once to end, and waits until they have."""
    parts = list(parts)
    for part in parts:
        part.stop(signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for part in parts:
        part.wait(deadline - time.monotonic())
