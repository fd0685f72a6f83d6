"""Pages of syncs: the list with its overview, creating one, a sync, and switching it off and on."""

from __future__ import annotations

from segsync.web.syncs import create, deeds, home, one
from segsync.web.syncs.blueprint import syncs

__all__ = ["create", "deeds", "home", "one", "syncs"]
