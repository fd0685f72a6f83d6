"""The one hook that every external effect passes: what is told, in which order, and that nothing is told of what did not happen."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pytest

from connectors.problems import ConnectorProblem
from connectors.simulators import Simulators
from segsync.audience.files import Folder
from segsync.effects import Effect, Effects, Sort
from segsync.models import Installation
from segsync.runtime import make_runtime


@dataclass
class Seen(Effects):
    told: list[tuple[str, str, str]] = field(default_factory=list)

    def before(self, effect: Effect) -> None:
        self.told.append(("before", effect.sort.value, effect.what))

    def after(self, effect: Effect) -> None:
        self.told.append(("after", effect.sort.value, effect.what))

    def both(self, sort: Sort, *what: str) -> bool:
        """Whether exactly these were told, each before and after."""
        return self.told == [(when, sort.value, one) for one in what for when in ("before", "after")]


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def watched(settings, redis_client, clock, seen):
    url, redis_url = settings.database_url.get_secret_value(), settings.redis_url.get_secret_value()
    runtime = make_runtime(settings, url, redis_url, clock=clock, effects=seen)
    yield runtime
    runtime.close()


def test_a_transaction_that_wrote_is_told_with_its_tables(watched, seen):
    """What was committed is told before and after, by its tables (B1)."""
    with watched.sessions.begin() as session:
        session.add(Installation(key="k", value={}))
    assert seen.both(Sort.COMMIT, "installation")


def test_a_transaction_that_only_read_is_no_effect(watched, seen):
    """Nothing is left by reading (B1)."""
    with watched.sessions.begin() as session:
        session.get(Installation, "k")
    assert seen.told == []


def test_a_transaction_that_is_taken_back_is_told_of_by_nobody(watched, seen):
    """What was rolled back did not happen; the next one is told as ever (B1)."""
    with watched.sessions() as session:
        session.add(Installation(key="k", value={}))
        session.flush()
        session.rollback()
    with watched.sessions.begin() as session:
        session.get(Installation, "k")
    assert seen.told == []


def test_files_are_written_then_named_then_deleted(tmp_path, seen):
    """A file exists for others only under its name (B1)."""
    folder = Folder(tmp_path, "SY-TEST-0001", seen)
    part = folder.write("new", 0, "run1", pa.table({"member": [1]}), group_rows=1)
    folder.discard([part.path])
    assert seen.both(Sort.FILE, "write new", "name new", "delete")


def test_a_wake_up_is_told_once(watched, seen):
    """A wake-up that is still under way is not sent again (B1)."""
    watched.queue.wake_run(1)
    watched.queue.wake_run(1)
    assert seen.both(Sort.WAKE, "runs")


@pytest.mark.parametrize("channel", ["google", "linkedin", "meta"])
def test_requests_of_a_sign_in_are_told_without_their_query(watched, seen, channel):
    """Each request to a channel is told by method and path; tokens stand in neither (B1)."""
    with Simulators() as simulators:
        watched.settings.channels[channel].bases = simulators.urls[channel]
        oauth, app = watched.oauth(channel), watched.application(channel)
        with pytest.raises(ConnectorProblem):
            oauth.whoami(app, "no-such-token")
    assert seen.told
    assert not any("?" in what or "no-such-token" in what for _, _, what in seen.told)


def test_a_request_that_got_no_answer_has_no_after(watched, seen):
    """What became of it is not known (B1)."""
    watched.settings.channels["meta"].bases = {"graph": "http://127.0.0.1:9"}
    with pytest.raises(ConnectorProblem):
        watched.oauth("meta").whoami(watched.application("meta"), "t")
    assert {when for when, _, _ in seen.told} == {"before"}
