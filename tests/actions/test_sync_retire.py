"""What becomes of the audience at the channel after its sync was deleted."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from connectors.contract import AudienceRef, Retire
from connectors.problems import Code, ReconnectNeeded, TryLater
from connectors.registry import CHANNELS
from segsync.actions import schedule
from segsync.actions.syncs import delete, retire
from segsync.models import Alert, AuditEvent, Run
from tests.actions.fake_channel import with_fakes
from tests.actions.northwind import Northwind


@pytest.fixture
def northwind(session):
    return Northwind(session)


@pytest.fixture
def fake(runtime, northwind):
    made = with_fakes(runtime)
    made.fakes.connector.capabilities = CHANNELS["meta"].capabilities
    northwind.integrations["Ada"].access_sealed = made.vault.seal("token")
    northwind.session.commit()
    return made


def deleted(fake, northwind, how=Retire.DELETE, **values):
    sync = northwind.sync(**{"audience_id": "aud-1", **values})
    delete(fake, northwind.session, northwind.actor("Ada"), sync.public_id, how)
    northwind.session.commit()
    return sync


def work(fake, northwind, sync):
    retire(fake, sync.id)
    northwind.session.expire_all()
    return fake.fakes.connector.calls


@pytest.mark.parametrize("how", [Retire.DELETE, Retire.EMPTY])
def test_it_is_deleted_or_emptied_there_once(fake, northwind, clock, how):
    """What was chosen happens at the channel, once, and stands in the audit trail. (B17)."""
    sync = deleted(fake, northwind, how)
    assert work(fake, northwind, sync) == [("aud-1", how)]
    assert work(fake, northwind, sync) == [("aud-1", how)]
    assert sync.retired_at == clock.now
    assert northwind.session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)).all()[-1] == "sync.retired"


def test_leaving_it_there_asks_the_channel_nothing(fake, northwind, clock):
    """An audience that is left stays untouched. (B17)."""
    sync = deleted(fake, northwind, Retire.LEAVE)
    assert (work(fake, northwind, sync), sync.retired_at) == ([], clock.now)


def test_an_audience_that_nobody_wrote_down_is_found_by_our_marker(fake, northwind):
    """Deleted in the middle of its first run: the audience is found by the sync ID, never by its name. (B17)."""
    sync = deleted(fake, northwind, audience_id=None)
    fake.fakes.connector.found = AudienceRef("aud-9", "Enterprise prospects")
    assert work(fake, northwind, sync) == [sync.public_id, ("aud-9", Retire.DELETE)]


def test_nobody_else_writes_meanwhile(fake, northwind):
    """While a stopped run is still in its last request, the audience is left alone. (B17)."""
    sync = deleted(fake, northwind)
    run = Run(organization_id=sync.organization_id, sync_id=sync.id, why="now", state="stopped",
              lease_until=datetime.now(UTC) + timedelta(minutes=5), finished_at=fake.clock())  # fmt: skip
    northwind.session.add(run)
    northwind.session.commit()
    assert work(fake, northwind, sync) == []
    run.lease_until = None
    northwind.session.commit()
    assert work(fake, northwind, sync) == [("aud-1", Retire.DELETE)]


def test_a_channel_that_is_away_is_asked_again_later(fake, northwind, clock):
    """An outage is waited out without anybody. (B17)."""
    sync = deleted(fake, northwind)
    fake.fakes.connector.problems = [TryLater(Code.OUTAGE)]
    assert len(work(fake, northwind, sync)) == 1
    assert len(work(fake, northwind, sync)) == 1
    clock.forward(minutes=11)
    assert len(work(fake, northwind, sync)) == 2
    assert sync.retired_at


def test_a_dead_sign_in_is_told_and_tried_again_daily(fake, northwind, clock):
    """Where somebody has to act, an alert says so and names the sync; it closes when it is done. (B17, S13)."""
    sync = deleted(fake, northwind)
    fake.fakes.connector.problems = [ReconnectNeeded(Code.SIGNIN_REVOKED)]
    work(fake, northwind, sync)
    alert = northwind.session.scalars(select(Alert)).one()
    assert (alert.code, alert.facts["sync"], sync.retired_at) == ("signin.revoked", sync.public_id, None)
    clock.forward(hours=25)
    work(fake, northwind, sync)
    assert (sync.retired_at, alert.closed_at) == (clock.now, clock.now)


class Woken:
    """Keeps which chores were woken."""

    def __init__(self):
        self.chores = []

    def wake_run(self, run_id):
        """Nothing to keep."""

    def wake_chore(self, name, subject):
        self.chores.append((name, subject))

    def answers(self):
        return True

    def waiting(self, name):
        return 0


def test_one_that_waits_wakes_nobody_until_its_time(fake, northwind, clock):
    """An audience whose retirement waits for somebody is not looked at every second, only when its time has come. (B17)."""
    sync = deleted(fake, northwind)
    fake.fakes.connector.problems = [ReconnectNeeded(Code.SIGNIN_REVOKED)]
    woken = Woken()
    object.__setattr__(fake, "queue", woken)
    schedule.tick(fake)
    assert ("retire", sync.id) in woken.chores
    work(fake, northwind, sync)
    woken.chores.clear()
    schedule.tick(fake)
    assert ("retire", sync.id) not in woken.chores
    clock.forward(hours=25)
    schedule.tick(fake)
    assert ("retire", sync.id) in woken.chores


@pytest.mark.parametrize("chore", ["retire", "import"])
def test_no_chore_is_woken_without_a_bound(clock, chore):
    """However much is due, one look takes a part of it and the next look the rest. (B17)."""
    assert f"LIMIT {schedule.AT_A_TIME}" in str(
        schedule._CHORES[chore](clock.now).compile(compile_kwargs={"literal_binds": True})
    )
