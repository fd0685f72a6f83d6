"""Values as somebody sees them who may see that they are there, but not what they are."""

from __future__ import annotations

DOTS = "•••"
_SHOWN_OF_PHONE = 3


def mask(field: str, value: object) -> str:
    """`ada@example.com` as `a•••@e•••.com`, `+4915112345678` as `+49•••`, a name as its first letter; '' stays ''."""
    text = "" if value is None else str(value)
    if not text:
        return ""
    if field == "email":
        local, _, host = text.partition("@")
        return f"{local[:1]}{DOTS}@{host[:1]}{DOTS}{host[host.rfind('.') :]}"
    if field == "phone":
        return f"{text[:_SHOWN_OF_PHONE]}{DOTS}"
    if field in {"first_name", "last_name"}:
        return f"{text[:1]}{DOTS}"
    return DOTS
