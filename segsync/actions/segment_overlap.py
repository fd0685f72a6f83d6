"""Two or three segments of a workspace held against each other: how many members are in which of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from segsync.actions.actor import Refused
from segsync.actions.segment_counts import names, patiently, quicken
from segsync.audience import filters
from segsync.models import Segment, Workspace
from segsync.rules.terms import SegmentKind

FEWEST, MOST = 2, 3
MOST_OFFERED: Final = 500


@dataclass(frozen=True)
class Region:
    """Members who are in exactly these segments, by their places among those compared."""

    inside: tuple[int, ...]
    members: int


@dataclass(frozen=True)
class Overlap:
    """Every region, those in one segment first, empty ones too; and how large each segment is."""

    regions: Sequence[Region]
    sizes: Sequence[int]

    @property
    def members(self) -> int:
        """Whoever is in at least one of them, each once."""
        return sum(each.members for each in self.regions)


def offered(session: Session, workspace: Workspace) -> Sequence[Segment]:
    """What can be compared here, by name."""
    living = select(Segment).where(Segment.workspace_id == workspace.id, Segment.deleted_at.is_(None))
    return session.scalars(living.order_by(func.lower(Segment.name)).limit(MOST_OFFERED)).all()


def chosen(session: Session, workspace: Workspace, ids: Sequence[int]) -> list[Segment]:
    """Those of the ids that are segments here, each once, in the order of the ids."""
    wanted = list(dict.fromkeys(ids))[:MOST]
    there = select(Segment).where(
        Segment.id.in_(wanted), Segment.workspace_id == workspace.id, Segment.deleted_at.is_(None)
    )
    return sorted(session.scalars(there), key=lambda each: wanted.index(each.id))


def overlap(session: Session, segments: Sequence[Segment], now: datetime) -> Overlap | None:
    """Counts every region in one statement; None where that takes longer than somebody waits. Raises Refused."""
    _need_the_same_kind(segments)
    found: list[dict[int, int]] = []
    with patiently(session):
        quicken(session)
        counted = session.execute(filters.regions(segments, now, names(session)))
        found.append({int(which): int(members) for which, members in counted})
    return _told(found[0], len(segments)) if found else None


def _need_the_same_kind(segments: Sequence[Segment]) -> None:
    elsewhere = next((each for each in segments if each.kind == SegmentKind.WAREHOUSE), None)
    if elsewhere is not None:
        raise Refused(
            f"Members of “{elsewhere.name}” are rows of a warehouse and not contacts. Only the warehouse knows who of them is "
            "in another segment too, so nothing is counted here."
        )
    if len({each.members for each in segments}) > 1:
        raise Refused(
            "Some of these segments hold people and some companies, so nobody can be in both. Choose segments of one sort to see what they share."
        )


def _told(counted: dict[int, int], segments: int) -> Overlap:
    places = range(segments)
    masks = sorted(range(1, 1 << segments), key=lambda mask: (mask.bit_count(), [not mask >> n & 1 for n in places]))
    regions = [Region(tuple(n for n in places if mask >> n & 1), counted.get(mask, 0)) for mask in masks]
    sizes = [sum(each.members for each in regions if place in each.inside) for place in places]
    return Overlap(regions, sizes)
