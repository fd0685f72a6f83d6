"""Small things about processes that Python does not offer by itself."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """From now on the system sends this signal when the parent dies, even by SIGKILL. Only Linux offers that."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:  # it died before we could ask
        os.kill(os.getpid(), number)


def fork(work: Callable[[], None]) -> int:
    """Runs `work` in a child with a process group of its own, so that Ctrl-C reaches only us. Answers its process id."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        die_with_parent(signal.SIGTERM, parent)
        work()
        code = 0
    finally:
        if (problem := sys.exc_info()[1]) is not None:
            print(type(problem).__name__, *places(problem), sep="\n  ", file=sys.stderr)  # noqa: T201 - a log may be gone
        sys.stderr.flush()
        os._exit(code)


def places(problem: BaseException) -> list[str]:
    """Where a problem came from, innermost last, without its message: that may hold people's values."""
    frames = traceback.extract_tb(problem.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
