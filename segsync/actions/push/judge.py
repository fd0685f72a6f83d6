"""What becomes of a plan once it is known: it is sent, it waits for an administrator, or it was only tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any, Final

from sqlalchemy.orm import Session

from segsync.actions import books, likely_causes, thresholds
from segsync.actions.decided_by import decided_by
from segsync.actions.outcomes import Done, Outcome
from segsync.actions.push.job import DECIDED_BY, Job
from segsync.actions.sync_alerts import HELD
from segsync.actions.trouble import Trouble, TroubleFound
from segsync.audience.conflicts import EXAMPLES
from segsync.audience.files import Part
from segsync.audience.plan import AFTER, AGAIN, NEW, Plan
from segsync.models import Run, Sync
from segsync.rules.removals import Release, Removals, likely, too_many

NO_REMOVALS: Final = Removals(0, 0, 0)


@dataclass(frozen=True)
class Checked:
    """What the check over all windows came to: files of the plan, what it does to the audience, and some of those who leave."""

    parts: Sequence[Part] = ()
    found: Removals = NO_REMOVALS
    leaving: Sequence[int] = ()


def ends_here(job: Job, session: Session, run: Run, plan: Plan, checked: Checked) -> bool:
    """Whether nothing of the plan is sent, inside the transaction that would record it. What it came to stands on the run."""
    found = checked.found
    sync = session.get_one(Sync, run.sync_id)
    many = too_many(found, thresholds.of_sync(session, sync).hold)
    if not many and not job.trying:
        return False
    by = _decided_by(session, sync, run)
    held = many and not _is_released(job, sync, found, by)
    if not held and not job.trying:
        return False
    causes = likely_causes.found(session, sync, run, found.leaving) if held else []
    run.findings = {**asdict(found), "to_nobody": found.to_nobody, "held_back": held, "causes": causes}
    run.findings |= {DECIDED_BY: by}
    if job.trying:
        run.findings |= {"sample": _sample(plan, checked.leaving), "kind": job.kind.value}
    books.put_away(session, run, now=job.now)
    return True


def _is_released(job: Job, sync: Sync, found: Removals, by: str) -> bool:
    """Whether an administrator looked at these removals already."""
    release = Release.read(sync.release)
    return release is not None and release.covers(found, job.now, by)


def _decided_by(session: Session, sync: Sync, run: Run) -> str:
    """What the plan came of; '', which nobody releases, where any of it was changed while the run read."""
    now = decided_by(session, sync)
    return now if run.cursor.get(DECIDED_BY) == now else ""


def outcome(findings: Mapping[str, Any], *, trying: bool) -> Outcome:
    """How a run ends that sends nothing. Raises TroubleFound where it waits for an administrator."""
    if trying:
        return Done()
    share = findings["leaving"] * 100 / max(findings["held"], 1)
    facts = {
        "removals": f"{findings['leaving']:,}",
        "held": f"{findings['held']:,}",
        "share": f"{min(share, 100):.0f} %",
        "likely": likely(findings["causes"]),
    }
    raise TroubleFound(Trouble(HELD, facts))


def _sample(plan: Plan, leaving: Sequence[int]) -> list[list[Any]]:
    """A few members and what happens to them, a little of everything."""
    happens = {"removed": list(leaving), "changed": _first(plan, AFTER), "added": _first(plan, NEW)}
    happens["again"] = _first(plan, AGAIN)
    turns = zip_longest(*([(word, member) for member in members] for word, members in happens.items()))
    told: dict[int, str] = {}
    for word, member in (one for turn in turns for one in turn if one):
        told.setdefault(member, word)
    return [[word, member] for member, word in list(told.items())[:EXAMPLES]]


def _first(plan: Plan, section: str) -> list[int]:
    found: list[int] = []
    for batch in plan.batches:
        if batch.section == section and len(found) < EXAMPLES:
            found += batch.read(("member",)).column("member").slice(0, EXAMPLES).to_pylist()
    return found
