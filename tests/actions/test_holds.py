"""Large removals wait for a person: held before anything is sent, told once, and let through by an administrator."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from connectors.problems import Code, SegmentRefused
from segsync.actions import chores, exclusions, holds, schedule, thresholds
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.exclusions import Terms, Written
from segsync.actions.threshold_changes import Given, change, change_sync
from segsync.models import Alert, AuditEvent, Contact, Exclusion, ImportJob, Organization, Person, Run, Segment
from segsync.rules.terms import Role
from tests.actions.pushing import again, go, join, keys, leave, members, open_alerts, put, work
from tests.builders import make_person


@pytest.fixture
def grace(session, sync) -> Actor:
    person = make_person(session, session.get_one(Organization, sync.organization_id), "Grace", Role.ABM_ADMIN)
    session.commit()
    return Actor.person(person)


@pytest.fixture
def held(runtime, channel, session, sync, grace) -> Run:
    """Of an audience of six, three leave, where a run is held from two on."""
    for number in range(10, 13):
        put(session, sync, email=f"p{number}@example.org")
    change(session, grace, Given(20, 2, 30))
    session.commit()
    go(runtime, sync)
    leave(session, sync, *members(session, sync)[:3])
    channel.pushed.clear()
    return go(runtime, sync)


def scheduled(runtime, clock, sync) -> Run:
    """The next run on schedule."""
    clock.forward(hours=7)
    schedule.tick(runtime)
    with runtime.sessions() as session:
        newest = session.scalar(select(Run).where(Run.sync_id == sync.id).order_by(Run.id.desc()))
    return work(runtime, newest)


def released(runtime, session, sync, actor, run) -> Run:
    started = holds.release(runtime, session, actor, sync.public_id, run.id)
    session.commit()
    return work(runtime, started)


def test_a_large_removal_is_held_before_anything_is_sent(runtime, channel, sync, held):
    """Nothing is sent: the sync failed, held for an administrator, with the figures (B2)."""
    assert (held.state, held.problem_code, held.rows_to_remove) == ("failed", "run.held", 3)
    assert (channel.pushed, len(keys(channel)), held.plan_id) == ([], 6, None)
    now = again(runtime, sync)
    assert (now.status, now.detail, now.members_held) == ("failed", "held", 6)
    (alert,) = open_alerts(runtime)
    assert (alert.code, alert.acts, alert.times) == ("run.held", "admin", 1)
    assert {name: alert.facts[name] for name in ("removals", "held", "share")} == {
        "removals": "3",
        "held": "6",
        "share": "50 %",
    }


def test_later_schedules_plan_anew_and_hold_again(runtime, channel, clock, session, sync, held):
    """The schedule goes on: held again with today's figures, in the same alert, and failed all the time (B2)."""
    leave(session, sync, members(session, sync)[0])
    run = scheduled(runtime, clock, sync)
    assert (run.problem_code, run.findings["leaving"], channel.pushed) == ("run.held", 4, [])
    assert again(runtime, sync).detail == "held"
    with runtime.sessions() as other:
        (alert,) = other.scalars(select(Alert)).all()
    assert (alert.facts["removals"], alert.times, alert.closed_at) == ("4", 1, None)


def test_what_is_held_goes_through_when_fewer_leave(runtime, channel, clock, session, sync, held):
    """Once the mistake is mended the next run on schedule goes through by itself, and the alert closes (B2)."""
    gone = session.scalars(select(Contact).order_by(Contact.id)).all()[:2]
    join(session, sync, *gone)
    run = scheduled(runtime, clock, sync)
    assert (run.state, run.rows_removed, again(runtime, sync).status) == ("done", 1, "synced")
    assert open_alerts(runtime) == []


def test_an_administrator_releases_and_the_run_goes_on_at_once(runtime, channel, session, sync, grace, held):
    """Grace lets them go: the next run sends at once, and what she did is in the audit trail (B2)."""
    run = released(runtime, session, sync, grace, held)
    assert (run.state, run.why, run.rows_removed, len(keys(channel))) == ("done", "released", 3, 3)
    assert (again(runtime, sync).status, open_alerts(runtime)) == ("synced", [])
    event = session.scalars(select(AuditEvent).where(AuditEvent.event == "sync.release")).one()
    assert (event.actor_name, event.after["removals"]) == ("Grace", 3)


def test_a_release_is_for_these_removals_only(runtime, session, sync, grace, held):
    """Used up by the run that carried them out: the next large removal is held again (B2)."""
    released(runtime, session, sync, grace, held)
    leave(session, sync, *members(session, sync)[:2])
    assert go(runtime, sync).problem_code == "run.held"


def test_a_release_does_not_cover_many_more(runtime, session, sync, grace, held):
    """Whoever released three did not release five (B2)."""
    leave(session, sync, *members(session, sync)[:2])
    assert released(runtime, session, sync, grace, held).problem_code == "run.held"


def test_a_release_is_used_up_as_people_go(runtime, channel, session, sync, grace, held):
    """The run broke off when two of three were out: the third may still go, and not three others with it (B2)."""

    def gone(batch) -> None:
        if batch.number > 1:
            raise SegmentRefused(Code.AUDIENCE_CLOSED)

    channel.before_push = gone
    assert released(runtime, session, sync, grace, held).rows_removed == 2
    channel.before_push = lambda _batch: None
    assert again(runtime, sync).release["removals"] == 1
    leave(session, sync, *members(session, sync)[:2])
    assert go(runtime, sync).problem_code == "run.held"


def test_a_changed_segment_needs_a_new_release(runtime, session, sync, grace, held):
    """What was released was these people leaving: another version of the segment is looked at again (B2)."""
    session.get_one(Segment, sync.segment_id).version += 1
    session.commit()
    with pytest.raises(Refused, match="segment that counts"):
        holds.release(runtime, session, grace, sync.public_id, held.id)
    session.rollback()
    newest = go(runtime, sync)
    run = holds.release(runtime, session, grace, sync.public_id, newest.id)
    session.get_one(Segment, sync.segment_id).version += 1
    session.commit()
    assert work(runtime, run).problem_code == "run.held"


def test_a_longer_exclusion_list_needs_a_new_release(runtime, session, sync, grace, held):
    """Whoever was put on a list after the figures were looked at is not let out with them (B2, B14)."""
    run = holds.release(runtime, session, grace, sync.public_id, held.id)
    exclusions.add_lines(session, grace, Written(["x@example.org"]), Terms(reason="rivals"), now=runtime.clock())
    session.commit()
    again_held = work(runtime, run)
    assert again_held.problem_code == "run.held"
    session.query(Exclusion).delete()
    session.commit()
    with pytest.raises(Refused, match="exclusion list"):
        holds.release(runtime, session, grace, sync.public_id, again_held.id)


def test_figures_that_changed_are_looked_at_before_they_are_released(runtime, session, sync, grace, held):
    """A page that was open for long releases nothing that nobody looked at (B2)."""
    go(runtime, sync)
    with pytest.raises(Refused, match="Another run was held meanwhile"):
        holds.release(runtime, session, grace, sync.public_id, held.id)


def test_only_an_administrator_releases(runtime, session, sync, held):
    """Ada, whose sync it is, reads who can (B2, S17)."""
    with pytest.raises(NotAllowed, match="Only an administrator can release"):
        holds.release(runtime, session, Actor.person(sync.creator), sync.public_id, held.id)


def test_a_fall_to_nobody_is_always_held(runtime, channel, session, sync, grace):
    """Three people are far below every threshold; that nobody is left is held all the same (B2)."""
    go(runtime, sync)
    leave(session, sync)
    run = go(runtime, sync)
    assert (run.problem_code, run.findings["to_nobody"], len(keys(channel))) == ("run.held", True, 3)
    assert released(runtime, session, sync, grace, run).state == "done"
    assert keys(channel) == set()


def test_losing_every_identifier_is_a_fall_to_nobody(runtime, channel, session, sync):
    """An import that empties the e-mail of everybody takes nobody out: they are members still, and cannot be sent (B2)."""
    go(runtime, sync)
    session.execute(update(Contact).values(email=None))
    session.commit()
    run = go(runtime, sync)
    assert (run.problem_code, run.members, len(keys(channel))) == ("run.held", 3, 3)


def test_a_source_that_fails_is_never_read_as_empty(runtime, channel, sync):
    """A database that breaks off while members are read ends the slice: nobody is removed, and the run goes on later (B2)."""
    go(runtime, sync)
    broken = replace(runtime, database_uri="postgresql://nobody@127.0.0.1:1/nowhere")
    with pytest.raises(Exception, match="connect"):
        go(broken, sync)
    assert len(keys(channel)) == 3
    assert go(runtime, sync).state == "done"
    assert len(keys(channel)) == 3


def test_what_was_held_leaves_the_ledger_on_the_disk(runtime, clock, session, sync, grace, held):
    """Clearing up a week later takes the drafts of the held run, and not the books (B2)."""
    clock.forward(days=8)
    chores.do(runtime, "collect", sync.id)
    assert list((runtime.ledgers / sync.public_id).glob(f"run{held.id}-*")) == []
    newest = go(runtime, sync)
    assert released(runtime, session, sync, grace, newest).state == "done"


def test_a_sync_may_have_thresholds_of_its_own(runtime, session, sync, grace, held):
    """What holds for the sync comes before what holds for the organization, and is audited (B2)."""
    change_sync(session, grace, sync.public_id, Given(None, 100, None))
    session.commit()
    assert go(runtime, sync).state == "done"
    event = session.scalars(select(AuditEvent).where(AuditEvent.event == "sync.thresholds")).one()
    assert event.after["hold_count"] == 100


@pytest.mark.parametrize("given", [Given(0, 500, 30), Given(20, 0, 30), Given(20, 500, 1001), Given(None, 500, 30)])
def test_thresholds_are_numbers_that_mean_something(session, sync, grace, given):
    """What cannot be meant is refused beside its field (B2)."""
    with pytest.raises(Refused) as refused:
        change(session, grace, given)
    assert refused.value.field in {"hold_percent", "hold_count", "unusual_percent"}
    assert thresholds.of_sync(session, sync).hold.count == 500


# -- what lies behind --------------------------------------------------------------------------------------------


def causes(run: Run) -> list[tuple[str, str]]:
    return [(cause["kind"], cause.get("by", "")) for cause in run.findings["causes"]]


def test_that_nothing_is_known_to_lie_behind_is_said(runtime, held):
    """Where nothing is found, that is said too, and nothing is made up (B2)."""
    assert causes(held) == []
    assert open_alerts(runtime)[0].facts["likely"] == "What lies behind it is not known."


def changed(sync, by: str, **after) -> AuditEvent:
    about = {"subject_kind": "segment", "subject_id": sync.segment_id, "subject_name": "Customers"}
    before = {"version": 1} if "version" in after else {}
    return AuditEvent(
        organization_id=sync.organization_id, actor_kind="person", actor_name=by, event="segment.change",
        before=before, after=after, **about,
    )  # fmt: skip


def test_a_changed_segment_and_an_import_are_told_with_who_did_it(runtime, clock, session, sync, held):
    """Whoever decides reads who changed the segment and which file came in since the last good run; a new name is no cause (B2)."""
    session.add_all([changed(sync, "Max", version=2), changed(sync, "Vera", version=1)])
    job = ImportJob(workspace_id=sync.workspace_id, person_id=sync.creator_id, subject="people", file_name="march.csv",
                    file_path="x", file_bytes=1, state="done", rows_updated=4)  # fmt: skip
    session.add(job)
    job.finished_at = clock.forward(minutes=5)
    session.commit()
    run = go(runtime, sync)
    assert causes(run) == [("segment", "Max"), ("import", "Ada")]
    told = open_alerts(runtime)[0].facts["likely"]
    assert "Max changed the segment “Customers”" in told
    assert "Ada imported “march.csv”" in told


def test_an_exclusion_is_told_as_the_cause(runtime, session, sync, held):
    """Whoever decides reads who put how many on the exclusion lists of this channel, and nothing of another channel's (B2, B14)."""
    grace = Actor.person(session.scalars(select(Person).where(Person.name == "Grace")).one())
    leavers = [contact.email for contact in members(session, sync)]
    for lines, terms in ((leavers, Terms(reason="rivals")), (["x@example.org"], Terms("google", reason="other"))):
        exclusions.add_lines(session, grace, Written(lines), terms, now=runtime.clock())
    session.commit()
    run = go(runtime, sync)
    assert ("excluded", "Grace") in causes(run)
    assert "Grace put 3 × e-mail on the exclusion lists" in open_alerts(runtime)[0].facts["likely"]


def test_opt_outs_are_told_as_the_cause(runtime, session, sync, held):
    """Where most of those who leave are still members and may no longer be sent, that is said with their number (B2)."""
    for contact in members(session, sync)[:2]:
        session.execute(update(Contact).where(Contact.id == contact.id).values(subscription="no"))
    gone = session.scalars(select(Contact).order_by(Contact.id)).first()
    join(session, sync, gone)
    run = go(runtime, sync)
    assert (run.findings["leaving"], causes(run)) == (4, [("consent", "")])
    assert run.findings["causes"][0]["count"] == 2


def test_a_segment_that_is_asked_for_is_a_cause_too(runtime, session, sync, held):
    """The rules ask for another segment, and somebody changed that one (B2)."""
    asked = Segment(organization_id=sync.organization_id, workspace_id=sync.workspace_id, name="Opt-outs", kind="list",
                    members="people")  # fmt: skip
    session.add(asked)
    session.flush()
    condition = {"field": "segment", "operator": "in_segment", "values": [str(asked.id)], "negated": True}
    session.get_one(Segment, sync.segment_id).rules = {"items": [condition]}
    event = changed(sync, "Max", added_to_list=3)
    event.subject_id, event.subject_name = asked.id, "Opt-outs"
    session.add(event)
    session.commit()
    assert causes(go(runtime, sync)) == [("segment", "Max")]
    assert again(runtime, sync).detail == "held"
