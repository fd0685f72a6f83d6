"""Finding the sync that an address names."""

from __future__ import annotations

from flask import abort

from segsync.actions import sync_history
from segsync.actions.actor import Refused
from segsync.models import Sync
from segsync.web.errors import Trouble, trouble_page
from segsync.web.frame import actor, db


def sync_or_404(public_id: str) -> Sync:
    """A sync of my organization, deleted ones too; any other does not exist for me."""
    try:
        return sync_history.whole(db(), actor(), public_id)
    except Refused as refused:
        abort(trouble_page(404, Trouble("There is no such sync", refused.message)))
