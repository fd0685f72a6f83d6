"""How much a simulated channel has been asked: so many calls in a window of time, for each scope that it counts."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.simulation_store import Store


@dataclass(frozen=True)
class Use:
    """What a scope has used of its limit, this call included, and for how many seconds more it counts."""

    share: float
    resets_in: float

    @property
    def over(self) -> bool:
        """Whether this call was one too many: then it was not counted."""
        return self.share > 1


NOTHING = Use(0.0, 0.0)


class Limits(Store):
    """The counters, by the simulated clock. Windows begin anew for all at once, as those of the real channels do."""

    def use(self, channel: str, scope: str, *, most: float, seconds: float, cost: float = 1) -> Use:
        """Counts a call. A limit of 0 counts nothing."""
        if not most:
            return NOTHING
        window, past = divmod(self.now().timestamp(), seconds)
        with self.transaction():
            known = self.get(channel, "used", scope) or {}
            used = (known["used"] if known.get("window") == window else 0.0) + cost
            if used <= most:
                self.put(channel, "used", scope, {"window": window, "used": used})
        return Use(used / most, seconds - past)
