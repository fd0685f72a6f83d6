"""`segsync scheduler`: every second, what is due gets its wake-up. Safe to run twice; outlives an absent database or Redis."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import redis
import structlog
from sqlalchemy.exc import SQLAlchemyError

from segsync.actions import health
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 1.0
BEAT_SECONDS: Final = 5.0
LONGEST_PAUSE: Final = 30.0


class Scheduler:
    """The loop. `tick` is what happens every second."""

    def __init__(self, runtime: Runtime, tick: Callable[[Runtime], object]) -> None:
        self.runtime = runtime
        self.tick = tick
        self.stopped = threading.Event()
        self.name = f"scheduler {socket.gethostname()}.{os.getpid()}"
        self._beat_at = 0.0
        self._pause = 0.0

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self.loop()

    def loop(self) -> None:
        """Until it is stopped."""
        while not self.stopped.is_set():
            self.stopped.wait(self.once())

    def once(self) -> float:
        """One tick. Answers how many seconds to wait before the next: longer and longer while something is away."""
        begun = time.monotonic()
        try:
            self.tick(self.runtime)
            if begun >= self._beat_at:
                health.beat(self.runtime, self.name)
                self._beat_at = begun + BEAT_SECONDS
        except (SQLAlchemyError, redis.RedisError) as problem:
            self._pause = min(LONGEST_PAUSE, max(TICK_SECONDS, self._pause * 2))
            log.warning("scheduler waits", problem=type(problem).__name__, again_in=self._pause)
            return self._pause
        if self._pause:
            log.info("scheduler goes on")
            self._pause = 0.0
        return max(0.0, TICK_SECONDS - (time.monotonic() - begun))

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopped.set()
