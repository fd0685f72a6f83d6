"""Pages of segments: the list, the editor, a segment with its figures, and what one does with it."""

from __future__ import annotations

from segsync.web.segments import compare, deeds, editor, index, members, one, warehouse
from segsync.web.segments.blueprint import segments

__all__ = ["compare", "deeds", "editor", "index", "members", "one", "segments", "warehouse"]
