"""A folder of ledgers that takes nothing: told once, nothing is sent that was not written down, and mended by itself."""

from __future__ import annotations

import pytest

from segsync.models import Run
from tests.faults import disks
from tests.faults.lives import second
from tests.faults.stage import World, newest


def works(world: World) -> None:
    """A worker does what is due."""
    with world.process() as process:
        process.work(newest(process))


@pytest.mark.parametrize("wrong", [disks.full, disks.read_only, disks.closed])
def test_a_disk_that_takes_nothing_is_told_and_mended_by_itself(born, record_property, wrong):
    """No room for the ledger, or no right to write it: one alert says so, nothing is sent, and the next run puts it right (B1, S13)."""
    world = born("at once", second)
    before = world.place.held()
    with wrong(world) as (way, does):
        record_property("points", f"a disk that takes nothing: {way}")
        does(lambda: works(world))
    with world.process() as process:
        with process.runtime.sessions() as session:
            assert session.get_one(Run, newest(process)).problem_code == "disk.full"
        assert (world.place.held(), process.alerts()) == (before, [("disk.full", True)])
        assert process.work(process.start()).state == "done"
        assert (process.is_right(), process.alerts()) == (True, [("disk.full", False)])
