"""Wake-ups: what Redis carries, and what happens without it."""

from __future__ import annotations

import json
import zlib
from importlib import import_module

import pytest
import rq
from rq.serializers import JSONSerializer

from segsync.queue import JOBS, Name, Queue, connect


@pytest.fixture
def queue(redis_client) -> Queue:
    return Queue(redis_client)


@pytest.fixture
def away(tmp_path) -> Queue:
    """A queue whose Redis does not answer."""
    return Queue(connect(f"unix://{tmp_path}/nobody.sock"))


def waiting(redis_client, name) -> list[rq.job.Job]:
    return rq.Queue(name, connection=redis_client, serializer=JSONSerializer).jobs


def test_a_job_carries_ids_and_nothing_else(queue, redis_client):
    """What lies in Redis is a function's name and numbers, as JSON (no personal data in job arguments)."""
    queue.wake_run(7)
    queue.wake_chore("import", 9)
    (run,), (chore,) = waiting(redis_client, Name.RUNS), waiting(redis_client, Name.CHORES)
    data = json.loads(zlib.decompress(redis_client.hget(run.key, "data")))
    assert data == ["segsync.jobs.run_slice", None, [7], {}]
    assert (chore.func_name, chore.args) == ("segsync.jobs.do_chore", ["import", 9])


@pytest.mark.parametrize("name", list(Name))
def test_every_queue_has_a_function(name):
    """Each queue's job can be found by the worker."""
    module, _, attribute = JOBS[name].rpartition(".")
    assert callable(getattr(import_module(module), attribute))


def test_waking_again_and_again_makes_one_job(queue, redis_client):
    """A run that waits for a free worker is in the queue once, however often the scheduler looks."""
    for _ in range(5):
        queue.wake_run(7)
        queue.wake_ask(7)
    assert (len(waiting(redis_client, Name.RUNS)), len(waiting(redis_client, Name.ASKS))) == (1, 1)


def test_a_wake_up_during_the_work_is_not_lost(queue, redis_client):
    """What comes due while a worker is at it gets another look."""
    queue.wake_run(7)
    queue.begun(Name.RUNS, 7)
    queue.wake_run(7)
    assert len(waiting(redis_client, Name.RUNS)) == 2


def test_whoever_takes_a_wake_up_takes_the_one_that_waited_longest(queue, redis_client):
    """A worker that goes on overtakes nobody, and what it took wakes no second one (S13)."""
    for run_id in (7, 5, 9):
        queue.wake_run(run_id)
    rq.Queue(Name.RUNS, connection=redis_client, serializer=JSONSerializer).jobs[1].delete(remove_from_queue=False)
    assert [queue.take_run() for _ in range(3)] == [7, 9, None]
    assert redis_client.keys("rq:job:*") == redis_client.keys("rq:queue:runs*") == []


def test_what_is_no_run_stays_in_its_place(queue, redis_client):
    """A job of another version of segsync is for the worker that knows it: whoever goes on leaves it first in the queue."""
    runs = rq.Queue(Name.RUNS, connection=redis_client, serializer=JSONSerializer)
    other = runs.enqueue_call("os.mkdir", args=["somewhere"])
    queue.wake_run(7)
    assert (queue.take_run(), next(job.id for job in runs.jobs)) == (None, other.id)


def test_without_redis_nothing_raises(away):
    """A page that starts a sync works while Redis is away: the database remembers."""
    away.wake_run(7)
    away.wake_ask(7)
    away.wake_chore("import", 7)
    away.begun(Name.RUNS, 7)
    assert (away.waiting(Name.RUNS), away.take_run()) == (0, None)
