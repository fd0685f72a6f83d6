"""What an audience is called at the channel, and a warning for words that a channel tends to flag."""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.contract import AudienceSpec, Capabilities, Kind

SEPARATOR = " · "


def audience_name(segment_name: str, longest: int) -> str:
    """The segment's own name, cut where the channel takes less."""
    name = " ".join(segment_name.split())
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


def fallback_name(segment_name: str, sync_public_id: str, longest: int) -> str:
    """The name where the first is taken by something that is not ours: the sync ID, always whole, is added."""
    tail = SEPARATOR + sync_public_id
    return audience_name(segment_name, longest - len(tail)) + tail


def description(sync_public_id: str) -> str:
    """Neutral, because channels look for words in it, and quoting what finds the sync here."""
    return f"Kept up to date by segsync, {sync_public_id}"


def spec(capabilities: Capabilities, segment_name: str, kind: Kind, sync_public_id: str) -> AudienceSpec:
    """The audience that a sync wants to exist."""
    longest = capabilities.name_length
    return AudienceSpec(
        marker=sync_public_id,
        name=audience_name(segment_name, longest),
        fallback_name=fallback_name(segment_name, sync_public_id, longest),
        description=description(sync_public_id),
        kind=kind,
    )


def flagged_in(name: str, flagged_words: Iterable[str]) -> list[str]:
    """The words of a name that the channel tends to flag, at the beginning of a word and in any case."""
    lowered = name.lower()
    return [word for word in flagged_words if re.search(rf"\b{re.escape(word.lower())}", lowered)]
