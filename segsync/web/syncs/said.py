"""How a sync is said on pages: what stands behind its status, who it waits for, and what its list shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from flask import current_app, url_for

from connectors.contract import Capabilities, Key, State
from connectors.limits import Per
from connectors.problems import Code
from connectors.registry import CHANNELS
from segsync.actions.sync_listed import Listed
from segsync.actions.turns import Line
from segsync.models import Alert, AuditEvent, Run, StatusMove, Sync
from segsync.rules import events
from segsync.rules import progress as run_progress
from segsync.rules.limit import Use
from segsync.rules.progress import Progress
from segsync.rules.reasons import reason_for
from segsync.rules.removals import likely
from segsync.rules.terms import Detail, Phase, Purpose, RunState, SignInState, Status, Why
from segsync.web.frame import current_workspace, runtime
from segsync.web.words import counted

WHY_WORDS: Final = {
    Why.FIRST: "First run",
    Why.SCHEDULE: "On schedule",
    Why.NOW: "Sync now",
    Why.RESUMED: "Switched on",
    Why.CAUSE_GONE: "What stood in the way is gone",
    Why.RELEASED: "Released by an administrator",
    Why.REBUILD: "Rebuilt",
}
RUN_WORDS: Final = {
    RunState.QUEUED: ("syncing", "Queued"),
    RunState.WORKING: ("syncing", "Running"),
    RunState.WAITING: ("wait", "Waiting"),
    RunState.DONE: ("synced", "Done"),
    RunState.FAILED: ("failed", "Failed"),
    RunState.STOPPED: ("inactive", "Stopped"),
}
SKIPPED_WORDS: Final = {
    "no_identifier": "no identifier that the channel takes",
    "not_subscribed": "not subscribed",
    "no_consent": "no advertising consent",
    "excluded": "on an exclusion list",
}
SIGNIN_WORDS: Final = {
    SignInState.PENDING: ("wait", "Waits for your word"),
    SignInState.CONNECTED: ("synced", "Connected"),
    SignInState.RECONNECT: ("warn", "Reconnect"),
    SignInState.PERMISSION: ("warn", "Permission missing"),
    SignInState.DISCONNECTED: ("circle", "Not connected"),
}


DEEDS: Final = {
    "sync.create": "created this sync",
    "sync.now": "started a run",
    "sync.try": "tried it without sending",
    "sync.release": "released the removals that were held",
    "sync.thresholds": "changed from when on its removals are held",
    "sync.schedule": "changed when it runs",
    "sync.on": "switched it on",
    "sync.off": "switched it off",
    "sync.delete": "deleted it",
    "sync.rebuild": "had it rebuilt",
    "sync.retired": "carried out at the channel what was chosen for the audience",
    "sync.segment_deleted": "deleted the segment; the sync waits",
}
HOURS_OF_A_DAY: Final = 24
SOON: Final = timedelta(days=30)


def progress_of(run: Run | None) -> Progress | None:
    """What a run under way is doing; None where none is."""
    if run is None or run.finished_at is not None:
        return None
    return run_progress.progress(run_progress.standing(run), runtime().clock())


def line_who(line: Line) -> str:
    """Whom a channel slows down, as people know it."""
    if line.per is Per.ACCOUNT:
        return f"the ad account “{line.account_name}”"
    return f"the sign-in of {line.owner_name}" if line.per is Per.PERSON else "this installation"


def is_shut(line: Line) -> bool:
    """Whether nothing goes through now; else those who wait take turns."""
    return line.opens_at > runtime().clock()


def is_daily(line: Line) -> bool:
    """Whether it is a limit of the day."""
    return line.code == Code.DAILY_LIMIT


def behind(sync: Sync | Listed, run: Run | None, alert: Alert | None) -> str:
    """What stands behind the status, in a few words: 'Sending, 42 %', 'sign-in expired', 'budget'."""
    if sync.deleted_at is not None:
        return "deleted"
    if sync.status == Status.SYNCING:
        told = progress_of(run)
        return told.words.lower() if told else ""
    if sync.status == Status.FAILED:
        code = sync.problem_code or (alert.code if alert else None)
        again = ", trying again" if sync.detail == Detail.TRYING_AGAIN else ""
        return reason_for(code).short + again
    return ""


def why_words(run: Run) -> str:
    """Why a run was started, or that it only tried."""
    return "Tried without sending" if run.purpose == Purpose.TRY else WHY_WORDS[Why(run.why)]


def next_words(sync: Sync | Listed) -> str:
    """What is said instead of a next run where there is none."""
    if sync.status == Status.INACTIVE:
        return "off"
    if waits(sync):
        return "waits"
    return "by hand" if sync.by_hand and sync.status != Status.SYNCING else "–"


def run_words(run: Run) -> tuple[str, str]:
    """Icon and word of a run. Between two slices a run stands in the queue again, but it has begun."""
    begun = run.state == RunState.QUEUED and run.started_at is not None
    return RUN_WORDS[RunState.WORKING if begun else RunState(run.state)]


def waits(sync: Sync | Listed) -> bool:
    """Whether the sync waits for somebody: then nothing runs on schedule."""
    return sync.status == Status.INACTIVE or (
        sync.status == Status.FAILED and sync.detail not in {Detail.TRYING_AGAIN, Detail.HELD, Detail.NONE}
    )


def all_in_all(counts: Mapping[str, int]) -> str:
    """The first sentence of the list: is everything in step, and if not, what is not."""
    total = counts.get("", 0) - counts.get(Status.INACTIVE, 0)
    failed, syncing = counts.get(Status.FAILED, 0), counts.get(Status.SYNCING, 0)
    if not total:
        return "Nothing runs at the moment."
    if not failed:
        done = "Everything is in step." if not syncing else "Nothing is wrong."
        return f"{done} {counted(syncing, 'sync')} under way." if syncing else done
    verb = "needs" if failed == 1 else "need"
    return f"{counts.get(Status.SYNCED, 0):,} of {counted(total, 'sync')} in step; {failed:,} {verb} a look."


def soon(moment: datetime | None) -> bool:
    """Whether a day by which somebody must act is near enough to be said as a warning."""
    return moment is not None and moment - runtime().clock() < SOON


def capabilities_of(sync: Sync) -> Capabilities:
    """What the sync's channel can do."""
    return CHANNELS[sync.channel].capabilities


def afterwards(sync: Sync) -> str:
    """What the channel does next with the audience, and how long that usually takes; '' where an alert says it."""
    return capabilities_of(sync).afterwards.get(State(sync.audience_state), "")


KEY_WORDS: Final = {
    "email": "e-mail",
    "phone": "phone number",
    "mobile_ad_id": "mobile advertising ID",
    "external_id": "external ID",
    "first_name": "postal address",
    "company_domain": "website domain",
    "organization_urn": "LinkedIn page",
}
"""What an identifier is called, by the first field it is made of."""


def key_word(key: Key) -> str:
    """An identifier as people know it, whatever the channel calls it."""
    return KEY_WORDS.get(key.made_of[0], key.name)


def key_words(keys: Sequence[Key]) -> str:
    """'e-mail, phone number or postal address'."""
    *most, last = [key_word(key) for key in keys]
    return f"{', '.join(most)} or {last}" if most else last


def span(length: timedelta) -> str:
    """'a day', '48 hours', '30 minutes'."""
    hours = length.total_seconds() / 3600
    if hours < 1:
        return counted(round(hours * 60), "minute")
    return "a day" if hours == HOURS_OF_A_DAY else counted(round(hours), "hour")


def deed_words(event: AuditEvent) -> str:
    """What somebody did, on the page of the sync itself."""
    known = DEEDS.get(event.event)
    if known is None:
        return events.told(event.event, event.actor_name, event.subject_name, event.after)
    who = events.actor_told(event.actor_kind, event.actor_name)
    return f"{who} {known}"


MOVE_WORDS: Final = {
    Detail.NONE: "",
    Detail.NEEDS_PERSON: "waits for somebody",
    Detail.TRYING_AGAIN: "tried again on schedule",
    Detail.HELD: "held for an administrator",
    Detail.SEGMENT_DELETED: "the segment was deleted",
}


def move_words(move: StatusMove) -> str:
    """What stands behind the status that a sync came to; '' where that says it all."""
    return MOVE_WORDS[Detail(move.detail)]


def duration(run: Run) -> str:
    """How long a run took, or takes so far."""
    if run.started_at is None:
        return "–"
    seconds = round(((run.finished_at or runtime().clock()) - run.started_at).total_seconds())
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{max(seconds, 0)} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def phases(run: Run) -> list[tuple[str, datetime, float]]:
    """What a run did when: words, beginning, seconds. A phase that came again is told again."""
    begun = [(phase, datetime.fromisoformat(at)) for phase, at in run.phases]
    ends = [at for _, at in begun[1:]] + [run.finished_at or runtime().clock()]
    return [
        (run_progress.PHASE_WORDS[Phase(phase)], at, max((end - at).total_seconds(), 0.0))
        for (phase, at), end in zip(begun, ends, strict=True)
    ]


def use_words(use: Use) -> str:
    """'35 of 40 · near'."""
    return f"{use.used:,} of {use.contracted:,}" + (f" · {use.word}" if use.word else "")


def place_of(endpoint: str) -> str:
    """A page of the workspace one is in; '' where there is none."""
    workspace = current_workspace()
    if workspace is None or endpoint not in current_app.view_functions:
        return ""
    return url_for(endpoint, workspace_id=workspace.id)


def words() -> dict[str, Any]:
    """What templates of syncs ask for."""
    return {
        "afterwards": afterwards,
        "behind": behind,
        "capabilities_of": capabilities_of,
        "deed_words": deed_words,
        "duration": duration,
        "is_daily": is_daily,
        "is_shut": is_shut,
        "key_word": key_word,
        "key_words": key_words,
        "likely": likely,
        "line_who": line_who,
        "move_words": move_words,
        "next_words": next_words,
        "phases": phases,
        "place_of": place_of,
        "progress_of": progress_of,
        "reason_for": reason_for,
        "run_words": run_words,
        "signin_words": lambda state: SIGNIN_WORDS[SignInState(state)],
        "skipped_words": lambda reason: SKIPPED_WORDS.get(reason, reason_for(reason).short),
        "soon": soon,
        "span": span,
        "use_words": use_words,
        "waits": waits,
        "why_words": why_words,
    }
