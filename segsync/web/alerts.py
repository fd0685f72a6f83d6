"""Alerts: what stands in the way, who has to act, and what to do."""

from __future__ import annotations

from flask import Blueprint, render_template

alerts = Blueprint("alerts", __name__)


@alerts.route("/alerts")
def index() -> str:
    """Open alerts, those that wait for me first."""
    return render_template("alerts/index.html")
