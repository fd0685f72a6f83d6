"""What can be wrong with the disk under the folder of ledgers. Each says how it was done: not everywhere may a disk be mounted."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from segsync.processes import fork
from tests.faults.stage import World
from tests.faults.states import files_in, put_files

SMALL = "64k"
CAPABILITIES = 0x20080522
"""The version of the system's call."""
OVERRIDE = 0b10
"""Root may write where nobody may."""
Work = Callable[[], None]
Does = Callable[[Work], None]


def here(work: Work) -> None:
    """In this process."""
    work()


def in_a_child(world: World, bound: Work) -> Does:
    """In a process of its own with connections of its own, which is bound first."""

    def does(work: Work) -> None:
        def bound_work() -> None:
            world.runtime.after_fork()
            bound()
            work()

        assert os.waitpid(fork(bound_work), 0)[1] == 0

    return does


@contextmanager
def mounted(folder: Path) -> Iterator[bool]:
    """A small disk in the place of a folder, with what was in it; afterwards it is back. False where nobody lets us mount one."""
    tool = shutil.which("mount")
    command = [tool or "", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    files = files_in(folder)
    if not tool or subprocess.run(command, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        put_files(folder, files)
        yield True
        files = files_in(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    put_files(folder, files)


@contextmanager
def full(world: World) -> Iterator[tuple[str, Does]]:
    """No room for another byte."""
    with mounted(world.ledgers) as really:
        if not really:
            yield "files that may not grow", in_a_child(world, _no_growth)
            return
        filler = world.ledgers / "filler"
        _fill(filler)
        yield "a disk of its own, filled", here
        filler.unlink()


@contextmanager
def read_only(world: World) -> Iterator[tuple[str, Does]]:
    """Nothing may be written."""
    with mounted(world.ledgers) as really:
        if not really:
            with closed(world) as way:
                yield way
            return
        subprocess.run(["mount", "-o", "remount,ro", str(world.ledgers)], check=True)
        yield "a disk of its own, mounted read-only", here
        subprocess.run(["mount", "-o", "remount,rw", str(world.ledgers)], check=True)


@contextmanager
def closed(world: World) -> Iterator[tuple[str, Does]]:
    """Folders in which whoever works may not write."""
    folders = [world.ledgers, *(path for path in world.ledgers.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o500)
    for host in world.runtime.engine.url.query["host"].split():
        Path(host, ".s.PGSQL.5432").chmod(0o777)  # its folder stays closed
    yield "folders without the right to write", in_a_child(world, _no_more_than_others) if os.getuid() == 0 else here
    for path in folders:
        path.chmod(0o700)


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"0" * 4096):
                pass
        except OSError:
            return


def _no_growth() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))


def _no_more_than_others() -> None:
    """Root as everybody else: the rights of files count."""
    header = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    data = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capget(header, data) == 0
    data[0] &= ~OVERRIDE
    assert libc.capset(header, data) == 0
