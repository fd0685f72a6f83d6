"""A sync's page, and what one does to it: each dangerous thing says first what happens."""

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors.contract import AdAccount, Campaign, Use
from connectors.problems import Code, TryLater
from connectors.registry import CHANNELS
from segsync.actions import asks
from segsync.actions.alerts import Cause, open_alert
from segsync.actions.statements import statement_key
from segsync.models import Ask, LimitScope, Run, StatementMade, Sync
from segsync.rules.terms import Acts, AskState, Status
from tests.actions.fake_channel import with_fakes
from tests.builders import (
    NOW,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)


@pytest.fixture
def fake(runtime):
    return with_fakes(runtime)


@pytest.fixture
def sync(session, workspace, ada, fake):
    """Ada's sync, in step, with an audience at Meta."""
    hers = make_integration(session, ada, "meta", name="ada@meta.example", access_sealed=fake.vault.seal("token"))
    segment = make_segment(session, workspace, "Enterprise prospects", ada, size=1204, refreshed_at=NOW)
    made = make_sync(
        session,
        segment,
        hers,
        account_id="act-77",
        account_name="Northwind EU",
        audience_id="aud-1",
        audience_name="Enterprise prospects",
        members_held=1204,
    )
    session.commit()
    return made


@pytest.fixture
def past_run(session, sync):
    made = Run(organization_id=sync.organization_id, sync_id=sync.id, why="schedule", state="failed", members=1204,
               rows_added=12, rows_to_add=40, rows_removed=3, rows_to_remove=3, requests=4, started_at=NOW,
               created_at=NOW, finished_at=NOW + timedelta(seconds=95), skipped={"no_identifier": 37},
               refused={"row.bad_format": 2}, problem_code="wait.outage", problem_raw="503",
               references=["trace-1"], phases=[["checking", NOW.isoformat()],
                                               ["reading", (NOW + timedelta(seconds=5)).isoformat()]])  # fmt: skip
    session.add(made)
    session.commit()
    return made


def text(response, status=200):
    assert response.status_code == status, response.text
    return " ".join(response.text.split())


def answer(fake, session):
    for number in session.scalars(select(Ask.id).where(Ask.state == AskState.QUEUED.value)):
        asks.answer(fake, number)
    session.expire_all()


# -- the page --------------------------------------------------------------------------------------------------


def test_a_run_that_stopped_early_does_not_pretend_to_have_counted(sign_in, ada, sync, session, past_run):
    """Where nobody was read yet, the page says so, not "0 members, nobody left out" (S7)."""
    address = f"/syncs/{sync.public_id}/runs/{past_run.id}"
    assert "Left out" in text(sign_in(ada).get(address))
    past_run.members, past_run.phases = 0, [["checking", NOW.isoformat()]]
    session.commit()
    page = text(sign_in(ada).get(address))
    assert ("Left out" in page, "It stopped before anybody was read." in page) == (False, True)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"there": True, "read": 1_000_000, "rows": 3, "bytes": 4_000}, "what travelled here: 3 members, 4.0 kB"),
        (
            {"there": False, "rows": 9, "bytes": 2_000, "why": "warehouse.schema"},
            "Schema not usable: it was not compared",
        ),
        ({"there": False, "rows": 9, "bytes": 2_000}, "9 rows of the warehouse (2.0 kB) travelled here"),
    ],
)
def test_a_run_says_where_a_warehouse_was_compared(sign_in, ada, sync, session, past_run, seen, said):
    """What stayed in the warehouse and what travelled is said in figures, and why, where it was not compared there (B6)."""
    past_run.cursor = {"warehouse": seen}
    session.commit()
    assert said in text(sign_in(ada).get(f"/syncs/{sync.public_id}/runs/{past_run.id}"))


@pytest.mark.parametrize(("begun", "said"), [(None, "Queued"), (NOW, "Running")])
def test_a_run_that_has_begun_is_not_queued_any_more(sign_in, ada, sync, session, begun, said):
    """Between two slices a run waits for a worker, and is under way all the same (S12)."""
    session.add(Run(organization_id=sync.organization_id, sync_id=sync.id, why="first", state="queued",
                    phase="comparing", created_at=NOW, started_at=begun))  # fmt: skip
    session.commit()
    page = text(sign_in(ada).get(f"/syncs/{sync.public_id}"))
    assert ("<span>Queued</span>" in page, "<span>Running</span>" in page) == (said == "Queued", said == "Running")


def test_the_page_answers_whether_the_audience_is_right(sign_in, ada, sync, session):
    """Status, members by our books, the channel's own figures with their age, who, when. (S7, B9)."""
    sync.audience_state, sync.audience_seen_at = "too small", NOW - timedelta(hours=3)
    sync.audience_figures = [{"label": "size", "text": "below 1,000"}]
    session.add(StatementMade(organization_id=sync.organization_id, sync_id=sync.id, person_id=ada.id, name="n",
                              version="1", text="We may use this data."))  # fmt: skip
    session.commit()
    page = text(sign_in(ada).get(f"/syncs/{sync.public_id}"))
    for said in (
        "Synced",
        "Meta: too small, 3 h ago",
        '<span class="figure">1,204</span> <span class="small quiet">by our books',
        "below 1,000",
        "ada@meta.example",
        "Every 6 hours",
        "“We may use this data.”",
        f'data-copy="{sync.public_id}"',
    ):
        assert said in page


def test_alerts_come_first(sign_in, ada, sync, session, organization):
    """What needs attention stands above everything else, with steps and reference. (S7, S13)."""
    cause = Cause("sync:1:x", "audience.gone", Acts.OWNER, ada.id, "meta", raw="100/2654", reference="trace-9")
    open_alert(session, organization.id, cause, now=NOW, sync_ids=[sync.id])
    sync.status, sync.problem_code, sync.detail = "failed", "audience.gone", "needs a person"
    session.commit()
    page = text(sign_in(ada).get(f"/syncs/{sync.public_id}"))
    assert "Failed · audience deleted there" in page
    assert page.index("trace-9") < page.index(">Audience<")


def test_all_four_roles_see_its_history(sign_in, ada, grace, vera, sync, client, session):
    """Who did what to it is for everybody who sees it, also View-only. (S7)."""
    sign_in(ada).post(f"/syncs/{sync.public_id}/off", data={"reason": "season is over"})
    page = text(sign_in(vera).get(f"/syncs/{sync.public_id}"))
    assert "Ada switched it off: “season is over”" in page
    activity = page[page.index('id="activity"') :]
    assert '<span class="status status-inactive">' in activity
    assert "synced → inactive" not in activity


def test_runs_open_with_everything_they_did(sign_in, vera, sync, past_run):
    """Counts added, removed, refused, skipped; phases with times; requests; the channel's references. (S7)."""
    page = text(sign_in(vera).get(f"/syncs/{sync.public_id}"))
    assert f'href="/syncs/{sync.public_id}/runs/{past_run.id}"' in page
    page = text(sign_in(vera).get(f"/syncs/{sync.public_id}/runs/{past_run.id}"))
    for said in (
        "took 1 min 35 s",
        "37</strong> skipped by us",
        "2</strong> refused by Meta",
        "Reading",
        "trace-1",
        "503",
    ):
        assert said in page


def test_another_syncs_run_is_not_shown_here(sign_in, ada, sync, past_run, session, workspace):
    """A run is only found under its own sync. (S7)."""
    other = make_sync(session, make_segment(session, workspace), sync.integration)
    session.commit()
    assert sign_in(ada).get(f"/syncs/{other.public_id}/runs/{past_run.id}").status_code == 404


def test_progress_is_what_the_batches_committed(sign_in, ada, sync, session):
    """While a run goes on, one sees how much the channel answered; the part asks often. (S12)."""
    sync.status = Status.SYNCING.value
    session.add(Run(organization_id=sync.organization_id, sync_id=sync.id, why="now", state="working", phase="adding",
                    rows_to_add=200, rows_done=84, batches=4, batches_done=2))  # fmt: skip
    session.commit()
    live = sign_in(ada).get(f"/syncs/{sync.public_id}/live")
    assert live.headers["X-Live"] == "busy"
    assert "84 of 200 rows answered by Meta · 2 of 4 batches" in text(live)


def test_a_deleted_syncs_page_says_what_it_was(sign_in, ada, vera, sync):
    """A sync that was deleted still says what it was and who deleted it, and offers nothing to press. (B33)."""
    sign_in(ada).post(f"/syncs/{sync.public_id}/delete", data={"how": "leave"})
    page = text(sign_in(vera).get(f"/syncs/{sync.public_id}"))
    assert "Deleted by Ada" in page
    assert "Its audience was left there and is stale." in page
    assert "Switch o" not in page


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (("audience.gone", {}), "A new one is made there"),
        (("ledger.unreadable", {"rebuild": "records", "as_of": NOW.isoformat()}), "can still be read"),
        (("ledger.unreadable", {"rebuild": "empty"}), "The audience is emptied at Meta"),
        (("ledger.unreadable", {"rebuild": "again"}), "stay in the audience"),
    ],
)
def test_the_page_says_what_rebuilding_does_before_one_presses_it(sign_in, ada, vera, sync, session, problem, words):
    """Each way of rebuilding is said beside its button; who may not press it reads who can (B17)."""
    sync.status, (sync.problem_code, sync.problem_facts) = "failed", problem
    session.commit()
    page = text(sign_in(ada).get(f"/syncs/{sync.public_id}"))
    assert words in page
    assert f"/syncs/{sync.public_id}/rebuild" in page
    page = text(sign_in(vera).get(f"/syncs/{sync.public_id}"))
    assert f"/syncs/{sync.public_id}/rebuild" not in page
    assert "can rebuild this" in page


def test_rebuilding_starts_a_run(sign_in, ada, sync, session):
    """One click: a run begins, and the history says who ordered it (B17)."""
    sync.status, sync.problem_code = "failed", "audience.gone"
    session.commit()
    answer = sign_in(ada).post(f"/syncs/{sync.public_id}/rebuild", follow_redirects=True)
    assert "Rebuilding has started." in text(answer)
    session.expire_all()
    assert (session.get_one(Sync, sync.id).rebuild, session.scalars(select(Run.why)).all()) == ("audience", ["rebuild"])
    assert "had it rebuilt" in text(sign_in(ada).get(f"/syncs/{sync.public_id}"))


def test_the_age_of_the_oldest_member_is_said(sign_in, ada, sync, session):
    """When the oldest member was last sent, and after how long the channel lets go (promise 7)."""
    sync.channel, sync.oldest_sent_at = "google", NOW - timedelta(days=12)
    session.commit()
    assert "Google lets members go 540 days after that" in text(sign_in(ada).get(f"/syncs/{sync.public_id}"))


def test_people_who_removal_is_due_are_said(sign_in, ada, sync, session):
    """A removal that the channel refuses stays said on the page. (S7)."""
    sync.removals_due = 12
    session.commit()
    assert "12 people should no longer be in the audience" in text(sign_in(ada).get(f"/syncs/{sync.public_id}"))


def test_another_organizations_sync_is_not_there(sign_in, ada, sync):
    """A made-up sync ID is told apart from an error. (S4)."""
    assert "There is no sync SY-ZZZZ-ZZZZ in your organization." in text(sign_in(ada).get("/syncs/SY-ZZZZ-ZZZZ"), 404)


@pytest.mark.parametrize(
    "address", ["/syncs/%00", "/syncs/SY-0/off", "/syncs/{}/runs/99999999999999999999", "/asks/99999999999999999999"]
)
def test_no_address_is_an_error_of_ours(sign_in, ada, sync, address):
    """Whatever is typed behind a slash, one reads that there is nothing. (S7)."""
    assert sign_in(ada).get(address.format(sync.public_id)).status_code == 404


# -- off -------------------------------------------------------------------------------------------------------


def test_the_dialog_names_the_campaigns(sign_in, ada, sync, session, fake):
    """Before switching off one reads which campaigns use it, and that an exclusion goes stale. (S10)."""
    fake.fakes.connector.campaigns = [
        Campaign("1", "Spring EU", "active", Use.INCLUDE),
        Campaign("2", "Retargeting B", "paused", Use.EXCLUDE, level="ad set"),
    ]
    client = sign_in(ada)
    page = text(client.get(f"/syncs/{sync.public_id}/off"))
    assert "The audience stays at Meta with today&#39;s" in page
    assert "Meta is being asked which campaigns use it" in page
    answer(fake, session)
    part = text(client.get(f"/syncs/{sync.public_id}/campaigns"))
    assert "2 campaigns use it" in part
    assert "1 of them excludes these people" in part
    assert "Retargeting B" in part


def test_where_reading_campaigns_fails_it_says_so_and_still_switches_off(sign_in, ada, sync, session, fake, clock):
    """The channel is away: the last list with its age, and switching off works. (S10)."""
    sync.campaigns, sync.campaigns_at = (
        [{"name": "Old one", "state": "active", "use": "include", "level": "campaign"}],
        NOW,
    )
    session.commit()
    clock.forward(hours=5)
    fake.fakes.connector.problems = [TryLater(Code.OUTAGE)]
    client = sign_in(ada)
    client.get(f"/syncs/{sync.public_id}/off")
    answer(fake, session)
    part = text(client.get(f"/syncs/{sync.public_id}/campaigns"))
    assert "could not be asked which campaigns use it: channel not available" in part
    assert "Old one" in part
    assert "5 h ago" in part
    assert client.post(f"/syncs/{sync.public_id}/off", data={"reason": "budget"}).status_code == 302


def test_a_reason_is_needed_and_nothing_typed_is_lost(sign_in, grace, sync, session):
    """Without a reason the dialog stays, with the cursor on it; the lock stays ticked. (S10, B12)."""
    page = text(sign_in(grace).post(f"/syncs/{sync.public_id}/off", data={"reason": " ", "locked": "y"}), 422)
    assert "Say why you switch it off." in page
    assert 'aria-invalid="true"' in page
    assert "checked" in page
    session.expire_all()
    assert sync.status == Status.SYNCED


def test_others_are_told_who_can(sign_in, max_, vera, sync):
    """Max and Vera see the control with the reason; the address refuses them too. (S10, S17)."""
    page = text(sign_in(max_).get(f"/syncs/{sync.public_id}"))
    assert "Only Ada or an administrator can switch this off." in page
    assert "Only Ada or an administrator" in text(sign_in(max_).get(f"/syncs/{sync.public_id}/off"), 403)
    assert "Only Ada" in text(sign_in(max_).post(f"/syncs/{sync.public_id}/off", data={"reason": "x"}), 403)
    assert "Ask a Marketing User" in text(sign_in(vera).post(f"/syncs/{sync.public_id}/now"), 403)


# -- on, now, delete -------------------------------------------------------------------------------------------


def test_switching_on_checks_my_own_access_first(sign_in, ada, sync, session, fake):
    """The page checks the ad account live with my own sign-in, then one press starts it. (S11)."""
    sync.status, sync.off_reason = "inactive", "season is over"
    session.commit()
    fake.fakes.connector.checked = AdAccount("act-77", "Northwind EU")
    client = sign_in(ada)
    assert "Meta is being asked whether you may use Northwind EU" in text(client.get(f"/syncs/{sync.public_id}/on"))
    answer(fake, session)
    assert "Meta says that you can use Northwind EU" in text(client.get(f"/syncs/{sync.public_id}/on/check"))
    refused = text(client.post(f"/syncs/{sync.public_id}/on"), 422)
    assert "Meta asks for these statements. Tick each one that is true." in refused
    ticked = [statement_key(one) for one in CHANNELS["meta"].capabilities.statements]
    client.post(f"/syncs/{sync.public_id}/on", data={"statements": ticked})
    session.expire_all()
    assert sync.status == Status.SYNCING


def test_without_access_one_reads_what_to_do(sign_in, grace, sync, session):
    """An administrator without a sign-in at the channel gets the link to connect, and back here. (S11)."""
    sync.status = "inactive"
    session.commit()
    page = text(sign_in(grace).get(f"/syncs/{sync.public_id}/on"))
    assert "You have no sign-in at Meta yet." in page
    assert f"/integrations/meta/connect?next=/syncs/{sync.public_id}/on" in page


def test_sync_now_starts_a_run(sign_in, ada, sync, session):
    """One press starts a run. (S12)."""
    sign_in(ada).post(f"/syncs/{sync.public_id}/now")
    assert session.scalars(select(Run)).one().why == "now"


def test_deleting_asks_what_becomes_of_the_audience(sign_in, ada, sync, session):
    """Leave, empty or delete there: one has to choose, and only then is it deleted. (B17)."""
    client = sign_in(ada)
    page = text(client.get(f"/syncs/{sync.public_id}/delete"))
    assert "Leave it there. It goes stale" in page
    assert "Delete it there." in page
    assert "Choose what becomes of the audience." in text(client.post(f"/syncs/{sync.public_id}/delete"), 422)
    client.post(f"/syncs/{sync.public_id}/delete", data={"how": "delete"})
    session.expire_all()
    assert session.scalars(select(Sync)).one().retire_how == "delete"


def test_where_a_channel_cannot_empty_one_reads_who_is_taken_out(sign_in, ada, session, workspace):
    """LinkedIn cannot empty an audience: the page offers to take everyone out who is there because of us. (B17)."""
    hers = make_integration(session, ada, "linkedin")
    made = make_sync(session, make_segment(session, workspace, "Partners", ada), hers, account_id="507")
    session.commit()
    client, address = sign_in(ada), f"/syncs/{made.public_id}/delete"
    assert "everyone who is in it because of us is taken out" in text(client.get(address))
    client.post(address, data={"how": "empty"})
    session.expire_all()
    assert made.retire_how == "empty"


# -- slowed down by the channel ------------------------------------------------------------------------------------


def slow_down(session, sync, *, per="account", code="wait.rate_limit", minutes=20) -> Run:
    """A run of the sync that waits for a limit of Meta."""
    scope = LimitScope(
        name=f"meta:x:{per}:77", channel="meta", per=per, code=code, opens_at=NOW + timedelta(minutes=minutes)
    )
    run = Run(
        organization_id=sync.organization_id,
        sync_id=sync.id,
        why="schedule",
        state="waiting",
        phase="adding",
        scope=scope.name,
        not_before=NOW + timedelta(minutes=minutes),
        cursor={"waits_for": code},
    )
    session.add_all([session.merge(scope), run])
    session.commit()
    return run


def words_of(reply) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", reply.text)).split())


def test_a_sync_that_waits_for_a_limit_says_until_when_and_who_else(client, sign_in, ada, session, sync):
    """Slowed down by the channel, one reads until when, whom it concerns, and that nobody has to act (S12)."""
    slow_down(session, sync)
    slow_down(
        session,
        make_sync(
            session,
            make_segment(session, sync.workspace, "More", ada),
            sync.integration,
            account_id="act-77",
            account_name="Northwind EU",
        ),
    )
    sign_in(ada)
    said = "Meta lets the ad account “Northwind EU” send again at 09:20: 2 syncs wait, and nobody has to do anything."
    assert said in words_of(client.get(f"/syncs/{sync.public_id}"))
    assert said in words_of(client.get("/syncs"))


def test_a_limit_of_the_day_is_named_and_one_that_is_open_again_too(client, sign_in, ada, session, sync):
    """A quota of the day reads differently from a pause, and those in a line take turns when it opens (S12)."""
    run = slow_down(session, sync, per="application", code="wait.daily_limit", minutes=24 * 60)
    sign_in(ada)
    shown = words_of(client.get(f"/syncs/{sync.public_id}"))
    assert (
        "Today's limit at Meta is used up. Meta lets this installation send again on 3 March at 09:00: 1 sync waits"
        in shown
    )
    session.get_one(LimitScope, run.scope).opens_at = run.not_before = NOW - timedelta(minutes=1)
    session.commit()
    shown = words_of(client.get(f"/syncs/{sync.public_id}"))
    assert "Waiting for its turn" in shown
    assert "1 sync takes its turn" in shown


def test_another_organizations_line_is_nobodys_business(client, sign_in, ada, session, sync):
    """Who else waits is counted inside the organization only (S1)."""
    slow_down(session, sync)
    other = make_organization(session, "Southwind")
    eve = make_person(session, other, "Eve", workspaces=(room := make_workspace(session, other),))
    theirs = make_integration(session, eve, "meta")
    slow_down(session, make_sync(session, make_segment(session, room, "Theirs", eve), theirs, account_id="act-77"))
    sign_in(ada)
    assert "1 sync waits" in words_of(client.get(f"/syncs/{sync.public_id}"))
