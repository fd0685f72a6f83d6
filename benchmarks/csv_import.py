"""How fast a CSV file of people comes in, the first time and again: `python benchmarks/csv_import.py [ROWS]`, a million by default.

Half of the phones are E.164, the others are written as people write them; cells and rows are broken as in real files. The floor is
measured in the same run: the bare read of the file, and the bare COPY of the same bytes into a table without an index.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psycopg
from sqlalchemy import select, text

from segsync import migrate
from segsync.actions import imports
from segsync.actions.actor import Actor
from segsync.actions.imports import Choices, Incoming
from segsync.config import Settings, read_settings
from segsync.models import Contact, ImportJob, Organization, Workspace
from segsync.postgres_server import EmbeddedPostgres
from segsync.processes import fork
from segsync.rules.import_mapping import ColumnMap
from segsync.runtime import Runtime, open_runtime

HEADER = "customer id,email,phone,first name,last name,country,postal code\n"
FIRST = ("Ada", "Max", "Grace", "Zoë", "Søren", "José", "Łukasz", "Chloé", "Emma", "Noah")
LAST = ("Lovelace", "Müller", "Hopper", "Núñez", "Sørensen", "Wójcik", "Dubois", "Smith", "O'Neill", "de Vries")
PIECE = 1 << 20


@dataclass(frozen=True)
class Time:
    """How long one import took, the rows it counted, and the most memory that its worker and its cleaners held."""

    seconds: float
    counts: tuple[int, int, int, int]
    peaks: tuple[int, int]


def people(rows: int) -> Iterator[str]:
    """Lines of a file as shops have them; the same ones every time."""
    chance = Random(7)
    for number in range(rows):
        first, last = FIRST[number % 10], LAST[number // 10 % 10]
        email = f"person{number}@mail{number % 997}.example"
        if number % 10 == 0:
            email = f" Person{number}@Mail{number % 997}.Example "
        elif number % 200 == 1:
            email = f"person{number}.example"
        yield f"c{number},{email},{phone(number, chance)},{first},{last}{number % 5000},DE,{number % 90000 + 10000}\n"
        if number % 10_000 == 1:
            yield 'c0,"broken,+49151,Ada,Lovelace,DE,10115\n'


def phone(number: int, chance: Random) -> str:
    """Half E.164, a twentieth missing, the rest as people write them."""
    digits = f"{chance.randrange(10**8):08}"
    ways = ("0151 {a} {b}", "0151/{a}{b}", "+49 151 {a}-{b}", "0049151{a}{b}", "(0151) {a} {b}", "+49 (0) 151 {a} {b}")
    if number % 20 == 1:
        return ""
    way = ways[number // 2 % 6] if number % 2 else "+49151{a}{b}"
    return way.format(a=digits[:4], b=digits[4:])


def write(path: Path, rows: int) -> None:
    """The file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        file.writelines(people(rows))


def main() -> None:
    """Makes a file and a database of its own, imports the file twice and prints what it took."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="segsync-bench-"))
    try:
        with EmbeddedPostgres(folder) as postgres:
            settings = read_settings(data=folder, database_url=postgres.url, log_level="error")
            path = folder / "people.csv"
            write(path, rows)
            measure(settings, path, postgres.url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(settings: Settings, path: Path, url: str) -> None:
    """Floor, first time, second time."""
    floor = timed(lambda: bare_read(path)) + timed(lambda: bare_copy(path, url))
    with open_runtime(settings) as runtime:
        migrate.upgrade(runtime.engine)
        workspace = prepare(runtime)
    size = path.stat().st_size
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {size / 1e6:,.0f} MB")
    print(f"floor: {floor:.1f} s (bare read and bare COPY of the same bytes)")
    for name in ("first time", "again"):
        took = import_once(settings, workspace, path)
        total = sum(took.counts)
        print(
            f"{name:>10}: {took.seconds:6.1f} s  {total / took.seconds:8,.0f} rows/s  {took.seconds / floor:5.1f} × floor  "
            f"worker {took.peaks[0]} MB, cleaners {took.peaks[1]} MB  created, updated, unchanged, rejected: {took.counts}"
        )
        changes(settings)


def changes(settings: Settings) -> None:
    """The newest change, which a second import must leave as it is."""
    with open_runtime(settings) as runtime, runtime.sessions() as session:
        print(f"            newest change: {session.scalar(select(text('max(change_no)')).select_from(Contact)):,}")


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare_read(path: Path) -> None:
    """All bytes of the file, once."""
    with path.open("rb") as file:
        while file.read(PIECE):
            pass


def bare_copy(path: Path, url: str) -> None:
    """All bytes of the file into one column of a table that has no index."""
    with psycopg.connect(url) as connection, path.open("rb") as file:
        connection.execute("create table bare (line text)")
        with connection.cursor().copy(
            r"copy bare from stdin with (format csv, delimiter E'\x01', quote E'\x02')"
        ) as copy:
            while piece := file.read(PIECE):
                copy.write(piece)
        connection.commit()
        connection.execute("drop table bare")


def prepare(runtime: Runtime) -> int:
    """A workspace."""
    with runtime.sessions.begin() as session:
        organization = Organization(name="Northwind", contracted_limit=40)
        session.add(organization)
        session.flush()
        workspace = Workspace(organization_id=organization.id, name="Main", time_zone="Europe/Berlin", country="DE")
        session.add(workspace)
        session.flush()
        return workspace.id


def import_once(settings: Settings, workspace_id: int, path: Path) -> Time:
    """Imports the file in a child of its own, as a worker does, and asks the system how much memory that took."""
    told = settings.data / "told"

    def child() -> None:
        with open_runtime(settings) as runtime:
            began, counts = work(runtime, workspace_id, path)
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            theirs = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            told.write_text(" ".join(map(str, (began, *counts, own, theirs))), encoding="utf-8")

    os.waitpid(fork(child), 0)
    seconds, *numbers = told.read_text(encoding="utf-8").split()
    created, updated, unchanged, rejected, own, theirs = map(int, numbers)
    return Time(float(seconds), (created, updated, unchanged, rejected), (own, theirs))


def work(runtime: Runtime, workspace_id: int, path: Path) -> tuple[float, tuple[int, ...]]:
    """Uploads, starts, and works slice by slice; seconds of the latter, and the counts."""
    with runtime.sessions.begin() as session, path.open("rb") as file:
        workspace = session.get_one(Workspace, workspace_id)
        actor = Actor.worker(workspace.organization_id)
        job = imports.upload(session, runtime.settings, actor, workspace, "contact", Incoming("people.csv", file))
        imports.choose(session, actor, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
        imports.start(session, actor, job)
        import_id = job.id
    began = time.perf_counter()
    while imports.work(runtime, import_id):
        pass
    seconds = time.perf_counter() - began
    with runtime.sessions() as session:
        job = session.get_one(ImportJob, import_id)
        return seconds, (job.rows_created, job.rows_updated, job.rows_unchanged, job.rows_rejected)


if __name__ == "__main__":
    main()
