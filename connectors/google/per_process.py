"""Things that must not outlive a fork or be shared by threads: made at first use, once in each process and thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar, cast

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Holds what `make` gives. A gRPC channel or a socket that crosses a fork kills or confuses the child."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._held = threading.local()

    def get(self) -> T:
        """The one of this process and thread."""
        if getattr(self._held, "pid", None) != os.getpid():
            self._held.value = self._make()
            self._held.pid = os.getpid()
        return cast("T", self._held.value)
