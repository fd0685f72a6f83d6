"""Settings of the organization: what an unknown subscription and an unknown consent mean."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField

from segsync.actions import consent_rules
from segsync.actions.consent_rules import Meaning
from segsync.rules.rights import Right
from segsync.web.forms import PageForm
from segsync.web.frame import actor, db, my_organization

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
    form = MeaningForm(formdata=None, obj=my_organization())
    return render_template(
        "settings/index.html",
        form=form,
        organization=my_organization(),
        unknown=consent_rules.unknown(db(), actor()),
        refusal=Right.EDIT_CONSENT_RULES.refusal,
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
