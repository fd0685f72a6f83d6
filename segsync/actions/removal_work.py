"""The work of taking one person out of every audience: find out where they may be, send the removals, wait for the answers.

Each piece may be done twice without harm. Nothing here asks whether a sync is switched off, failed or held.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import joinedload

from connectors.contract import AccountRef, Action, AudienceRef, Batch, Kind, Shape, Token
from connectors.problems import Code, ConnectorProblem, ReconnectNeeded, SegmentRefused, TryLater
from segsync.actions import alerts, moments, removal_books, removal_erasing, removals, sync_alerts, tokens
from segsync.actions.actor import Actor
from segsync.actions.alerts import Cause
from segsync.actions.audit import Subject, record
from segsync.actions.removal_books import Busy, Hold
from segsync.audience.files import FileUnreadable
from segsync.audience.forgetting import BY_KEYS, Keys, key_table
from segsync.models import Removal, RemovalTask, Run, Sync
from segsync.rules import causes, names
from segsync.rules.removal_words import RemovalState, Sort, TaskState
from segsync.rules.terms import SegmentKind, Status
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(minutes=5)
SOON: Final = timedelta(seconds=10)
"""When a run writes to the audience right now."""
AGAIN_AFTER: Final = timedelta(minutes=10)
PROBE_EVERY: Final = timedelta(hours=24)
WAITS: Final = "removal.waits"


def work(runtime: Runtime, removal_id: int) -> None:
    """Does what is due of a removal. May be called at any time, as often as wanted."""
    removal = _claim(runtime, removal_id)
    if removal is None:
        return
    if removal.state == RemovalState.BEGUN:
        removal_erasing.begin(runtime, removal)
    with runtime.sessions() as session:
        due = session.scalars(
            select(RemovalTask.id)
            .where(RemovalTask.removal_id == removal_id, RemovalTask.state != TaskState.CONFIRMED)
            .where(RemovalTask.next_at <= runtime.clock())
            .order_by(RemovalTask.next_at, RemovalTask.id)
        ).all()
    for task_id in due:
        _task(runtime, removal, task_id)
    _let_go(runtime, removal_id)


def _claim(runtime: Runtime, removal_id: int) -> Removal | None:
    now = func.clock_timestamp()
    with runtime.sessions.begin() as session:
        taken = session.scalar(
            update(Removal)
            .where(Removal.id == removal_id, Removal.done_at.is_(None), Removal.next_at <= runtime.clock())
            .where(or_(Removal.lease_until.is_(None), Removal.lease_until < now))
            .values(lease_until=now + LEASE)
            .returning(Removal.id)
        )
        return session.get_one(Removal, removal_id) if taken else None


def _let_go(runtime: Runtime, removal_id: int) -> None:
    """Done when every task is; else until the first that is due again."""
    with runtime.sessions.begin() as session:
        removal = session.get_one(Removal, removal_id, with_for_update=True)
        removal.lease_until = None
        if removal.state == RemovalState.BEGUN:
            return  # asked for once more meanwhile
        open_tasks = select(func.min(RemovalTask.next_at)).where(
            RemovalTask.removal_id == removal_id, RemovalTask.state != TaskState.CONFIRMED
        )
        first = session.scalar(open_tasks)
        if first is not None:
            removal.next_at = first
            return
        removal.state, removal.done_at = RemovalState.DONE.value, runtime.clock()
        subject = Subject("contact", removal.contact_id, f"Removal {removal.id}")
        record(session, Actor.worker(removal.organization_id), "contact.out", subject)
        if removal.sort == Sort.ERASURE:
            removal.contact_id = None


# -- one audience ----------------------------------------------------------------------------------------------


def _task(runtime: Runtime, removal: Removal, task_id: int) -> None:
    with runtime.sessions() as session:
        task = session.get_one(RemovalTask, task_id)
        sync = session.get_one(Sync, task.sync_id)
        sync.segment  # noqa: B018 - read while the session is open
        sync.owner  # noqa: B018
    _later(runtime, task_id, AGAIN_AFTER)  # should it break off here, the other audiences come first the next time
    try:
        with removal_books.hold(runtime, sync.id) as held:
            if task.state in {TaskState.WAITING, TaskState.BY_HAND}:
                _asked(runtime, sync, lambda token: _send(runtime, removal, task, sync, token))
            elif task.final_at is None:
                _asked(runtime, sync, lambda token: _settle(runtime, task, sync, token))
            else:
                _confirm(runtime, removal, task, sync, held)
    except Busy as busy:
        _later(runtime, task_id, _pause(runtime, busy.sync_id))
    except TryLater as later:
        _later(runtime, task_id, later.retry_after or AGAIN_AFTER, code=later.code.value)
    except ConnectorProblem as problem:
        if problem.code is Code.AUDIENCE_GONE:
            _answered(runtime, task_id, receipt="", reference=problem.reference)
            return
        log.info("removal waits", sync=sync.public_id, code=problem.code.value, reference=problem.reference)
        _waits_for_somebody(runtime, task, sync, problem)
    except FileUnreadable as damaged:
        _books_damaged(runtime, task_id, sync, damaged)


def _pause(runtime: Runtime, sync_id: int) -> timedelta:
    """Until the run that writes to an audience goes on, which may be sooner than it says."""
    with runtime.sessions() as session:
        goes_on = removal_books.goes_on(session, sync_id)
    waits = goes_on - runtime.clock() if goes_on else SOON
    return min(max(waits, SOON), AGAIN_AFTER)


def _books_damaged(runtime: Runtime, task_id: int, sync: Sync, damaged: FileUnreadable) -> None:
    """Whoever rebuilds them ends it: looked at once a day."""
    log.warning("person not taken out of the books, they are damaged", sync=sync.public_id, file=str(damaged))
    _later(runtime, task_id, PROBE_EVERY, code="ledger.unreadable")


def _asked(runtime: Runtime, sync: Sync, call: Callable[[Token], None]) -> None:
    """Asks the channel; a sign-in that it calls expired is renewed once."""
    try:
        call(tokens.access(runtime, sync.integration_id))
    except ReconnectNeeded as problem:
        if problem.code is not Code.SIGNIN_EXPIRED:
            raise
        call(tokens.access(runtime, sync.integration_id, renew=True))


def _send(runtime: Runtime, removal: Removal, task: RemovalTask, sync: Sync, token: Token) -> None:
    """All keys of the person, also those that somebody else has: whoever stays and shares one is added again by the next run."""
    connector = runtime.connector(sync.channel)
    account = AccountRef(sync.account_id, sync.account_via)
    audience = _audience(runtime, sync, token, account)
    rows = key_table(connector.capabilities.shapes[Kind.PEOPLE], json.loads(runtime.vault.open(task.keys_sealed or "")))
    if audience is None:
        _answered(runtime, task.id, receipt="", reference="")
        return
    total = max(sync.members_held, rows.num_rows)
    batch = Batch(Action.REMOVE, rows, 1, True, secrets.randbits(62) + 1, total)
    if removal.sort == Sort.ERASURE:
        erased = connector.erase(token, account, audience, batch)
        if not erased.done:
            raise _refusal(Code.ROW_REFUSED.value, erased.reference)
        _answered(runtime, task.id, receipt=erased.receipt, reference=erased.reference)
        return
    result = connector.push(token, account, audience, batch)
    if result.refused:
        raise _refusal(result.refused[0].code, result.reference)
    _answered(runtime, task.id, receipt=result.receipt, reference=result.reference)


def _audience(runtime: Runtime, sync: Sync, token: Token, account: AccountRef) -> AudienceRef | None:
    if sync.audience_id:
        return AudienceRef(sync.audience_id, sync.audience_name or "")
    connector = runtime.connector(sync.channel)
    wanted = names.spec(connector.capabilities, sync.segment.name, Kind.PEOPLE, sync.public_id)
    return connector.find_audience(token, account, wanted)


def _settle(runtime: Runtime, task: RemovalTask, sync: Sync, token: Token) -> None:
    """Asks what became of a removal that the channel carries out later. One that was refused is sent once more."""
    account = AccountRef(sync.account_id, sync.account_via)
    (result,) = runtime.connector(sync.channel).settle(token, account, [task.receipt])
    if not result.final:
        sent_at = task.sent_at or runtime.clock()
        _later(runtime, task.id, max(runtime.clock() - sent_at, AGAIN_AFTER))
        return
    with runtime.sessions.begin() as session:
        current = session.get_one(RemovalTask, task.id, with_for_update=True)
        current.next_at = runtime.clock()
        if result.refused:
            current.state = TaskState.WAITING.value
        else:
            current.final_at = runtime.clock()
    if result.refused:
        raise _refusal(result.refused[0].code, task.reference)


def _refusal(code: str, reference: str) -> ConnectorProblem:
    """The channel has not taken the person out: it may later, or somebody has to be told."""
    problem = SegmentRefused if causes.for_good({code: 1}) else TryLater
    return problem(Code(code), reference=reference)


def _confirm(runtime: Runtime, removal: Removal, task: RemovalTask, sync: Sync, held: Hold) -> None:
    """The channel's word is final: the person goes out of our books too, and whoever shares a key is looked at anew."""
    if task.again:
        _once_more(runtime, task, sync)
        return
    shape = runtime.connector(sync.channel).capabilities.shapes[Kind.PEOPLE]
    theirs = json.loads(runtime.vault.open(task.keys_sealed or ""))
    shared = removal_books.take_out(runtime, sync, (_member(removal, sync), theirs), shape, held)
    if shared:
        _run_soon(runtime, sync.id)
    if removal.sort == Sort.ERASURE and not _look_beside(runtime, removal, task, (sync, theirs), shape):
        return
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        done = session.get_one(RemovalTask, task.id, with_for_update=True)
        done.state, done.confirmed_at, done.keys_sealed, done.problem_code = TaskState.CONFIRMED.value, now, None, None
        alerts.close_cause(session, removal.organization_id, removals.cause_key(done), now=now)


def _member(removal: Removal, sync: Sync) -> int:
    """The person's number in a sync's books. Members of a warehouse are no contacts: there it means somebody else."""
    return BY_KEYS if sync.segment.kind == SegmentKind.WAREHOUSE else removal.contact_id or 0


def _look_beside(runtime: Runtime, removal: Removal, task: RemovalTask, where: tuple[Sync, Keys], shape: Shape) -> bool:
    """A channel may erase in the whole ad account: also in our other audiences there whoever shares a key is looked at anew.

    Whether that is done; books that are damaged keep no others waiting.
    """
    sync, theirs = where
    with runtime.sessions() as session:
        others = session.scalars(
            select(Sync)
            .options(joinedload(Sync.segment))
            .where(
                Sync.organization_id == sync.organization_id,
                Sync.channel == sync.channel,
                Sync.account_id == sync.account_id,
                Sync.id != sync.id,
                Sync.ledger_id.is_not(None),
            )
        ).all()
    whole = True
    for other in others:
        try:
            with removal_books.hold(runtime, other.id) as held:
                if removal_books.take_out(runtime, other, (_member(removal, other), theirs), shape, held):
                    _run_soon(runtime, other.id)
        except FileUnreadable as damaged:
            _books_damaged(runtime, task.id, other, damaged)
            whole = False
    return whole


def _run_soon(runtime: Runtime, sync_id: int) -> None:
    with runtime.sessions.begin() as session:
        sync = session.get_one(Sync, sync_id, with_for_update={"key_share": True})
        if sync.status == Status.SYNCED and not sync.by_hand:
            sync.next_run_at = runtime.clock()


def _once_more(runtime: Runtime, task: RemovalTask, sync: Sync) -> None:
    """A run that was under way when this was asked for, or additions not carried out yet, may have brought the person back."""
    with runtime.sessions.begin() as session:
        if removal_books.under_way(session, sync.id):
            raise Busy(sync.id)
        current = session.get_one(RemovalTask, task.id, with_for_update=True)
        if session.scalar(removal_books.pending_additions(now=runtime.clock()).where(Run.sync_id == sync.id).limit(1)):
            current.next_at = runtime.clock() + AGAIN_AFTER
            return
        current.again, current.state, current.next_at = False, TaskState.WAITING.value, runtime.clock()
        current.final_at = None


# -- what is written down --------------------------------------------------------------------------------------


def _answered(runtime: Runtime, task_id: int, *, receipt: str, reference: str) -> None:
    """The channel took it; without a receipt its answer is final."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        task = session.get_one(RemovalTask, task_id, with_for_update=True)
        task.state, task.sent_at, task.problem_code = TaskState.SENT.value, now, None
        task.receipt, task.reference = receipt, reference or task.reference
        task.final_at = None if receipt else now
        task.next_at = now + AGAIN_AFTER if receipt else now


def _later(runtime: Runtime, task_id: int, pause: timedelta, *, code: str | None = None) -> None:
    with runtime.sessions.begin() as session:
        task = session.get_one(RemovalTask, task_id, with_for_update=True)
        task.next_at = moments.later(runtime.clock(), pause)
        task.problem_code = code or task.problem_code


def _waits_for_somebody(runtime: Runtime, task: RemovalTask, sync: Sync, problem: ConnectorProblem) -> None:
    """The channel cannot be asked: looked at once a day, and meanwhile somebody can do it on the channel's own page."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        current = session.get_one(RemovalTask, task.id, with_for_update=True)
        if current.state in {TaskState.WAITING, TaskState.BY_HAND}:
            current.state = TaskState.BY_HAND.value
        current.problem_code, current.next_at = problem.code.value, now + PROBE_EVERY
        cause = _cause(current, sync, problem)
        alerts.open_alert(session, sync.organization_id, cause, now=now, sync_ids=[sync.id])


def _cause(task: RemovalTask, sync: Sync, problem: ConnectorProblem) -> Cause:
    return Cause(
        key=removals.cause_key(task),
        code=WAITS,
        acts=causes.who_acts(WAITS),
        channel=sync.channel,
        integration_id=sync.integration_id,
        account_id=sync.account_id,
        facts=sync_alerts.facts_of(sync),
        raw=problem.raw,
        reference=problem.reference,
        lasting=True,
    )
