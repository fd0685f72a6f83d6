"""The contracted limit: how much of it is used, when that is near, and the sentences about it. Counting is done elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

NEAR_PERCENT = 80


@dataclass(frozen=True)
class Use:
    """Syncs that hold a place, and how many the contract allows."""

    used: int
    contracted: int

    @property
    def left(self) -> int:
        """Free places; never negative, also after the contract was lowered below the use."""
        return max(0, self.contracted - self.used)

    @property
    def near(self) -> bool:
        """Whether at least four fifths are used."""
        return self.used * 100 >= self.contracted * NEAR_PERCENT

    @property
    def full(self) -> bool:
        """Whether nothing more can start."""
        return self.used >= self.contracted

    @property
    def word(self) -> str:
        """'near', 'reached', 'exceeded', or '' where there is room."""
        if self.used > self.contracted:
            return "exceeded"
        if self.full:
            return "reached"
        return "near" if self.near else ""

    def plus(self, more: int = 1) -> Use:
        """The same after more syncs took a place."""
        return Use(self.used + more, self.contracted)


def after_this(use: Use) -> str:
    """What is said to whoever is about to take one more place: `use` is before that."""
    after = use.plus()
    text = f"{after.used:,} of {after.contracted:,} contracted syncs after this"
    if after.full:
        return text + ": it takes the last place."
    return f"{text}: {_places(after.left)} left." if after.near else text + "."


def said(use: Use) -> str:
    """What is said once a place was taken: `use` is with it."""
    text = f"{use.used:,} of {use.contracted:,} contracted syncs are in use now"
    return text + (", so nothing more can start." if use.full else f": {_places(use.left)} left.")


def refusal(use: Use, inactive_frees: str = "Switching off or deleting a sync frees its place at once.") -> str:
    """Why nothing can start, and what would change that."""
    if use.contracted == 0:
        return "Your organization has no contracted syncs yet, so nothing can start. Whoever runs this installation sets the number."
    held = f"All {use.contracted:,} contracted syncs are in use"
    if use.used > use.contracted:
        held = f"{use.used:,} syncs are in use and {use.contracted:,} are contracted"
    return f"{held}, so nothing new can start. What runs goes on. {inactive_frees}"


def _places(count: int) -> str:
    return "1 place" if count == 1 else f"{count:,} places"
