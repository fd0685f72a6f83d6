"""`segsync web`: the pages behind gunicorn, configured here. Requests are logged by the application, without query strings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from segsync.runtime import Runtime

PROCESSES: Final = 2
THREADS: Final = 8
TIMEOUT: Final = 120
GRACE: Final = 20


class OurLog(Logger):  # type: ignore[misc]  # gunicorn publishes no types
    """Hands everything to the process's own log, with its net under personal data."""

    def setup(self, cfg: Any) -> None:
        """No handlers of its own."""
        del cfg
        for log in (self.error_log, self.access_log):
            log.propagate = True
            log.setLevel(logging.NOTSET)
        self.error_log.setLevel(max(logging.WARNING, logging.getLogger().level))


class Web(BaseApplication):  # type: ignore[misc]  # gunicorn publishes no types
    """gunicorn without its command line and configuration files."""

    def __init__(self, runtime: Runtime, factory: Callable[[Runtime], Flask]) -> None:
        self.runtime = runtime
        self.factory = factory
        super().__init__()

    def load_config(self) -> None:
        """Threads, because pages mostly wait for the database; two processes, because Python computes on one core."""
        settings = self.runtime.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        chosen = {
            "bind": f"{host}:{settings.port}",
            "worker_class": "gthread",
            "workers": PROCESSES,
            "threads": THREADS,
            "timeout": TIMEOUT,
            "graceful_timeout": GRACE,
            "keepalive": 5,
            "max_requests": 20_000,
            "max_requests_jitter": 2_000,
            "logger_class": OurLog,
            "post_fork": lambda _server, _worker: self.runtime.after_fork(),
            "control_socket_disable": True,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, made after the fork."""
        return self.factory(self.runtime)
