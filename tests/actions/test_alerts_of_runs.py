"""What a run leaves to say opens an alert, and closes it by itself: whom it did not send, why it sent everybody, what became of the audience."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest
from sqlalchemy import update

from connectors.contract import AudienceState, Reason, Refused, State
from connectors.problems import Code, SegmentRefused
from segsync.actions import rotation
from segsync.actions.push import follow
from segsync.models import Contact, Sync
from tests.actions.pushing import go, leave, let_go, open_alerts, put, told

# -- who is in the audience ------------------------------------------------------------------------------------------


def test_an_empty_segment_is_told_to_whoever_owns_the_sync(runtime, session, channel, sync):
    """A segment that became empty empties the audience: its owner is told, until somebody is in it again (S13)."""
    go(runtime, sync)
    assert told(runtime) == []
    leave(session, sync)
    let_go(runtime, sync.id)
    go(runtime, sync)
    go(runtime, sync)
    assert told(runtime) == [("segment.empty", "owner")]
    assert open_alerts(runtime)[0].times == 1
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    assert told(runtime) == []


def test_a_segment_without_identifiers_is_told(runtime, session, channel, sync):
    """Nobody can be sent because nobody has an identifier: that is said, not left to be found out (S13)."""
    leave(session, sync)
    put(session, sync, email=None)
    go(runtime, sync)
    assert told(runtime) == [("row.no_identifier", "owner")]
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    assert told(runtime) == []


def test_a_removal_that_was_put_off_is_told(runtime, session, channel, sync):
    """People who should be gone are still in the audience: the owner is told until the removal went through (B1, S13)."""
    go(runtime, sync)
    leave(session, sync)
    put(session, sync, email="new@example.org")

    def too_small(batch):
        if batch.action == "remove":
            raise SegmentRefused(Code.REMOVAL_TOO_SMALL)

    channel.before_push = too_small
    go(runtime, sync)
    assert told(runtime) == [("removal.too_small", "owner")]
    channel.before_push = lambda _batch: None
    go(runtime, sync)
    assert told(runtime) == []


@pytest.mark.parametrize(
    ("codes", "alert"),
    [
        ([Code.ROW_NO_CONSENT], ["row.no_consent"]),
        ([Code.ROW_BAD_FORMAT], ["row.bad_format"]),
        ([Code.ROW_NO_CONSENT, Code.ROW_BAD_FORMAT], ["row.refused"]),
        ([Code.OUTAGE], []),
    ],
)
def test_refused_rows_are_told_with_their_reason(runtime, channel, sync, codes, alert):
    """One reason for all is said as such, several are said as partly refused; what is sent again is no refusal (S13, B15)."""
    channel.push = once_refusing(channel.push, codes)
    go(runtime, sync)
    assert [code for code, _ in told(runtime)] == alert
    assert all(one.facts["count"] == f"{len(codes)}" for one in open_alerts(runtime))


def test_older_refusals_of_another_reason_stay_told(runtime, channel, session, sync):
    """Who was refused before is missing still when somebody else is refused for something else: told with both (S13, B15)."""
    push = channel.push
    channel.push = once_refusing(push, [Code.ROW_NO_CONSENT])
    go(runtime, sync)
    put(session, sync, email="new@example.org")
    channel.push = once_refusing(push, [Code.ROW_BAD_FORMAT])
    go(runtime, sync)
    assert [(alert.code, alert.facts["count"]) for alert in open_alerts(runtime)] == [("row.refused", "2")]


def once_refusing(push, codes):
    """A channel that does not take the first rows of the first batch, each for a reason."""
    left = [tuple(Refused(code.value, 1, (place,)) for place, code in enumerate(codes))]
    return lambda *arguments: replace(push(*arguments), refused=left.pop() if left else ())


def test_everybody_is_never_sent_again_in_silence(runtime, channel, sync):
    """Where the rules changed everybody is sent again: the run says why, and an alert does until it ended (S13)."""
    first = go(runtime, sync)
    assert (first.everybody, told(runtime)) == ("the audience is new", [])
    shape = replace(channel.capabilities.shapes["people"], expression="another")
    channel.capabilities = replace(channel.capabilities, shapes={"people": shape})
    seen = []
    channel.before_push = lambda _batch: seen.extend(told(runtime))
    run = go(runtime, sync)
    assert "identifiers are prepared" in run.everybody
    assert (set(seen), told(runtime)) == ({("run.everybody", "nobody")}, [])
    assert go(runtime, sync).everybody is None


def test_everybody_is_sent_anew_for_a_reason(runtime, channel, session, sync):
    """Where nothing was answered before, or everybody really changed, the run says that too (B16)."""

    def gone(_batch) -> None:
        raise SegmentRefused(Code.AUDIENCE_CLOSED)

    channel.before_push = gone
    assert go(runtime, sync).state == "failed"
    channel.before_push = lambda _batch: None
    assert "had not answered" in go(runtime, sync).everybody
    session.execute(update(Contact).values(first_name="Another"))
    session.commit()
    assert "of each of them has changed" in go(runtime, sync).everybody


def test_another_key_of_the_installation_sends_nobody_again(runtime, channel, session, sync):
    """Keys are changed while the product runs; nobody is sent again for it, in silence or aloud (B16)."""
    go(runtime, sync)
    assert list(rotation.rotate(runtime))
    session.execute(update(Contact).values(city="Berlin"))  # nothing that the channel is told again for nothing
    session.execute(update(Contact).values(city=None))
    session.commit()
    run = go(runtime, sync)
    assert (run.state, run.rows_added, run.everybody) == ("done", 0, None)


def test_an_unusual_size_is_told_and_ends_by_itself(runtime, channel, session, sync):
    """Twice as many as usual: the owner is told with the figures, nobody is stopped, and it ends when that is usual (B16)."""
    for _ in range(3):
        go(runtime, sync)
    for number in range(3):
        put(session, sync, email=f"more{number}@example.org")
    assert (go(runtime, sync).state, told(runtime)) == ("done", [("segment.unusual", "owner")])
    (alert,) = open_alerts(runtime)
    assert (alert.code, alert.facts["size"], alert.facts["usual"]) == ("segment.unusual", "6", "3")
    go(runtime, sync)
    assert open_alerts(runtime)[0].times == 1
    for _ in range(3):
        go(runtime, sync)
    assert told(runtime) == []


def test_how_unusual_a_size_may_be_is_set(runtime, channel, session, sync):
    """A sync that grows by leaps may do so in peace (B16)."""
    session.get_one(Sync, sync.id).unusual_percent = 150
    session.commit()
    for _ in range(3):
        go(runtime, sync)
    for number in range(3):
        put(session, sync, email=f"more{number}@example.org")
    go(runtime, sync)
    assert told(runtime) == []


# -- the audience at the channel -------------------------------------------------------------------------------------


def looked(runtime, sync, state):
    with runtime.sessions.begin() as session:
        follow.store_state(session, runtime, session.get_one(Sync, sync.id), state)
    return [code for code, _ in told(runtime)]


def test_an_audience_that_is_too_small_is_told_without_stopping_anything(runtime, channel, sync):
    """The channel matched too few: the owner is told, the sync goes on, and it ends when the channel says so (B9, S13)."""
    small = AudienceState(State.TOO_SMALL, raw="300")
    assert looked(runtime, sync, small) == []  # nobody was sent yet
    go(runtime, sync)
    assert looked(runtime, sync, small) == ["audience.too_small"]
    assert go(runtime, sync).state == "done"
    assert [code for code, _ in told(runtime)] == ["audience.too_small"]
    assert looked(runtime, sync, AudienceState(State.READY)) == []


def test_the_channels_own_reason_decides_what_is_told(runtime, channel, sync):
    """Closed because it could not be built is told as that, not as closed by somebody (B9)."""
    go(runtime, sync)
    failed = AudienceState(State.CLOSED, raw="442", reason=Reason(Code.AUDIENCE_FAILED.value))
    assert looked(runtime, sync, failed) == ["audience.failed"]
    assert looked(runtime, sync, AudienceState(State.CLOSED)) == ["audience.closed"]
    assert looked(runtime, sync, AudienceState(State.READY)) == []


# -- books and disk --------------------------------------------------------------------------------------------------


def test_a_ledger_that_cannot_be_read_is_told_to_the_operator(runtime, session, channel, sync):
    """Books that are damaged stop the sync before anybody is taken out by mistake (S13, promise 1)."""
    go(runtime, sync)
    for path in runtime.ledgers.rglob("*.parquet"):
        path.write_bytes(b"damaged")
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    assert told(runtime) == [("ledger.unreadable", "operator")]


def test_a_full_disk_is_told_to_the_operator(runtime, channel, sync):
    """No room for the books: nothing is sent, what is due stays due, and the operator is told (S13)."""

    def full(_batch):
        raise OSError(errno.ENOSPC, "No space left on device")

    channel.before_push = full
    go(runtime, sync)
    assert told(runtime) == [("disk.full", "operator")]
    channel.before_push = lambda _batch: None
    go(runtime, sync)
    assert told(runtime) == []
