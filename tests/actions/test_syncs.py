"""Creating, running, switching and deleting syncs: who may, what is checked, and what stays written."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors.contract import Retire
from connectors.registry import CHANNELS
from segsync.actions.actor import NotAllowed, Refused
from segsync.actions.sync_access import Taken
from segsync.actions.sync_switch import Off, switch_off, switch_on
from segsync.actions.syncs import delete, statement_key, sync_now
from segsync.models import AuditEvent, Run, StatementMade, StatusMove, WorkspacePerson
from segsync.rules import sync_ids
from segsync.rules.terms import RunState, SignInState, Status, Why
from tests.actions.northwind import Northwind
from tests.builders import make_organization, make_person, make_segment, make_workspace

TICKED = frozenset(statement_key(one) for one in CHANNELS["meta"].capabilities.statements)


@pytest.fixture
def northwind(session):
    return Northwind(session)


def events(session, name):
    return list(session.scalars(select(AuditEvent).where(AuditEvent.event == name)))


# -- creating --------------------------------------------------------------------------------------------------


def test_a_sync_is_created_with_its_first_run(runtime, northwind, clock):
    """Create Sync starts at once, on the creator's own account, under an ID that one can quote. (S6, S8)."""
    made = northwind.create(runtime)
    assert sync_ids.read(made.sync.public_id) == made.sync.public_id
    assert (made.sync.status, made.sync.owner_id) == (Status.SYNCING, northwind.people["Ada"].id)
    assert (made.run.why, made.run.state, made.use.used) == (Why.FIRST, RunState.QUEUED, 1)
    assert clock.now < made.sync.next_run_at <= clock.now + timedelta(hours=7.5)


def test_statements_stay_with_wording_person_and_time(runtime, northwind, clock):
    """What a channel asks a person to state is kept as it was read, with who and when. (B36)."""
    made = northwind.create(runtime)
    kept = northwind.session.scalars(select(StatementMade).order_by(StatementMade.id)).all()
    asked = CHANNELS["meta"].capabilities.statements
    assert [(one.name, one.version, one.text) for one in kept] == [(s.name, s.version, s.text) for s in asked]
    assert {(one.person_id, one.at, one.sync_id) for one in kept} == {
        (northwind.people["Ada"].id, clock.now, made.sync.id)
    }


def test_without_the_statements_nothing_starts(runtime, northwind):
    """A statement that nobody ticked, or ticked in an older wording, refuses the sync. (B36)."""
    for ticked in (frozenset(), frozenset({"customer_file_source@0", "custom_audience_terms@0"})):
        with pytest.raises(Refused) as refused:
            northwind.create(runtime, statements=ticked)
        assert refused.value.field == "statements"


def test_the_same_combination_is_refused_and_the_first_is_linked(runtime, northwind):
    """A second sync of the same segment, channel and ad account is refused, with a link to the first. (S6)."""
    first = northwind.create(runtime).sync
    with pytest.raises(Taken, match=first.public_id) as taken:
        northwind.create(runtime, name="Max")
    assert taken.value.link == (f"Open {first.public_id}", f"/syncs/{first.public_id}")


def test_a_deleted_sync_makes_room_for_another(runtime, northwind):
    """After deleting, the same combination can be created again, under another ID. (S6)."""
    first = northwind.create(runtime).sync
    delete(runtime, northwind.session, northwind.actor("Ada"), first.public_id, Retire.LEAVE)
    assert northwind.create(runtime).sync.public_id != first.public_id


def test_view_only_people_are_told_who_can(runtime, northwind):
    """Vera reads who can create syncs, and none is created. (S1, S17)."""
    with pytest.raises(NotAllowed, match="Ask a Marketing User or an administrator"):
        northwind.create(runtime, name="Vera")


def test_nobody_syncs_a_segment_of_a_workspace_they_do_not_belong_to(runtime, northwind):
    """Another workspace's segment cannot be synced by a Marketing User, and can by an administrator. (S4)."""
    elsewhere = make_workspace(northwind.session, northwind.organization, "Elsewhere")
    segment = make_segment(northwind.session, elsewhere, "Not Ada's")
    with pytest.raises(Refused, match="a workspace that you belong to"):
        northwind.create(runtime, segment_id=segment.id)
    assert northwind.create(runtime, name="Grace", segment_id=segment.id).sync.workspace_id == elsewhere.id


def test_another_organizations_segment_does_not_exist(runtime, northwind):
    """No action reaches into another organization. (S4)."""
    contoso = make_organization(northwind.session, "Contoso")
    segment = make_segment(northwind.session, make_workspace(northwind.session, contoso), "Theirs")
    with pytest.raises(Refused, match="a workspace that you belong to"):
        northwind.create(runtime, name="Grace", segment_id=segment.id)


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"channel": "linkedin"}, "channel", "Connect LinkedIn with your own sign-in first"),
        ({"account_id": "act-99"}, "account", "does not see this ad account"),
    ],
)
def test_only_what_my_own_sign_in_sees_can_be_chosen(runtime, northwind, change, field, says):
    """A channel I did not connect, or an ad account I do not see, is refused beside its field. (S2, S8)."""
    channel = change.get("channel", "meta")
    with pytest.raises(Refused, match=says) as refused:
        northwind.create(runtime, **{"channel": channel, **change, "statements": frozenset()})
    assert refused.value.field == field


def test_a_dead_sign_in_cannot_start_anything(runtime, northwind):
    """Where my sign-in has to be renewed, one reads that and gets the link. (S8)."""
    northwind.integrations["Ada"].state = SignInState.RECONNECT.value
    with pytest.raises(Refused, match="Reconnect it first") as refused:
        northwind.create(runtime)
    assert refused.value.link == ("Reconnect Meta", "/integrations/meta/connect")


def test_the_ad_account_must_have_been_checked_live(runtime, northwind, clock):
    """A check of yesterday does not count, and one that found a reason against it refuses. (S8)."""
    clock.forward(hours=2)
    with pytest.raises(Refused, match="Let it be checked first"):
        northwind.create(runtime)
    account = northwind.see(northwind.integrations["Ada"], via="manager", checked_at=clock.now)
    account.blocked = [{"code": "account.view_only", "facts": {}}]
    with pytest.raises(Refused, match="does not let you use “Northwind EU”"):
        northwind.create(runtime)


def test_a_deleted_segment_cannot_be_synced(runtime, northwind, clock):
    """A segment that was deleted meanwhile is named, and nothing starts. (S8)."""
    northwind.segment.deleted_at = clock.now
    with pytest.raises(Refused, match="“Enterprise prospects” was deleted"):
        northwind.create(runtime)


def test_one_usable_way_to_the_ad_account_is_enough(runtime, northwind, clock):
    """Seen twice, blocked through a manager account and usable directly: what the page offers is what starts. (S8)."""
    clock.forward(minutes=5)
    account = northwind.see(northwind.integrations["Ada"], via="manager", checked_at=clock.now)
    account.blocked = [{"code": "account.view_only", "facts": {}}]
    assert northwind.create(runtime).sync.account_via == ""


# -- running now -----------------------------------------------------------------------------------------------


def test_sync_now_starts_at_once_and_twice_is_one_run(runtime, northwind):
    """Sync now starts a run; pressed again it is the same run. (S12)."""
    sync = northwind.sync()
    first = sync_now(runtime, northwind.session, northwind.actor("Ada"), sync.public_id)
    assert (first.why, sync.status) == (Why.NOW, Status.SYNCING)
    assert sync_now(runtime, northwind.session, northwind.actor("Grace"), sync.public_id).id == first.id


def test_another_marketing_user_cannot_run_it(runtime, northwind):
    """Max reads that Ada or an administrator can run it. (S1)."""
    sync = northwind.sync("Ada")
    with pytest.raises(NotAllowed, match="Only Ada or an administrator can run this sync"):
        sync_now(runtime, northwind.session, northwind.actor("Max"), sync.public_id)


def test_who_left_the_workspace_sends_none_of_its_people(runtime, northwind):
    """Ada was taken out of the workspace: she neither runs nor switches on her sync there, and can still switch it off. (S4)."""
    sync, session, ada = northwind.sync("Ada"), northwind.session, northwind.actor("Ada")
    session.delete(session.get_one(WorkspacePerson, (sync.workspace_id, ada.person_id)))
    session.commit()
    with pytest.raises(NotAllowed, match="You do not belong to the workspace “Main”"):
        sync_now(runtime, session, ada, sync.public_id)
    switch_off(runtime, session, ada, sync.public_id, Off("no longer mine"))
    with pytest.raises(NotAllowed, match="You do not belong to the workspace “Main”"):
        switch_on(runtime, session, ada, sync.public_id, TICKED)
    assert switch_on(runtime, session, northwind.actor("Grace"), sync.public_id, TICKED).run


def test_no_door_leads_to_a_run_while_it_is_off(runtime, northwind):
    """While a sync is switched off, Sync now is refused. (B12)."""
    sync = northwind.sync(status=Status.INACTIVE.value)
    with pytest.raises(Refused, match="Switch it on first"):
        sync_now(runtime, northwind.session, northwind.actor("Ada"), sync.public_id)


# -- switching off ---------------------------------------------------------------------------------------------


def test_switching_off_stops_the_run_and_keeps_who_when_and_why(runtime, northwind, clock):
    """Who, when, why and since when it is stale stay on the row; the run under way is stopped. (S10, B12)."""
    made = northwind.create(runtime)
    clock.forward(minutes=1)
    sync = switch_off(
        runtime, northwind.session, northwind.actor("Ada"), made.sync.public_id, Off("  season is   over ")
    )
    assert (sync.status, sync.off_by, sync.off_reason) == (
        Status.INACTIVE,
        northwind.people["Ada"].id,
        "season is over",
    )
    assert (sync.off_at, sync.stale_since, sync.next_run_at) == (clock.now, clock.now, None)
    assert northwind.session.get(Run, made.run.id, populate_existing=True).state == RunState.STOPPED


def test_administrators_switch_off_anyones_and_others_are_told_who_can(runtime, northwind):
    """Alan may switch off Ada's; Max reads that only Ada or an administrator can. (S10)."""
    sync = northwind.sync("Ada")
    with pytest.raises(NotAllowed, match="Only Ada or an administrator can switch this off"):
        switch_off(runtime, northwind.session, northwind.actor("Max"), sync.public_id, Off("mine now"))
    assert switch_off(runtime, northwind.session, northwind.actor("Alan"), sync.public_id, Off("budget")).off_by


@pytest.mark.parametrize(("typed", "says"), [("   ", "Say why"), ("x" * 501, "below 500 characters")])
def test_a_reason_is_asked(runtime, northwind, typed, says):
    """Without a reason, or with a novel, nothing is switched off. (S10)."""
    sync = northwind.sync("Ada")
    with pytest.raises(Refused, match=says) as refused:
        switch_off(runtime, northwind.session, northwind.actor("Ada"), sync.public_id, Off(typed))
    assert (refused.value.field, sync.status) == ("reason", Status.SYNCED)


def test_the_second_of_two_who_switch_off_reads_what_the_first_did(runtime, northwind):
    """Two people switch off at once: one does, the other reads who did. (S10)."""
    sync = northwind.sync("Ada")
    with runtime.sessions() as other:
        switch_off(runtime, northwind.session, northwind.actor("Grace"), sync.public_id, Off("budget"))
        northwind.session.commit()
        with pytest.raises(Refused, match="Grace switched this off already"):
            switch_off(runtime, other, northwind.actor("Ada"), sync.public_id, Off("season is over"))


def test_every_move_and_every_deed_is_recorded(runtime, northwind):
    """The move to inactive stands in the history; the deed with before, after and reason in the audit trail. (S14, S15)."""
    sync = northwind.sync("Ada")
    switch_off(runtime, northwind.session, northwind.actor("Grace"), sync.public_id, Off("budget"))
    northwind.session.flush()
    move = northwind.session.scalars(select(StatusMove)).one()
    assert (move.before, move.after) == (Status.SYNCED, Status.INACTIVE)
    (event,) = events(northwind.session, "sync.off")
    assert (event.actor_name, event.reason, event.sync_public_id) == ("Grace", "budget", sync.public_id)
    assert (event.before["status"], event.after["status"]) == (Status.SYNCED, Status.INACTIVE)
    assert (f"→ Meta · {sync.account_name}" in event.subject_name, event.after["channel"]) == (True, "Meta")


# -- switching on ----------------------------------------------------------------------------------------------


def test_it_runs_on_the_account_of_whoever_switched_it_on(runtime, northwind):
    """Grace resumes Ada's sync: from then on it runs on Grace's account, and Ada may still switch it off. (S11)."""
    sync = northwind.sync("Ada", status=Status.INACTIVE.value, off_reason="season is over")
    resumed = switch_on(runtime, northwind.session, northwind.actor("Grace"), sync.public_id, TICKED)
    grace = northwind.integrations["Grace"]
    assert (resumed.sync.owner_id, resumed.sync.integration_id) == (grace.person_id, grace.id)
    assert (resumed.sync.status, resumed.sync.off_reason, resumed.run.why) == (Status.SYNCING, None, Why.RESUMED)
    assert resumed.sync.creator_id == northwind.people["Ada"].id
    assert switch_off(runtime, northwind.session, northwind.actor("Ada"), sync.public_id, Off("enough")).off_at


def test_whoever_switches_on_makes_the_statements_in_their_own_name(runtime, northwind, clock):
    """Ada's statements do not speak for Grace, who is asked; Ada herself is not asked the same words twice. (B36)."""
    made, session = northwind.create(runtime).sync, northwind.session
    switch_off(runtime, session, northwind.actor("Ada"), made.public_id, Off("a pause"))
    session.commit()
    with pytest.raises(Refused, match="Tick each one that is true") as refused:
        switch_on(runtime, session, northwind.actor("Grace"), made.public_id)
    assert refused.value.field == "statements"
    session.rollback()
    assert switch_on(runtime, session, northwind.actor("Ada"), made.public_id).run
    switch_off(runtime, session, northwind.actor("Ada"), made.public_id, Off("another pause"))
    clock.forward(minutes=5)
    switch_on(runtime, session, northwind.actor("Grace"), made.public_id, TICKED)
    hers = session.scalars(select(StatementMade).where(StatementMade.person_id == northwind.people["Grace"].id)).all()
    assert {f"{one.name}@{one.version}" for one in hers} == TICKED
    assert {(one.text != "", one.at) for one in hers} == {(True, clock.now)}


def test_a_statement_in_new_words_is_asked_again(runtime, northwind):
    """A wording that changed since it was ticked is read and ticked again before anything is sent. (B36)."""
    made, session = northwind.create(runtime).sync, northwind.session
    switch_off(runtime, session, northwind.actor("Ada"), made.public_id, Off("a pause"))
    session.scalars(select(StatementMade)).first().version = "0"
    session.commit()
    with pytest.raises(Refused, match="Tick each one that is true"):
        switch_on(runtime, session, northwind.actor("Ada"), made.public_id)


def test_anybody_else_is_told_who_can_switch_on(runtime, northwind):
    """Max may not resume Ada's sync although he sees the ad account. (S11)."""
    sync = northwind.sync("Ada", status=Status.INACTIVE.value)
    with pytest.raises(NotAllowed, match="Only Ada or an administrator with access to this ad account"):
        switch_on(runtime, northwind.session, northwind.actor("Max"), sync.public_id, TICKED)


def test_an_administrator_without_access_cannot_switch_on(runtime, northwind):
    """Alan administers, and has no sign-in at Meta of his own: he reads what to do. (S11)."""
    sync = northwind.sync("Ada", status=Status.INACTIVE.value)
    with pytest.raises(Refused, match="Connect Meta with your own sign-in first"):
        switch_on(runtime, northwind.session, northwind.actor("Alan"), sync.public_id, TICKED)


def test_off_until_an_administrator_allows_it(runtime, northwind):
    """An administrator locks it: Ada cannot switch it on, Grace can; a Marketing User cannot lock. (B12)."""
    sync = northwind.sync("Ada")
    with pytest.raises(NotAllowed, match="Only an administrator can switch off until"):
        switch_off(runtime, northwind.session, northwind.actor("Ada"), sync.public_id, Off("no", locked=True))
    switch_off(runtime, northwind.session, northwind.actor("Grace"), sync.public_id, Off("review", locked=True))
    with pytest.raises(NotAllowed, match="until an administrator allows it"):
        switch_on(runtime, northwind.session, northwind.actor("Ada"), sync.public_id, TICKED)
    assert not switch_on(runtime, northwind.session, northwind.actor("Grace"), sync.public_id, TICKED).sync.off_locked


def test_the_second_of_two_who_switch_on_reads_that(runtime, northwind):
    """Two people switch on at once: one does, the other reads that it is on. (S11)."""
    sync = northwind.sync("Ada", status=Status.INACTIVE.value)
    switch_on(runtime, northwind.session, northwind.actor("Grace"), sync.public_id, TICKED)
    northwind.session.commit()
    with runtime.sessions() as other, pytest.raises(Refused, match="switched this on a moment ago"):
        switch_on(runtime, other, northwind.actor("Ada"), sync.public_id, TICKED)


# -- deleting --------------------------------------------------------------------------------------------------


def test_deleting_keeps_what_it_was_and_frees_the_place(runtime, northwind, clock):
    """A deleted sync is still found by its ID, with who deleted it and what becomes of the audience. (B17, B33)."""
    made = northwind.create(runtime)
    sync = delete(runtime, northwind.session, northwind.actor("Ada"), made.sync.public_id, Retire.DELETE)
    assert (sync.deleted_at, sync.deleted_by, sync.retire_how) == (clock.now, northwind.people["Ada"].id, "delete")
    assert sync.status == Status.INACTIVE
    with pytest.raises(Refused, match="This sync was deleted"):
        sync_now(runtime, northwind.session, northwind.actor("Ada"), sync.public_id)


def test_another_marketing_user_cannot_delete_it(runtime, northwind):
    """Max reads that Ada or an administrator can delete it. (S1)."""
    sync = northwind.sync("Ada")
    with pytest.raises(NotAllowed, match="Only Ada or an administrator can delete this sync"):
        delete(runtime, northwind.session, northwind.actor("Max"), sync.public_id, Retire.LEAVE)


def test_another_organizations_sync_does_not_exist(runtime, northwind):
    """An administrator elsewhere who guesses a sync ID finds nothing. (S4)."""
    sync = northwind.sync("Ada")
    contoso = make_organization(northwind.session, "Contoso")
    northwind.people["Eve"] = make_person(northwind.session, contoso, "Eve", email="eve@contoso.example")
    with pytest.raises(Refused, match="There is no sync"):
        sync_now(runtime, northwind.session, northwind.actor("Eve"), sync.public_id)
