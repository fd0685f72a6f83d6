"""A sync as the list shows it: what is said of it and may be done with it, found once for each, so that a row is only laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flask import url_for

from segsync.actions.sync_access import may_act, who_can
from segsync.actions.sync_listed import Listed
from segsync.actions.sync_lists import SyncPage
from segsync.rules.progress import Progress
from segsync.rules.terms import Status
from segsync.web.frame import actor
from segsync.web.syncs import said
from segsync.web.syncs.when import is_overdue

ANY_ID: Final = "SY-0000-0000"


@dataclass(frozen=True)
class SyncRow:
    """What `syncs/_row.html` shows."""

    sync: Listed
    doing: str
    """What stands behind the status."""
    told: Progress | None
    overdue: bool
    no_next_run: str
    """What is said instead of a next run; '' where it has a time."""
    refusal: str
    """Why this person may not switch or delete it; '' where they may."""
    page: str
    switch: str
    delete: str


def rows(found: SyncPage) -> Sequence[SyncRow]:
    """The rows of a page of the list, in order."""
    page, on, off, delete = (address_of(endpoint) for endpoint in ("page", "switch_on", "switch_off", "delete"))
    who = actor()
    made = []
    for sync in found.items:
        run = found.runs.get(sync.id)
        switch = on if sync.status == Status.INACTIVE else off
        made.append(
            SyncRow(
                sync=sync,
                doing=said.behind(sync, run, found.alerts.get(sync.id)),
                told=said.progress_of(run),
                overdue=is_overdue(sync),
                no_next_run=_no_next_run(sync),
                refusal="" if may_act(who, sync) else who_can(sync, "switch this on or off, or delete it"),
                page=page(sync.public_id),
                switch=switch(sync.public_id),
                delete=delete(sync.public_id),
            )
        )
    return made


def _no_next_run(sync: Listed) -> str:
    known = sync.next_run_at is not None and sync.status != Status.SYNCING and not said.waits(sync)
    return "" if known else said.next_words(sync)


def address_of(endpoint: str) -> Callable[[str], str]:
    """Addresses of a page of each sync: found once for a whole list. A sync ID has no letter that would have to be quoted."""
    before, _, after = url_for(f"syncs.{endpoint}", public_id=ANY_ID).partition(ANY_ID)
    return lambda public_id: f"{before}{public_id}{after}"
