"""What happens in the demo: segments, sign-ins, syncs that really run, and the troubles that people know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.registry import CHANNELS
from segsync.actions import integrations, segments, sync_switch, syncs
from segsync.actions.segments import Draft
from segsync.actions.sync_switch import Off
from segsync.demo_stage import Stage
from segsync.models import AdAccount, Integration, Person, Run, Segment, Sync
from segsync.rules.schedule import WEEKDAYS, At, ByHand, Schedule
from segsync.rules.segment_rules import Condition, read
from segsync.rules.terms import SignInState

ADA, GRACE, MAX = "Ada Byron", "Grace Hopper", "Max Power"
CONNECTED: Final = (
    (ADA, "google"),
    (ADA, "meta"),
    (ADA, "linkedin"),
    (GRACE, "meta"),
    (GRACE, "linkedin"),
    (MAX, "google"),
    (MAX, "meta"),
)


@dataclass(frozen=True)
class Part:
    """A sync of the story: who creates it, from which segment, to which ad account."""

    person: str
    segment: str
    channel: str
    account: str
    schedule: Schedule | None = None
    """When it runs; None as the installation says."""


STORY: Final = (
    Part(ADA, "Newsletter readers, Germany", "google", "Northwind Search"),
    Part(MAX, "Ordered in the last 90 days", "google", "Northwind Shopping"),
    Part(ADA, "VIP customers", "meta", "Northwind EU", At(time(7), WEEKDAYS, "Europe/Berlin")),
    Part(ADA, "Large software companies", "linkedin", "Northwind Global"),
    Part(GRACE, "Met at the trade fair", "linkedin", "Northwind DACH", ByHand()),
    Part(MAX, "Churned, no order in 180 days", "meta", "Northwind EU"),
    Part(MAX, "Ordered in the last 90 days", "meta", "Northwind EU"),
    Part(ADA, "VIP customers", "meta", "Northwind Outlet"),
    Part(ADA, "Enterprise plan", "linkedin", "Northwind DACH"),
    Part(ADA, "Enterprise plan", "google", "Northwind Search"),
)
SIGNIN_ENDS, TERMS_ARE_WITHDRAWN, ACCESS_ENDS, SWITCHED_OFF, HELD = STORY[5:7], STORY[7], STORY[8], STORY[9], STORY[0]


def connect_everybody(stage: Stage) -> None:
    """Everybody signs in at the channels they use, each with their own account, and the ad accounts are listed."""
    for name, channel in CONNECTED:
        with stage.runtime.sessions.begin() as session:
            actor = stage.actor(session, name)
            if _signin(session, name, channel) is not None:
                continue
            address = integrations.begin(stage.runtime, session, actor, channel, "/syncs")
        back = stage.simulators.consent(channel, address, name)
        integrations.come_back(stage.runtime, actor, channel, back)
        with stage.runtime.sessions() as session:
            signin = _signin(session, name, channel)
        if signin is not None:
            stage.ask(name, "accounts", {"integration": signin.id})


def first_runs(stage: Stage) -> None:
    """Creates every sync after a live check of its ad account, and lets the workers run them."""
    meta = stage.simulators
    everybody = [meta.person("meta", name) for name in (ADA, GRACE, MAX)]
    meta.change_account("meta", TERMS_ARE_WITHDRAWN.account, tos=True, user_tos=everybody)
    for part in STORY:
        _create(stage, part)
    stage.wait_for(lambda session: _finished(session) >= len(STORY))
    with stage.runtime.sessions() as session:
        made = [(sync.channel, sync.account_id, sync.audience_id) for sync in session.scalars(select(Sync))]
    for channel, account, audience in made[:6]:
        if audience:
            meta.use_audience(channel, account, audience)


def break_some(stage: Stage) -> None:
    """A sign-in ends, terms are withdrawn, access is taken away, a segment is narrowed to a city; one sync is switched off.

    Then each is run once more. The one of the narrowed segment would take out most of its audience, and waits for an administrator.
    """
    outside = stage.simulators
    outside.go_wrong("meta", "token_revoked", person=outside.person("meta", MAX))
    outside.change_account("meta", TERMS_ARE_WITHDRAWN.account, tos=False, user_tos=[])
    outside.go_wrong(
        "linkedin",
        "permission_lost",
        account=outside.account("linkedin", ACCESS_ENDS.account),
        person=outside.person("linkedin", ADA),
    )
    _narrow(stage, HELD.segment)
    broken = (*SIGNIN_ENDS, TERMS_ARE_WITHDRAWN, ACCESS_ENDS, HELD)
    before = _count(stage)
    for part in broken:
        with stage.runtime.sessions.begin() as session:
            run = syncs.sync_now(stage.runtime, session, stage.actor(session, part.person), _public_id(session, part))
        stage.runtime.queue.wake_run(run.id)
    with stage.runtime.sessions.begin() as session:
        off = Off("The autumn campaign is over, and this list should not be shown ads until spring.")
        public_id = _public_id(session, SWITCHED_OFF)
        sync_switch.switch_off(stage.runtime, session, stage.actor(session, GRACE), public_id, off)
    stage.wait_for(lambda session: _finished(session) >= before + len(broken))


def _narrow(stage: Stage, name: str) -> None:
    """Max means one campaign and changes the segment of all: whoever does not live in Berlin leaves it."""
    with stage.runtime.sessions.begin() as session:
        workspace = stage.workspace(session)
        found = select(Segment).where(Segment.workspace_id == workspace.id, Segment.name == name)
        segment = session.scalars(found).one()
        only = Condition(field="city", operator="equals", values=("Berlin",))
        rules = read(segment.rules)
        if only in rules.items:  # played before, and interrupted
            return
        draft, actor = (
            Draft(segment.name, rules=rules.model_copy(update={"items": (*rules.items, only)})),
            stage.actor(session, MAX),
        )
        segments.change(session, actor, workspace, segment.id, draft, now=stage.runtime.clock())


def _create(stage: Stage, part: Part) -> None:
    with stage.runtime.sessions() as session:
        if _sync(session, part) is not None:
            return
        signin = _signin(session, part.person, part.channel)
        if signin is None:
            raise LookupError(part.person)
        account = session.scalars(
            select(AdAccount).where(AdAccount.integration_id == signin.id, AdAccount.name == part.account)
        ).one()
    stage.ask(
        part.person, "check", {"integration": account.integration_id, "account": account.remote_id, "via": account.via}
    )
    statements = CHANNELS[part.channel].capabilities.statements
    with stage.runtime.sessions.begin() as session:
        segment = session.scalars(select(Segment).where(Segment.name == part.segment)).one()
        ticked = frozenset(syncs.statement_key(one) for one in statements)
        wanted = syncs.Wanted(segment.id, part.channel, account.remote_id, ticked, part.schedule)
        created = syncs.create(stage.runtime, session, stage.actor(session, part.person), wanted)
    stage.runtime.queue.wake_run(created.run.id)


def _signin(session: Session, name: str, channel: str) -> Integration | None:
    return session.scalar(
        select(Integration)
        .join(Person, Person.id == Integration.person_id)
        .where(Person.name == name, Integration.channel == channel, Integration.state == SignInState.CONNECTED)
    )


def _sync(session: Session, part: Part) -> Sync | None:
    return session.scalar(
        select(Sync)
        .join(Segment, Segment.id == Sync.segment_id)
        .where(Segment.name == part.segment, Sync.channel == part.channel, Sync.account_name == part.account)
    )


def _public_id(session: Session, part: Part) -> str:
    sync = _sync(session, part)
    if sync is None:
        raise LookupError(part.segment)
    return sync.public_id


def _finished(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Run).where(Run.finished_at.is_not(None))) or 0


def _count(stage: Stage) -> int:
    with stage.runtime.sessions() as session:
        return _finished(session)
