"""What was lost is rebuilt: an audience that is gone or expired, and books that cannot be read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from connectors.contract import Retire
from connectors.problems import Code, SegmentRefused
from segsync.actions import chores, schedule, sync_rebuild
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.models import DataFile, Person, Run, Sync, Workspace
from segsync.rules.terms import Rebuild, Role
from tests.actions.pushing import again, go, keys, leave, members, open_alerts, put, work
from tests.builders import make_person


def ordered(runtime, session, sync: Sync, person: Person | None = None) -> Run:
    """Ada presses Rebuild, and the run is worked on."""
    session.expire_all()
    who = Actor.person(person or session.get_one(Person, sync.owner_id))
    run = sync_rebuild.rebuild(runtime, session, who, sync.public_id)
    session.commit()
    return work(runtime, run)


def damage(runtime, session, sync: Sync, *, all_of_them: bool = False) -> None:
    """Cuts the files of the current ledger short, or all there are."""
    query = select(DataFile.path).where(DataFile.sync_id == sync.id)
    if not all_of_them:
        query = query.where(DataFile.ledger_id == again(runtime, sync).ledger_id)
    for path in session.scalars(query):
        file = runtime.ledgers / path
        file.write_bytes(file.read_bytes()[:-3])
    session.commit()


def mails(session, sync: Sync) -> int:
    return len(members(session, sync))


# -- the audience --------------------------------------------------------------------------------------------------


def test_an_audience_that_was_deleted_there_is_made_anew_by_a_person(runtime, channel, session, sync):
    """Somebody deleted it at the channel: one click makes a new one of the same marker and sends everybody, with that reason (B17)."""
    go(runtime, sync)
    channel.audiences.clear()
    put(session, sync, email="new@example.org")
    assert go(runtime, sync).problem_code == "audience.gone"
    run = ordered(runtime, session, sync)
    assert (run.state, run.rows_added, len(keys(channel))) == ("done", 4, 4)
    assert "made anew" in run.everybody
    assert (again(runtime, sync).audience_id, open_alerts(runtime)) == ("audience-2", [])
    assert go(runtime, sync).requests == 0


def test_an_audience_that_somebody_brought_back_keeps_its_books(runtime, channel, session, sync):
    """Gone when we looked, there when it is to be made anew: nobody who left meanwhile is forgotten in it (B1, B17)."""
    go(runtime, sync)
    away = dict(channel.audiences)
    channel.audiences.clear()
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    channel.audiences.update(away)
    leave(session, sync, members(session, sync)[0])
    run = ordered(runtime, session, sync)
    assert (run.state, run.rows_removed, len(keys(channel))) == ("done", 1, 3)


def test_an_expired_audience_is_rebuilt_by_itself_where_its_members_are_lost(runtime, channel, session, sync):
    """LinkedIn dropped it after 90 idle days: the run makes a new one, fills it, and an alert says so meanwhile (B17)."""
    channel.capabilities = replace(channel.capabilities, rebuilds_expired=True)
    go(runtime, sync)
    put(session, sync, email="new@example.org")
    told: set[str] = set()

    def expired(_batch) -> None:
        told.update(one.code for one in open_alerts(runtime))
        if channel.audiences.pop("audience-1", None):
            raise SegmentRefused(Code.AUDIENCE_EXPIRED)

    channel.before_push = expired
    run = go(runtime, sync)
    assert (run.state, run.new_members, len(keys(channel))) == ("done", 4, 4)
    assert (told, open_alerts(runtime)) == ({"run.everybody"}, [])


def test_an_audience_that_expires_again_at_once_is_left_to_a_person(runtime, channel, session, sync):
    """Made anew once and refused again: the run ends and says why, instead of making audience after audience (B17)."""
    channel.capabilities = replace(channel.capabilities, rebuilds_expired=True)
    go(runtime, sync)
    put(session, sync, email="new@example.org")

    def expired(_batch) -> None:
        channel.audiences.clear()
        raise SegmentRefused(Code.AUDIENCE_EXPIRED)

    channel.before_push = expired
    run = go(runtime, sync)
    assert (run.state, run.problem_code, channel.made) == ("failed", "audience.expired", 2)


# -- the books -----------------------------------------------------------------------------------------------------


def test_a_damaged_ledger_is_rebuilt_from_older_books(runtime, channel, session, sync):
    """The ledger was cut short: everybody is sent again, and who left since goes by what can still be read (B17)."""
    go(runtime, sync)
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    damage(runtime, session, sync)
    leave(session, sync, members(session, sync)[0], members(session, sync)[3])
    assert go(runtime, sync).problem_facts["rebuild"] == Rebuild.RECORDS
    run = ordered(runtime, session, sync)
    assert (run.state, run.rows_removed, len(keys(channel))) == ("done", 2, mails(session, sync))
    assert "older ones" in run.everybody
    assert go(runtime, sync).requests == 0
    assert {one.code for one in open_alerts(runtime)} == {"segment.unusual"}


def test_old_books_are_kept_while_the_ledger_is_damaged(runtime, channel, clock, session, sync):
    """A week later they would be cleared up: not while they may be all that is left (B17)."""
    go(runtime, sync)
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    damage(runtime, session, sync)
    go(runtime, sync)
    clock.forward(days=8)
    with runtime.sessions() as fresh:
        assert list(fresh.scalars(schedule._CHORES["collect"](clock.now))) == []
    leave(session, sync, members(session, sync)[0])
    assert ordered(runtime, session, sync).rows_removed == 1
    clock.forward(days=8)
    chores.do(runtime, "collect", sync.id)
    assert go(runtime, sync).state == "done"


def test_without_any_books_the_audience_is_emptied_first(runtime, channel, session, sync):
    """Nothing can be read any more: the channel empties the audience, then everybody is sent (B17)."""
    go(runtime, sync)
    damage(runtime, session, sync, all_of_them=True)
    leave(session, sync, members(session, sync)[0])
    assert go(runtime, sync).problem_facts["rebuild"] == Rebuild.EMPTY
    run = ordered(runtime, session, sync)
    assert (run.state, len(keys(channel))) == ("done", 2)


def test_where_the_channel_cannot_empty_everybody_is_sent_again(runtime, channel, session, sync):
    """LinkedIn cannot empty an audience: everybody is sent, and the page said who may stay behind (B17)."""
    channel.capabilities = replace(channel.capabilities, retire=frozenset({Retire.LEAVE, Retire.DELETE}))
    go(runtime, sync)
    damage(runtime, session, sync, all_of_them=True)
    assert go(runtime, sync).problem_facts["rebuild"] == Rebuild.AGAIN
    assert ordered(runtime, session, sync).rows_added == 3


def test_a_damaged_plan_can_be_rebuilt_too(runtime, channel, session, sync):
    """A plan that cannot be read is given up for what can, and nobody whom it may have brought is forgotten (promise 1)."""
    go(runtime, sync)
    newcomer = put(session, sync, email="new@example.org")
    channel.after_push = lambda _batch: (_ for _ in ()).throw(SegmentRefused(Code.UNEXPECTED))
    go(runtime, sync)
    channel.after_push = lambda _batch: None
    damage(runtime, session, sync)
    leave(session, sync, newcomer)
    go(runtime, sync)
    assert ordered(runtime, session, sync).state == "done"
    assert len(keys(channel)) == 3


# -- who may -------------------------------------------------------------------------------------------------------


def test_administrators_and_whoever_it_runs_as_may_rebuild(runtime, channel, session, sync):
    """Others are told who can; where nothing is lost, nothing is offered (B17)."""
    go(runtime, sync)
    workspace = session.get_one(Workspace, sync.workspace_id)
    organization = session.get_one(Person, sync.owner_id).organization
    bea = make_person(session, organization, "Bea", workspaces=(workspace,))
    grace = make_person(session, organization, "Grace", role=Role.ABM_ADMIN)
    session.commit()
    with pytest.raises(Refused, match="nothing to rebuild"):
        ordered(runtime, session, sync, grace)
    damage(runtime, session, sync, all_of_them=True)
    go(runtime, sync)
    with pytest.raises(NotAllowed, match="Only Ada or an administrator"):
        ordered(runtime, session, sync, bea)
    assert ordered(runtime, session, sync, grace).state == "done"
