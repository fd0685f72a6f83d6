"""Opt-outs and erasures: one person out of every audience, whatever the state of the syncs, and done only when all have confirmed."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from random import Random
from threading import Thread

import pyarrow.parquet as pq
import pytest
from sqlalchemy import delete, select, text
from structlog.testing import capture_logs

from connectors.contract import Action
from connectors.problems import Code, ReconnectNeeded, TryLater
from segsync.actions import (
    claims,
    erased,
    erasures_again,
    opt_outs,
    removal_books,
    removal_work,
    removals,
    runs,
    schedule,
    slices,
)
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.removals import Wish
from segsync.actions.waiting import resume_waiting
from segsync.audience.ledger import Held
from segsync.models import (
    AuditEvent,
    Contact,
    DataFile,
    ErasedKey,
    ImportJob,
    Integration,
    LinkedDevice,
    Person,
    Removal,
    RemovalTask,
    Run,
    SegmentMember,
    Sync,
)
from segsync.queue import Name
from segsync.rules.removal_words import Sort
from tests.actions.fake_channel import with_fakes
from tests.actions.pushing import again, go, keys, members, open_alerts, put, settle, start, work
from tests.builders import make_contact, make_segment, make_sync, make_workspace
from tests.fakes import LATER


@pytest.fixture
def take_out(runtime, session, sync, grace):
    """Grace asks for it; workers have not begun."""

    def asked(contact: Contact, sort: Sort = Sort.OPT_OUT) -> int:
        made = removals.ask(session, grace, sync.workspace, contact.id, Wish(sort, "asked"), now=runtime.clock())
        session.commit()
        return made.id

    return asked


def carry_out(runtime, removal_id: int, clock=None, times: int = 6) -> Removal:
    """Workers look as often as something is due."""
    for _ in range(times):
        removal_work.work(runtime, removal_id)
        if clock is not None:
            clock.forward(minutes=11)
    with runtime.sessions() as session:
        return session.get_one(Removal, removal_id)


def tasks(runtime, removal_id: int) -> list[RemovalTask]:
    with runtime.sessions() as session:
        return list(session.scalars(select(RemovalTask).where(RemovalTask.removal_id == removal_id)))


def test_one_action_takes_a_person_out_of_every_audience(runtime, channel, session, sync, take_out):
    """Two audiences hold the person, one action takes them out of both, and it is done with a receipt of each (B5)."""
    segment = make_segment(session, sync.workspace, "Other")
    contact = members(session, sync)[0]
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    other = make_sync(session, segment, session.get_one(Integration, sync.integration_id), account_id="act-2")
    session.commit()
    for each in (sync, other):
        go(runtime, each)
    removal = carry_out(runtime, take_out(contact))
    assert (removal.state, removal.done_at) == ("done", runtime.clock())
    assert [task.state for task in tasks(runtime, removal.id)] == ["confirmed", "confirmed"]
    assert len(keys(channel)) == 2
    session.refresh(contact)
    assert contact.subscription == "no"


def test_goes_on_while_the_sync_is_switched_off(runtime, channel, session, sync, take_out):
    """A sync that is switched off keeps its audience, but not somebody who opted out (B5, B12)."""
    go(runtime, sync)
    session.get_one(Sync, sync.id).status = "inactive"
    session.commit()
    assert carry_out(runtime, take_out(members(session, sync)[0])).state == "done"
    assert len(keys(channel)) == 2


def test_next_run_neither_adds_nor_removes_them_again(runtime, channel, session, sync, take_out):
    """Our books know that they are out: the next run has nothing to do (B5)."""
    go(runtime, sync)
    carry_out(runtime, take_out(members(session, sync)[0]))
    sent = len(channel.pushed)
    assert go(runtime, sync).state == "done"
    assert len(channel.pushed) == sent
    assert again(runtime, sync).members_held == 2


def test_every_contact_of_the_person_goes(runtime, channel, session, sync, grace):
    """A second contact with the same e-mail, also in another workspace, or with the phone alone, is not added again (B5)."""
    one = put(session, sync, email="one@example.org", phone="+4930901820")
    twin, by_phone = put(session, sync, email="one@example.org"), put(session, sync, email=None, phone="+4930901820")
    colleague = put(session, sync, email="two@example.org", phone="+4930901820")
    phone_only = opt_outs.same_person(session, sync.organization_id, by_phone)
    elsewhere = make_contact(
        session, make_workspace(session, sync.workspace.organization, "Elsewhere"), email="one@example.org"
    )
    go(runtime, sync)
    removals.ask(session, grace, sync.workspace, one.id, Wish(Sort.OPT_OUT), now=runtime.clock())
    session.commit()
    for each in session.scalars(select(Removal.id)).all():
        carry_out(runtime, each)
    run = go(runtime, sync)
    session.expire_all()
    assert phone_only == []
    said = [each.subscription for each in (one, twin, by_phone, elsewhere, colleague)]
    assert said == ["no", "no", "no", "no", "unknown"]
    assert (run.skipped["not_subscribed"], session.scalars(select(Removal.state)).all()) == (3, ["done"] * 4)


def test_erased_key_of_somebody_who_stays_is_added_again(runtime, channel, session, sync, take_out):
    """An erased person's keys go out even where somebody shares them; whoever stays is added again by the next run (B5)."""
    one = put(session, sync, email="one@example.org", phone="+4930901820")
    put(session, sync, email="two@example.org", phone="+4930901820")
    go(runtime, sync)
    before = len(keys(channel))
    assert carry_out(runtime, take_out(one, Sort.ERASURE)).state == "done"
    assert len(keys(channel)) == before - 2
    run = go(runtime, sync)
    assert (run.rows_added, len(keys(channel))) == (1, before - 1)


def test_erasure_deletes_the_person_here_and_keeps_a_proof(runtime, session, sync, take_out):
    """The contact, devices and list memberships are gone; what stays recognises them and tells nobody who it was (B5)."""
    contact = put(session, sync, email="eve@example.org")
    session.add(LinkedDevice(workspace_id=sync.workspace_id, contact_id=contact.id, kind="idfv", value="X"))
    session.commit()
    go(runtime, sync)
    number = contact.id
    removal = carry_out(runtime, take_out(contact, Sort.ERASURE))
    session.expire_all()
    assert session.get(Contact, number) is None
    assert session.scalars(select(LinkedDevice)).all() == []
    assert removal.contact_id is None
    known = erased.digests(runtime.vault, sync.workspace_id, {"email": "eve@example.org"})
    assert [key.digest for key in session.scalars(select(ErasedKey))] == known
    assert {task.keys_sealed for task in tasks(runtime, removal.id)} == {None}


def test_ledger_holds_nothing_of_an_erased_person(runtime, session, sync, take_out):
    """After the confirmation no row of theirs is in the current books (B5)."""
    go(runtime, sync)
    number = members(session, sync)[0].id
    carry_out(runtime, take_out(members(session, sync)[0], Sort.ERASURE))
    current = select(DataFile.path).where(DataFile.ledger_id == again(runtime, sync).ledger_id)
    rows = [row for path in session.scalars(current) for row in pq.read_table(runtime.ledgers / path).to_pylist()]
    assert len(rows) == 2
    assert number not in {row["member"] for row in rows}
    assert {row["state"] for row in rows} == {Held.HELD}


def test_damaged_books_of_another_audience_are_named_as_its_own(runtime, session, sync, take_out):
    """An erasure looks into every audience of the ad account: of books that are damaged the log says whose, and others go on (B5)."""
    contact = members(session, sync)[0]
    damaged, sound = (
        one_more(session, sync, put(session, sync, email=f"x{n}@example.org", phone="+4930901820")) for n in (1, 2)
    )
    contact.phone, damaged.account_id, sound.account_id = "+4930901820", sync.account_id, sync.account_id
    session.commit()
    for each in (sync, damaged, sound):
        go(runtime, each)
    for path in (runtime.ledgers / damaged.public_id).iterdir():
        path.write_bytes(b"")
    with capture_logs() as logs:
        removal_id = carry_out(runtime, take_out(contact, Sort.ERASURE)).id
    told = [line["sync"] for line in logs if "damaged" in line["event"]]
    assert (told, [task.problem_code for task in tasks(runtime, removal_id)]) == (
        [damaged.public_id],
        ["ledger.unreadable"],
    )
    with runtime.sessions() as other:
        assert other.get_one(Sync, sound.id).next_run_at <= runtime.clock()


def test_dead_signin_waits_in_an_alert_and_can_be_done_by_hand(runtime, channel, session, sync, take_out, grace):
    """Where the channel cannot be asked one alert says so; done on the channel's own page, it is kept with who did it (B5)."""
    go(runtime, sync)

    def dead(_batch) -> None:
        raise ReconnectNeeded(Code.SIGNIN_REVOKED)

    channel.before_push = dead
    removal = carry_out(runtime, take_out(members(session, sync)[0]))
    (task,) = tasks(runtime, removal.id)
    assert (task.state, task.problem_code, removal.done_at) == ("by hand", "signin.revoked", None)
    assert [(alert.code, alert.acts) for alert in open_alerts(runtime)] == [("removal.waits", "admin")]
    removals.done_by_hand(session, grace, removal.id, task.id, now=runtime.clock())
    session.commit()
    assert carry_out(runtime, removal.id).state == "done"
    assert tasks(runtime, removal.id)[0].by_hand_by == grace.person_id
    assert open_alerts(runtime) == []


@pytest.mark.parametrize("sort", [Sort.OPT_OUT, Sort.ERASURE])
def test_removal_that_a_channel_refuses_for_good_is_told(runtime, channel, clock, session, sync, take_out, sort):
    """A channel that does not take the person out is not asked forever in silence: an alert, a look a day, and done once it does (B5)."""
    go(runtime, sync)
    channel.refuse = lambda batch: {0: "row.bad_format"} if batch.action is Action.REMOVE else {}
    removal = carry_out(runtime, take_out(members(session, sync)[0], sort), clock)
    (task,) = tasks(runtime, removal.id)
    assert (task.state, removal.done_at) == ("by hand", None)
    assert [alert.code for alert in open_alerts(runtime)] == ["removal.waits"]
    channel.refuse = lambda _batch: {}
    clock.forward(days=1)
    assert (carry_out(runtime, removal.id, clock).state, open_alerts(runtime)) == ("done", [])


def test_one_audience_that_breaks_off_keeps_no_other_waiting(runtime, channel, session, sync, take_out):
    """Something that nobody thought of happens at one audience: the others are done meanwhile (B5)."""
    contact = members(session, sync)[0]
    other = one_more(session, sync, contact)
    for each in (sync, other):
        go(runtime, each)
    removal_id = take_out(contact)

    def breaks_off(_batch) -> None:
        channel.before_push = lambda _batch: None
        raise RuntimeError

    channel.before_push = breaks_off
    with pytest.raises(RuntimeError):
        removal_work.work(runtime, removal_id)
    with runtime.sessions.begin() as opened:
        opened.get_one(Removal, removal_id).lease_until = None  # it ran out
    carry_out(runtime, removal_id)
    assert sorted(task.state for task in tasks(runtime, removal_id)) == ["confirmed", "waiting"]


def dead_once(channel) -> None:
    """The sign-in is dead at the first call, and good again afterwards."""
    trouble = [ReconnectNeeded(Code.SIGNIN_REVOKED)]

    def dead(_batch) -> None:
        if trouble:
            raise trouble.pop()

    channel.before_push = dead


def test_signin_that_works_again_is_used_the_next_day(runtime, channel, clock, session, sync, take_out):
    """What waited is looked at once a day and goes on by itself (B5)."""
    go(runtime, sync)
    dead_once(channel)
    removal_id = take_out(members(session, sync)[0])
    carry_out(runtime, removal_id)
    clock.forward(hours=25)
    assert carry_out(runtime, removal_id).state == "done"
    assert open_alerts(runtime) == []


def test_reconnecting_takes_people_out_at_once(runtime, channel, session, sync, take_out):
    """A removal that waited for a dead sign-in goes on as soon as its person has reconnected, not only a day later (B5)."""
    go(runtime, sync)
    dead_once(channel)
    removal_id = take_out(members(session, sync)[0])
    assert carry_out(runtime, removal_id).done_at is None
    with runtime.sessions.begin() as fresh:
        resume_waiting(runtime, fresh, fresh.get_one(Integration, sync.integration_id))
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.REMOVALS) == 1
    assert carry_out(runtime, removal_id).state == "done"
    assert open_alerts(runtime) == []


def test_removal_renews_a_token_that_the_channel_calls_expired(runtime, channel, session, sync, take_out):
    """A token that ended is renewed in the midst of a removal, once, and nobody has to do anything (B5)."""
    go(runtime, sync)
    fake = with_fakes(runtime)
    fake.fakes.connector = channel
    expired = [ReconnectNeeded(Code.SIGNIN_EXPIRED)]

    def once(_batch) -> None:
        if expired:
            raise expired.pop()

    channel.before_push = once
    assert carry_out(fake, take_out(members(session, sync)[0])).state == "done"
    with runtime.sessions() as fresh:
        assert runtime.vault.open(fresh.get_one(Integration, sync.integration_id).access_sealed) == "access-new"
    assert open_alerts(runtime) == []


def test_channel_that_applies_later_is_waited_for(runtime, channel, clock, session, sync, take_out):
    """Where a channel carries out later it is done only when the channel says so (B5)."""
    channel.capabilities = LATER
    go(runtime, sync)
    clock.forward(hours=1)
    settle(runtime, sync)
    removal_id = take_out(members(session, sync)[0])
    removal_work.work(runtime, removal_id)
    assert tasks(runtime, removal_id)[0].state == "sent"
    clock.forward(minutes=11)
    assert carry_out(runtime, removal_id, clock).state == "done"
    assert len(keys(channel)) == 2


def test_run_under_way_that_brings_them_back_is_followed_by_another_removal(
    runtime, channel, session, sync, take_out, clock
):
    """Whoever was in the plan of a run under way is taken out once more when that run is over (B5)."""
    run = start(runtime, sync)
    limited = [TryLater(Code.RATE_LIMIT, retry_after=timedelta(minutes=3))]

    def pause(_batch) -> None:
        if limited:
            raise limited.pop()

    channel.before_push = pause
    slices.work_slice(runtime, run.id)
    removal_id = take_out(members(session, sync)[0])
    assert carry_out(runtime, removal_id).done_at is None
    clock.forward(minutes=4)
    work(runtime, run)
    assert carry_out(runtime, removal_id, clock).state == "done"
    assert len(keys(channel)) == 2


@pytest.mark.parametrize(("waits", "looked_at_after"), [(5, 5), (300, 10)])
def test_removal_beside_a_run_that_waits_waits_with_it(runtime, session, sync, take_out, clock, waits, looked_at_after):
    """What must follow a run is looked at when that goes on, and every ten minutes at most, not every ten seconds (B5)."""
    go(runtime, sync)
    run = start(runtime, sync)
    with runtime.sessions.begin() as other:
        other.get_one(Run, run.id).not_before = clock() + timedelta(minutes=waits)
    removal_id = take_out(members(session, sync)[0])
    carry_out(runtime, removal_id)
    (task,) = tasks(runtime, removal_id)
    assert task.next_at == clock() + timedelta(minutes=looked_at_after)


class Backwards(Random):
    """What was asked for last is carried out first."""

    def shuffle(self, asked) -> None:
        asked.reverse()


def test_addition_that_is_carried_out_after_the_removal_is_followed_by_another(
    runtime, channel, session, sync, take_out, clock
):
    """Where a channel has not carried out a run's additions yet, one that comes after the removal brings nobody back (B5)."""
    channel.capabilities, channel.random = LATER, Backwards()
    go(runtime, sync)
    removal_id = take_out(members(session, sync)[0])
    removal_work.work(runtime, removal_id)
    clock.forward(minutes=31)
    settle(runtime, sync)
    assert carry_out(runtime, removal_id, clock, times=9).state == "done"
    assert len(keys(channel)) == 2


def test_who_subscribed_again_can_opt_out_again(runtime, channel, session, sync, take_out):
    """While an opt-out waits for one audience the person comes back into another: asked again, they leave that too (B5)."""
    contact = members(session, sync)[0]
    other = one_more(session, sync, contact)
    for each in (sync, other):
        go(runtime, each)
    answers = [None, ReconnectNeeded(Code.SIGNIN_REVOKED)]
    channel.before_push = lambda _batch: answer(answers)
    removal_id = take_out(contact)
    carry_out(runtime, removal_id)
    contact.subscription = "yes"
    session.commit()
    go(runtime, sync)
    session.get_one(Sync, sync.id).status = "inactive"
    assert take_out(contact) == removal_id
    carry_out(runtime, removal_id)
    assert [task.state for task in tasks(runtime, removal_id)] == ["confirmed", "by hand", "confirmed"]
    assert (contact.subscription, len(keys(channel))) == ("no", 3)


def answer(answers: list) -> None:
    if answers and (problem := answers.pop(0)):
        raise problem


def one_more(session, sync, contact) -> Sync:
    """A second sync, of a segment with this contact alone."""
    segment = make_segment(session, sync.workspace, "Other")
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    made = make_sync(session, segment, session.get_one(Integration, sync.integration_id), account_id="act-2")
    session.commit()
    return made


def test_no_run_begins_while_somebody_is_taken_out(runtime, session, sync):
    """The audience belongs to the removal alone, also where the last thing that happened to its sync was a try (B5)."""
    go(runtime, sync)
    with runtime.sessions.begin() as opened:
        tried = runs.try_out(opened, opened.get_one(Sync, sync.id), by=None, now=runtime.clock())
    work(runtime, tried)
    run, lease = start(runtime, sync), timedelta(minutes=4)
    with removal_books.hold(runtime, sync.id):
        assert claims.take(runtime.sessions, run.id, lease=lease, now=runtime.clock()) is None
    assert claims.take(runtime.sessions, run.id, lease=lease, now=runtime.clock()) is not None


def test_hold_that_ran_out_ends_nobody_elses(runtime, session, sync):
    """Taking somebody out of large books lengthens its hold; where that ran out, it stops and leaves whoever came after alone (B5)."""
    go(runtime, sync)
    ran_out = text(
        "update run set lease_until = clock_timestamp() - interval '1 s' where id = :id returning lease_until"
    )
    with removal_books.hold(runtime, sync.id) as held:
        first = held.until
        held.keep()
        assert held.until > first
        with runtime.sessions.begin() as opened:
            held.until = opened.execute(ran_out, {"id": held.run_id}).scalar_one()
        with removal_books.hold(runtime, sync.id) as later:
            with pytest.raises(removal_books.Busy):
                held.keep()
            later.keep()


def test_whoever_begins_at_the_same_moment_waits_for_the_other(runtime, session, sync):
    """A run and a removal that begin at once do not both write to the audience (B5)."""
    go(runtime, sync)
    run = start(runtime, sync)
    met: list[type[Exception]] = []

    def hold() -> None:
        try:
            with removal_books.hold(runtime, sync.id):
                pass
        except removal_books.Busy as problem:
            met.append(type(problem))

    other = Thread(target=hold)

    class Slow:
        @contextmanager
        def begin(self):
            with runtime.sessions.begin() as opened:
                yield opened
                other.start()
                other.join(timeout=0.5)

    assert claims.take(Slow(), run.id, lease=timedelta(minutes=4), now=runtime.clock()) is not None
    other.join()
    assert met == [removal_books.Busy]


def test_somebody_in_no_audience_is_done_at_once(runtime, session, sync, take_out):
    """Whoever was never sent is barred and done, with nothing to ask of a channel (B5)."""
    removal = carry_out(runtime, take_out(members(session, sync)[0]))
    assert (removal.state, tasks(runtime, removal.id)) == ("done", [])


def test_withdrawn_consent_is_kept_as_denied(session, sync, take_out):
    """A withdrawn consent is written down as that, and as not subscribed (B5)."""
    contact = members(session, sync)[0]
    take_out(contact, Sort.CONSENT)
    session.refresh(contact)
    assert (contact.subscription, contact.ad_user_data, contact.ad_personalization) == ("no", "denied", "denied")


def test_only_administrators_take_people_out(runtime, session, sync):
    """A Marketing User cannot take somebody out of everything (B5)."""
    ada = Actor.person(session.get_one(Person, sync.owner_id))
    contact = members(session, sync)[0]
    with pytest.raises(NotAllowed, match="administrator"):
        removals.ask(session, ada, sync.workspace, contact.id, Wish(Sort.ERASURE), now=runtime.clock())


def test_trail_names_nobody(runtime, session, sync, take_out):
    """Who asked for an erasure and when it was done stand in the trail, with numbers only (B5)."""
    go(runtime, sync)
    contact = members(session, sync)[0]
    carry_out(runtime, take_out(contact, Sort.ERASURE))
    told = session.scalars(select(AuditEvent).where(AuditEvent.event.in_(["contact.erase", "contact.out"]))).all()
    assert [event.event for event in told] == ["contact.erase", "contact.out"]
    assert "example.org" not in str([(event.subject_name, event.before, event.after) for event in told])


def test_what_is_due_is_woken_in_a_queue_of_its_own(runtime, session, sync, take_out):
    """Removals have a queue of their own, behind no import, and the scheduler wakes what is due (B5)."""
    take_out(members(session, sync)[0])
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.REMOVALS) == 1


def test_erasure_is_applied_again_after_a_backup_was_restored(runtime, session, sync, take_out):
    """Exported proofs recognise whoever a restored backup brought back, and their erasure begins anew; nobody else's (B5)."""
    contact = members(session, sync)[0]
    row = {"email": contact.email, "created_at": contact.created_at}
    carry_out(runtime, take_out(contact, Sort.ERASURE))
    exported = list(erased.export(session))
    back = put(session, sync, **row)
    back_id = back.id
    session.execute(delete(ErasedKey))
    session.commit()
    far_later = [line.replace("2026-03-02", "2099-03-02") for line in exported]
    assert erasures_again.apply(runtime, erasures_again.read(far_later), "root") == 1
    again_asked = session.scalars(select(Removal).where(Removal.done_at.is_(None))).one()
    assert (again_asked.contact_id, again_asked.sort) == (back_id, "erasure")
    carry_out(runtime, again_asked.id)
    session.expire_all()
    assert session.get(Contact, back_id) is None


def test_proofs_that_are_none_are_refused():
    """A file that is no export is refused with the line (B5)."""
    with pytest.raises(Refused, match="Line 2"):
        list(erasures_again.read(["", "{}"]))


def test_files_of_rejected_rows_that_name_an_erased_person_are_deleted(runtime, session, sync, take_out, tmp_path):
    """What an import left of an erased person goes too, however their phone was written; other files stay (B5)."""
    paths = [tmp_path / "theirs.csv", tmp_path / "others.csv"]
    for path, phone in zip(paths, ("030 / 90 18 20", "030 / 90 18 21"), strict=True):
        path.write_text(f"line,reason,phone\n2,why,{phone}\n", encoding="utf-8")
        row = {"subject": "contact", "file_name": "x.csv", "file_path": "/nowhere", "file_bytes": 1, "state": "done"}
        session.add(ImportJob(workspace_id=sync.workspace_id, rejects_path=str(path), **row))
    contact = put(session, sync, phone="+4930901820")
    carry_out(runtime, take_out(contact, Sort.ERASURE))
    assert [path.exists() for path in paths] == [False, True]
