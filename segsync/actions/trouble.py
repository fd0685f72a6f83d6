"""Why a run cannot go on, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Trouble:
    """A code of the catalogue, facts for its sentence, the channel's own code and reference. Never personal data."""

    code: str
    facts: Mapping[str, str] = field(default_factory=dict)
    raw: str = ""
    reference: str = ""


class TroubleFound(Exception):  # noqa: N818 - read aloud as "trouble found"
    """A run cannot go on for a reason that is not the channel's."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.code)
        self.trouble = trouble
