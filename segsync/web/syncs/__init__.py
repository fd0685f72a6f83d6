"""Pages of syncs: the list with its overview, creating one, a sync, and switching it off and on."""

from __future__ import annotations

from segsync.web.syncs import create, deeds, held, home, one, tried, when
from segsync.web.syncs.blueprint import syncs

__all__ = ["create", "deeds", "held", "home", "one", "syncs", "tried", "when"]
