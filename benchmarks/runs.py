"""Whole runs of one sync: the first, one after a few changes, one after none, and how much memory they take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import requests
from requests.adapters import BaseAdapter

from benchmarks.channel import ACCOUNT, RECEIVED, Channel
from benchmarks.report import Figure
from benchmarks.stage import Stage, Work
from segsync.audience.workbench import workbench

FIELDS = ("email", "phone", "first_name", "last_name", "country", "postal_code")
MEGA = 1_000_000


def first(stage: Stage, _: Channel) -> list[Figure]:
    """From the database to request bodies, with the ledger written: the channel answers inside the process."""
    floor = _floor(stage)
    here = _Here()
    session = stage.runtime.connector("meta").channel._graph.api("token")._session.requests  # noqa: SLF001 - the transport is swapped, nothing else
    kept = session.adapters["http://"]
    session.mount("http://", here)
    work = stage.work(stage.sync())
    session.mount("http://", kept)
    rate = stage.members / work.seconds
    return [
        Figure("first run to request bodies", rate, "members/s", "150,000", rate >= 150_000, *_to(floor, work)),
        Figure("the same, to the floor", work.seconds / floor, "× floor", "3", work.seconds < 3 * floor, floor),
        _memory("first run", stage, work),
    ]


def end_to_end(stage: Stage, target: Channel) -> list[Figure]:
    """To a channel on loopback; then with one contact in a hundred changed; then with nothing changed."""
    floor = _floor(stage)
    sync_id = stage.sync()
    work = stage.work(sync_id)
    rate = stage.members / work.seconds
    told = [
        Figure("first run, end to end", rate, "members/s", "80,000", rate >= 80_000, *_to(floor, work)),
        _memory("first run, end to end", stage, work),
    ]
    stage.change(1)
    work = stage.work(sync_id)
    seconds = work.seconds * MEGA / stage.members
    told += [
        Figure("1 % changed", seconds, "s a million", "3", seconds < 3, *_to(floor, work)),
        _memory("1 % changed", stage, work),
    ]
    target.seen()
    work = stage.work(sync_id)
    seen, rate = target.seen(), stage.members / work.seconds
    told += [
        Figure("nothing changed", rate, "members/s", "1,000,000", rate >= MEGA, *_to(floor, work)),
        Figure("requests with members then", seen["batches"], "", "0", seen["batches"] == 0, more=seen),
        _memory("nothing changed", stage, work),
    ]
    return told


def memory(stage: Stage, _: Channel) -> Iterator[Figure]:
    """The largest child of a first run and of the next ones, at the size that was asked for; in the last one all but a thousandth leave."""
    sync_id = stage.sync()
    yield _memory("first run", stage, stage.work(sync_id))
    stage.change(1)
    yield _memory("1 % changed", stage, stage.work(sync_id))
    yield _memory("nothing changed", stage, stage.work(sync_id))
    stage.change(100)
    yield _memory("everybody changed", stage, stage.work(sync_id))
    stage.empty(sync_id)
    yield _memory("nearly everybody left", stage, stage.work(sync_id))


def _to(floor: float, work: Work) -> tuple[float, float, dict[str, Any]]:
    """The floor, the ratio to it, and where the seconds went."""
    more = {"seconds": work.seconds, "processor_seconds": work.processor, "phases": work.run.phases}
    return floor, work.seconds / floor, more


def _memory(what: str, stage: Stage, work: Work) -> Figure:
    used = work.memory / MEGA
    return Figure(f"memory of {what}, {stage.members:,} members", used, "MB", "500", used < 500)


def _floor(stage: Stage) -> float:
    """Seconds for the bare read of the same columns and the bare hash of the same bytes."""
    began = time.perf_counter()
    with (
        adbc.connect(stage.runtime.database_uri) as connection,
        connection.cursor() as cursor,
        workbench(stage.runtime.settings.data / "spill") as bench,
    ):
        cursor.execute(f"select id, {', '.join(FIELDS)} from contact")
        for batch in cursor.fetch_record_batch():
            bench.register("bare", pa.Table.from_batches([batch]))
            bench.execute(f"select {', '.join(f'max(sha256({field}))' for field in FIELDS)} from bare").fetchall()
    return time.perf_counter() - began


class _Here(BaseAdapter):
    """Answers where the request would leave the process: its body is complete by then."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        """What the channel on loopback says."""
        reply = requests.Response()
        reply.status_code = 200
        reply.request, reply.url = request, request.url or ""
        path = reply.url.partition("?")[0]
        told: dict[str, Any] = ACCOUNT
        if request.method == "POST":
            told = RECEIVED if path.endswith("/users") else {"id": "1"}
        elif path.endswith("customaudiences"):
            told = {"data": []}
        reply._content = requests.compat.json.dumps(told).encode()  # noqa: SLF001 - requests offers no other way
        return reply

    def close(self) -> None:
        """Holds nothing."""
