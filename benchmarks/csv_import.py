"""How fast a CSV file of people comes in, the first time and again.

Half of the phones are E.164, the others are written as people write them; cells and rows are broken as in real files. The floor is
measured in the same run: the bare read of the file, and the bare COPY of the same bytes into a table without an index.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psycopg

from benchmarks.channel import Channel
from benchmarks.report import Figure
from benchmarks.stage import Stage
from segsync.actions import imports
from segsync.actions.actor import Actor
from segsync.actions.imports import Choices, Incoming
from segsync.models import ImportJob, Workspace
from segsync.processes import fork
from segsync.rules.import_mapping import ColumnMap
from segsync.runtime import Runtime

HEADER = "customer id,email,phone,first name,last name,country,postal code\n"
FIRST = ("Ada", "Max", "Grace", "Zoë", "Søren", "José", "Łukasz", "Chloé", "Emma", "Noah")
LAST = ("Lovelace", "Müller", "Hopper", "Núñez", "Sørensen", "Wójcik", "Dubois", "Smith", "O'Neill", "de Vries")
PIECE = 1 << 20
AIM, MEMORY = 20_000, 500


@dataclass(frozen=True)
class Time:
    """How long one import took, the rows it counted, and the most memory that its worker or one of its cleaners held, in MB."""

    seconds: float
    counts: tuple[int, int, int, int]
    peak: float


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


def rows(stage: Stage, _: Channel) -> list[Figure]:
    """As many rows as there are contacts, into a workspace of their own."""
    path = stage.runtime.settings.data / "people.csv"
    write(path, stage.members)
    floor = timed(lambda: bare_read(path)) + timed(lambda: bare_copy(path, stage.runtime.database_uri))
    workspace_id = prepare(stage.runtime)
    told = []
    for name in ("first time", "again"):
        took = import_once(stage.runtime, workspace_id, path)
        rate = sum(took.counts) / took.seconds
        more = {"seconds": took.seconds, "created, updated, unchanged, rejected": took.counts}
        told += [
            Figure(f"CSV import, {name}", rate, "rows/s", "20,000", rate >= AIM, floor, took.seconds / floor, more),
            Figure(f"memory of its worker, {name}, {stage.members:,} rows", took.peak, "MB", "500", took.peak < MEMORY),
        ]
    path.unlink()
    return told


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
        workspace = Workspace(organization_id=1, name="Imported", time_zone="Europe/Berlin", country="DE")
        session.add(workspace)
        session.flush()
        return workspace.id


def import_once(runtime: Runtime, workspace_id: int, path: Path) -> Time:
    """Imports the file in a child of its own, as a worker does, and asks the system how much memory that took."""
    told = runtime.settings.data / "told"

    def child() -> None:
        runtime.after_fork()
        seconds, counts = work(runtime, workspace_id, path)
        peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        told.write_text(json.dumps([seconds, counts, max(peaks) * 1024 / 1e6]), encoding="utf-8")

    os.waitpid(fork(child), 0)
    return Time(*json.loads(told.read_text(encoding="utf-8")))


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
