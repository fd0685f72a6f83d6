"""What one does to a sync on its page: each dangerous thing says first what happens."""

import pytest
from sqlalchemy import select

from connectors.contract import AdAccount, Campaign, Use
from connectors.problems import Code, TryLater
from connectors.registry import CHANNELS
from segsync.actions import asks
from segsync.actions.statements import statement_key
from segsync.models import Ask, Run, Sync
from segsync.rules.terms import AskState, Status
from tests.builders import NOW, make_integration, make_segment, make_sync
from tests.web.pages import text


def answer(fake, session):
    for number in session.scalars(select(Ask.id).where(Ask.state == AskState.QUEUED.value)):
        asks.answer(fake, number)
    session.expire_all()


# -- rebuilding ------------------------------------------------------------------------------------------------------


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


# -- off -------------------------------------------------------------------------------------------------------------


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


# -- on, now, delete -------------------------------------------------------------------------------------------------


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
