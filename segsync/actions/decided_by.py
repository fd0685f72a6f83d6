"""What decides whom a sync sends, beside the people themselves: as one digest, which tells whether figures still mean the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from segsync.models import Exclusion, Organization, Segment, Sync
from segsync.rules.segment_rules import read, segments_in


def decided_by(session: Session, sync: Sync) -> str:
    """Of its segment and those that count for it, of the exclusion lists of its channel, and of what unknown means.

    Independent of the time: an entry that ends by itself only lets people in again.
    """
    organization = session.get_one(Organization, sync.organization_id)
    ours = (Exclusion.organization_id == sync.organization_id) & Exclusion.channel.in_(["", sync.channel])
    left_out = session.scalars(select(Exclusion.segment_id).where(ours, Exclusion.segment_id.is_not(None))).all()
    counting = {sync.segment_id, *(segment_id for segment_id in left_out if segment_id is not None)}
    entry = func.concat_ws(" ", cast(Exclusion.id, Text), cast(func.extract("epoch", Exclusion.ends_at), Text))
    entries = session.scalar(
        select(func.md5(func.string_agg(entry, aggregate_order_by(literal(","), Exclusion.id)))).where(ours)
    )
    unknown = [organization.unknown_subscription_counts, organization.unknown_consent_counts]
    found = [sorted(asked_for(session, counting).items()), entries, unknown]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def asked_for(session: Session, segment_ids: set[int]) -> Mapping[int, int]:
    """The versions of these segments and of those that their rules ask for, however deep, by id."""
    known: dict[int, int] = {}
    new = set(segment_ids)
    while new:
        rows = session.execute(select(Segment.id, Segment.version, Segment.rules).where(Segment.id.in_(new))).all()
        known |= {row.id: row.version for row in rows}
        new = {asked for row in rows if row.rules for asked in segments_in(read(row.rules))} - set(known)
    return known
