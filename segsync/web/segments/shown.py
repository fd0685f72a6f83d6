"""Members of segments as somebody sees them: in clear, or masked for whoever may not see values; and what stands beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.contract import Capabilities
from connectors.registry import CHANNELS
from segsync.audience.reach import Reach
from segsync.models import Company, Contact
from segsync.rules.masking import mask
from segsync.rules.names import flagged_in
from segsync.rules.rights import Right
from segsync.web.frame import may

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "people": {"email": "E-mail", "phone": "Phone", "city": "City", "country": "Country"},
    "companies": {"company_domain": "Domain", "industry": "Industry", "city": "City", "country": "Country"},
}
"""What is shown of members beside their names."""
_OPEN = frozenset({"country", "industry"})
"""What names nobody, and is shown to everybody."""


def shower(members: str = "people") -> Callable[[str, object], str]:
    """Shows a value of a field to the person who is here. What is known of companies names nobody, and everybody sees it."""
    if members == "companies" or may(Right.SEE_VALUES):
        return lambda _field, value: "" if value is None else str(value)
    return _masked


def _masked(field: str, value: object) -> str:
    return str(value or "") if field in _OPEN else mask(field, value)


def name_of(member: Contact | Company) -> str:
    """A member's name as the person who is here may see it."""
    if isinstance(member, Company):
        return member.name or member.company_domain or f"Company {member.id}"
    show = shower()
    parts = [show("first_name", member.first_name), show("last_name", member.last_name)]
    return " ".join(part for part in parts if part) or f"Contact {member.id}"


@dataclass(frozen=True)
class Reached:
    """Who can be reached by a channel, and who is left out and why."""

    channel: str
    reach: Reach
    takes: str
    left_out: tuple[tuple[int, str], ...]


def reached(by_channel: Mapping[str, Reach]) -> list[Reached]:
    """One line for each channel, in order."""
    return [_reached(name, CHANNELS[name].capabilities, reach) for name, reach in by_channel.items()]


def _reached(name: str, capabilities: Capabilities, reach: Reach) -> Reached:
    reasons = (
        (reach.no_identifier, f"without anything that {capabilities.label} can match"),
        (reach.not_subscribed, "not subscribed"),
        (reach.no_consent, "without consent to advertising"),
        (reach.excluded, "on an exclusion list"),
    )
    takes = ", ".join(key.replace("_", " ") for key, number in reach.keys.items() if number)
    return Reached(name, reach, takes, tuple((number, why) for number, why in reasons if number))


def flagged(name: str) -> list[tuple[str, list[str]]]:
    """Channels that tend to flag an audience with this name, and the words they mind."""
    found = (
        (channel.capabilities.label, flagged_in(name, channel.capabilities.flagged_words))
        for channel in CHANNELS.values()
    )
    return [(label, words) for label, words in found if words]
