"""A sync's page: whether its audience is right, what its runs did, what became of it, and what it waits for."""

import html
import re
from datetime import timedelta

import pytest

from segsync.actions.alerts import Cause, open_alert
from segsync.models import LimitScope, Run, StatementMade
from segsync.rules.terms import Acts, Status
from tests.builders import (
    NOW,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)
from tests.web.pages import text


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


# -- the page --------------------------------------------------------------------------------------------------------


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


# -- slowed down by the channel --------------------------------------------------------------------------------------


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
