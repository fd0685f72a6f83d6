"""Removals that are held: releasing them, and from when on a sync's are."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField
from wtforms.validators import Optional

from segsync.actions import holds, threshold_changes
from segsync.actions.actor import Refused
from segsync.actions.threshold_changes import Given
from segsync.rules.removals import TOLERANCE_PERCENT
from segsync.rules.rights import Right
from segsync.web.forms import PageForm, typed
from segsync.web.frame import actor, db, my_organization, runtime, show_refusal
from segsync.web.syncs.blueprint import syncs
from segsync.web.syncs.found import sync_or_404

Answer = str | Response | tuple[str, int]


class ReleaseForm(PageForm):
    """The run whose figures were looked at."""

    run = HiddenField()


class ThresholdsForm(PageForm):
    """From when on removals are held and a size is said. Empty, for a sync, means as in the organization."""

    hold_percent = IntegerField(
        "Held where more than so many per cent of the audience would be removed …", [Optional()]
    )
    hold_count = IntegerField(
        "… and at least so many people",
        [Optional()],
        description="Both have to be passed. That nobody would be left is held always.",
    )
    unusual_percent = IntegerField(
        "An unusual size is said from so many per cent above or below the usual one",
        [Optional()],
        description="The usual size is the median of the last seven good runs. Nothing is stopped for it.",
    )

    @property
    def given(self) -> Given:
        """What was typed."""
        return Given(self.hold_percent.data, self.hold_count.data, self.unusual_percent.data)


@syncs.route("/syncs/<public_id>/release", methods=["GET", "POST"])
def release(public_id: str) -> Answer:
    """Says what would be removed and what lies behind it, and lets it go."""
    sync = sync_or_404(public_id)
    form = ReleaseForm()
    if form.validate_on_submit():
        number = typed(form.run)
        try:
            run = holds.release(
                runtime(), db(), actor(), sync.public_id, int(number) if number.isascii() and number.isdecimal() else 0
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            runtime().queue.wake_run(run.id)
            flash("The removals are released, and the run has started.", "success")
            return redirect(url_for("syncs.page", public_id=sync.public_id))
    held = holds.held_run(db(), sync)
    if held is None and not form.failed:
        return redirect(url_for("syncs.page", public_id=sync.public_id))
    form.run.data = str(held.id) if held else ""
    shown = render_template("syncs/release.html", form=form, sync=sync, held=held, tolerance=TOLERANCE_PERCENT)
    return (shown, 422) if form.failed else shown


@syncs.route("/syncs/<public_id>/thresholds", methods=["GET", "POST"])
def thresholds(public_id: str) -> Answer:
    """From when on this sync's removals are held and its size is said."""
    sync = sync_or_404(public_id)
    form = ThresholdsForm(obj=sync)
    if form.validate_on_submit():
        try:
            threshold_changes.change_sync(db(), actor(), sync.public_id, form.given)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash("Saved. The next run goes by it.", "success")
            return redirect(url_for("syncs.page", public_id=sync.public_id))
    shown = render_template(
        "syncs/thresholds.html",
        form=form,
        sync=sync,
        organization=my_organization(),
        refusal=Right.HOLD_REMOVALS.refusal,
    )
    return (shown, 422) if form.failed else shown
