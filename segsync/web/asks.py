"""A question to a channel as a fragment: still being asked, answered, or why it could not be."""

from __future__ import annotations

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from segsync.actions import asks as actions
from segsync.web.asking import under_way
from segsync.web.frame import actor, db
from segsync.web.live import fragment

asks = Blueprint("asks", __name__)


@asks.route("/asks/<int:ask_id>")
def show(ask_id: int) -> Response:
    """How far a question of mine has come."""
    asked = actions.own(db(), actor(), ask_id)
    return fragment(render_template("asks/_show.html", asked=asked), busy=under_way(asked))
