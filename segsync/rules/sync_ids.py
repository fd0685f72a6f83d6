"""Sync IDs that a person can quote: SY-XXXX-XXXX in Crockford's base 32, without letters that are mistaken for digits."""

from __future__ import annotations

import re
import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS = 40
_LOOKALIKES = str.maketrans("OIL", "011")
_QUOTED = re.compile(r"\bSY[\s-]*([0-9A-Z]{4})[\s-]*([0-9A-Z]{4})\b")


def from_number(number: int) -> str:
    """The sync ID of a number of 40 bits."""
    digits = [ALPHABET[(number >> shift) & 31] for shift in range(BITS - 5, -1, -5)]
    return f"SY-{''.join(digits[:4])}-{''.join(digits[4:])}"


def fresh() -> str:
    """A new one that nobody can guess. The database refuses the one in a million million that exists already."""
    return from_number(secrets.randbits(BITS))


def read(text: str) -> str | None:
    """The sync ID that somebody typed or pasted, also in lower case, without hyphens or with O for 0; None where there is none."""
    found = _QUOTED.search(text.upper())
    if not found:
        return None
    first, second = (part.translate(_LOOKALIKES) for part in found.groups())
    return f"SY-{first}-{second}" if set(first + second) <= set(ALPHABET) else None
