"""Settings of the organization: what an unknown subscription and consent mean, and from when on removals are held."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField

from segsync.actions import consent_rules, threshold_changes
from segsync.actions.actor import Refused
from segsync.actions.consent_rules import Meaning
from segsync.rules.rights import Right
from segsync.web.forms import PageForm
from segsync.web.frame import actor, db, my_organization, show_refusal
from segsync.web.syncs.held import ThresholdsForm

settings = Blueprint("settings", __name__)


class MeaningForm(PageForm):
    """What unknown means."""

    unknown_subscription_counts = BooleanField(
        "A contact whose subscription is unknown may be sent",
        description="One who said no is never sent, whatever stands here.",
    )
    unknown_consent_counts = BooleanField(
        "An unknown advertising consent counts as granted",
        description="Asked for by Google, for each of its two consents. A denied one never counts.",
    )


@settings.route("/settings")
def index() -> str:
    """What holds now, and how many contacts it is about."""
    return _page(ThresholdsForm(formdata=None, obj=my_organization()))


def _page(thresholds: ThresholdsForm) -> str:
    return render_template(
        "settings/index.html",
        form=MeaningForm(formdata=None, obj=my_organization()),
        thresholds=thresholds,
        organization=my_organization(),
        unknown=consent_rules.unknown(db(), actor()),
        refusal=Right.EDIT_CONSENT_RULES.refusal,
        no_thresholds=Right.HOLD_REMOVALS.refusal,
    )


@settings.post("/settings")
def change() -> Response:
    """Decides what unknown means."""
    form = MeaningForm()
    if form.validate_on_submit():
        meaning = Meaning(bool(form.unknown_subscription_counts.data), bool(form.unknown_consent_counts.data))
        consent_rules.change(db(), actor(), meaning)
        db().commit()
        flash("Saved. The next run of every sync goes by it.")
    return redirect(url_for("settings.index"))


@settings.post("/settings/thresholds")
def change_thresholds() -> Response | tuple[str, int]:
    """Sets from when on removals are held and sizes are said."""
    form = ThresholdsForm()
    if form.validate_on_submit():
        try:
            threshold_changes.change(db(), actor(), form.given)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash("Saved. The next run of every sync goes by it.")
            return redirect(url_for("settings.index"))
    return _page(form), 422
