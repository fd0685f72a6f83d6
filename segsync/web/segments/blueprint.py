"""The blueprint of everything about segments; the views are in the modules beside it."""

from __future__ import annotations

from flask import Blueprint, abort
from werkzeug.wrappers import Response

from segsync.actions import segments as actions
from segsync.actions.actor import Refused
from segsync.models import Segment, Workspace
from segsync.web.frame import db, workspace_or_404

segments = Blueprint("segments", __name__, url_prefix="/w/<int:workspace_id>/segments")

Answer = str | Response | tuple[str, int]


def found(workspace_id: int, segment_id: int) -> tuple[Workspace, Segment]:
    """A segment of one of the person's workspaces; any other does not exist for them."""
    workspace = workspace_or_404(workspace_id)
    try:
        return workspace, actions.find(db(), workspace, segment_id)
    except Refused:
        abort(404)
