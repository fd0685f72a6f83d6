"""When a sync runs: the fields to choose it by, and the page to change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, TimeField
from wtforms.validators import Optional

from connectors.registry import CHANNELS
from segsync.actions import sync_schedule, timing
from segsync.actions.actor import Refused
from segsync.actions.sync_access import need_own
from segsync.actions.sync_listed import Listed
from segsync.actions.sync_schedule import Typed
from segsync.models import Sync
from segsync.rules import schedule
from segsync.rules.schedule import DAYS, Schedule
from segsync.web.forms import CheckboxesField, PageForm, choice, typed
from segsync.web.frame import actor, db, runtime, show_refusal
from segsync.web.syncs.blueprint import syncs
from segsync.web.syncs.found import sync_or_404
from segsync.web.words import ago
from segsync.web.workspaces import ZONES

Answer = str | Response | tuple[str, int]


class ScheduleForm(PageForm):
    """How often a sync runs, and for chosen days at what time by whose clocks."""

    how = SelectField("How often", validate_choice=False)
    days = CheckboxesField("On", coerce=int, choices=[choice(at, name) for at, name in enumerate(DAYS)])
    at = TimeField("At", [Optional()])
    zone = SelectField("By the clocks of", choices=ZONES, validate_choice=False)

    def offer(self, now: Schedule, zone: str) -> None:
        """Shows `now` as chosen where nothing was sent yet, with everything that can be chosen."""
        known = self.known = (now, timing.usual(runtime()))
        self.how.choices = [choice(value, label) for value, label in sync_schedule.ways(*known)]
        if not self.is_submitted():
            shown = sync_schedule.typed_of(now, zone)
            self.how.data, self.at.data, self.zone.data = shown.how, shown.at, shown.zone
            self.days.data = sorted(shown.days)

    known: Sequence[Schedule] = ()

    @property
    def given(self) -> Typed:
        """What was chosen."""
        return Typed(typed(self.how), self.at.data, frozenset(self.days.data or ()), typed(self.zone))


@syncs.route("/syncs/<public_id>/schedule", methods=["GET", "POST"])
def change_schedule(public_id: str) -> Answer:
    """Chooses when a sync runs by itself, or that only people start it."""
    sync = sync_or_404(public_id)
    need_own(actor(), sync, sync_schedule.DEED)
    if sync.deleted_at is not None:
        return redirect(url_for("syncs.page", public_id=sync.public_id))
    form = ScheduleForm()
    form.offer(timing.of(sync), sync.workspace.time_zone)
    if form.validate_on_submit():
        try:
            wanted = sync_schedule.read(form.given, *form.known)
            sync_schedule.change(runtime(), db(), actor(), sync.public_id, wanted)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash(_saved(sync_or_404(public_id)), "success")
            return redirect(url_for("syncs.page", public_id=sync.public_id))
    shown = render_template(
        "syncs/schedule.html", form=form, sync=sync, capabilities=CHANNELS[sync.channel].capabilities
    )
    return (shown, 422) if form.failed else shown


def _saved(sync: Sync) -> str:
    told = schedule_words(sync)
    following = f" The next run is {ago(sync.next_run_at)}." if sync.next_run_at else ""
    return f"Saved. {told}.{following}"


def schedule_words(sync: Sync) -> str:
    """'Every day at 07:00, Europe/London'."""
    return schedule.words(timing.of(sync))


def is_overdue(sync: Sync | Listed) -> bool:
    """Whether it is late by a whole interval."""
    return timing.is_overdue(sync, runtime().clock())


@syncs.app_context_processor
def _words() -> dict[str, Any]:
    return {"schedule_words": schedule_words, "is_overdue": is_overdue}
