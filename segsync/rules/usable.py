"""What the creator of a sync is told once of its audience: that it can be used, or that it is too small."""

from __future__ import annotations

from connectors.contract import State


def worth_telling(told: str, state: State) -> bool:
    """Whether the channel's word is news to the creator, who was `told` before. That it can be used is told once, for good."""
    if told == State.READY:
        return False
    return state is State.READY or (state is State.TOO_SMALL and told != State.TOO_SMALL)
