"""How figures, times and states are said on pages. Templates never print a raw value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, g
from markupsafe import Markup, escape

from connectors.registry import CHANNELS
from segsync.models import Workspace
from segsync.rules.terms import Role, Status
from segsync.web import frame
from segsync.web.assets import icon

MINUTE, HOUR, DAY = 60, 3600, 86400
STEPS = ((MINUTE, 1, "s"), (HOUR, MINUTE, "min"), (DAY, HOUR, "h"), (30 * DAY, DAY, "d"))
"""Below the first, count in the second, with this unit."""

STATUS_WORDS = {
    Status.SYNCING: ("syncing", "Syncing"),
    Status.SYNCED: ("synced", "Synced"),
    Status.FAILED: ("failed", "Failed"),
    Status.INACTIVE: ("inactive", "Inactive"),
}
"""Icon and word of each status; the icon's name is also the class that colours it."""

MARKS = {"linkedin": "in"}
"""What stands for a channel where it is not the first letter of its name."""
MARKED = Markup(
    '<span class="channel channel-{name}"><span class="channel-mark" aria-hidden="true">{mark}</span>{label}</span>'
)


STATUS_DRAWN = Markup('<span class="status status-{shape}">{icon} <span>{told}</span></span>')


def set_up(app: Flask) -> None:
    """Makes the words known to templates."""
    app.add_template_filter(figure)
    app.add_template_filter(counted)
    app.add_template_filter(listed)
    app.add_template_filter(opening)
    app.add_template_filter(quoted)
    app.add_template_global(ago)
    app.add_template_global(exactly)
    app.add_template_global(at_time)
    app.add_template_global(when, "told_when")
    app.add_template_global(status, "drawn_status")
    app.add_template_global(channel_icon, "drawn_channel")
    app.add_template_global(channel_label)
    app.add_template_global(channel_names)
    app.add_template_global(channel_page, "link_of")
    app.add_template_global(role_label)


def figure(number: float | None) -> str:
    """Thousands separated; a dash where nothing is known."""
    if number is None:
        return "–"
    return f"{number:,.1f}" if isinstance(number, float) and not number.is_integer() else f"{int(number):,}"


def counted(number: int, one: str, many: str = "") -> str:
    """A figure with its noun: '1 sync', '4 syncs'."""
    return f"{figure(number)} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """'Google', 'Google and Meta', 'Google, LinkedIn and Meta'."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def opening(text: str) -> str:
    """As a line begins, names within left as they are: 'People on YouTube'."""
    return text[:1].upper() + text[1:]


def quoted(text: str) -> str:
    """What somebody wrote, as the end of a sentence: '“season is over”.', '“It is over.”'."""
    return f"“{text}”" + ("" if text.endswith((".", "!", "?")) else ".")


def ago(moment: datetime | None) -> str:
    """'2 h ago', 'in 4 h', 'yesterday', '3 March 2025'."""
    if moment is None:
        return "never"
    now = frame.runtime().clock()
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 10:  # noqa: PLR2004 - nobody counts those
        return "now"
    for below, unit, sign in STEPS:
        if abs(seconds) < below:
            told = f"{int(abs(seconds) // unit)} {sign}"
            return f"{told} ago" if seconds > 0 else f"in {told}"
    there = moment.astimezone(zone())
    return f"{there.day} {there:%B}" if there.year == now.astimezone(zone()).year else f"{there.day} {there:%B %Y}"


def exactly(moment: datetime | None) -> str:
    """The whole time with its zone: 'Monday, 2 March 2026, 09:00:00 UTC'."""
    if moment is None:
        return ""
    there = moment.astimezone(zone())
    return f"{there:%A}, {there.day} {there:%B %Y, %H:%M:%S %Z}"


def when(moment: datetime | None, missing: str = "never") -> str:
    """'2 h ago', with the exact time and zone for the pointer and for screen readers. Lists have hundreds of them."""
    if moment is None:
        return missing
    at, whole, told = escape(moment.isoformat()), escape(exactly(moment)), escape(ago(moment))
    return Markup(f'<time datetime="{at}" title="{whole}">{told}</time>')  # noqa: S704 - each part is escaped; `format` takes three times as long


def at_time(moment: datetime) -> str:
    """'at 14:20', 'on 3 March at 00:05'."""
    there = moment.astimezone(zone())
    today = frame.runtime().clock().astimezone(zone()).date()
    return f"at {there:%H:%M}" if there.date() == today else f"on {there.day} {there:%B} at {there:%H:%M}"


def channel_label(name: str) -> str:
    """A channel as people know it."""
    return CHANNELS[name].capabilities.label if name in CHANNELS else name


@lru_cache(maxsize=100)
def channel_icon(name: str, *, label: bool = True) -> Markup:
    """A channel's mark; with its name beside it unless told otherwise. A list has one in each row."""
    told = channel_label(name)
    beside = Markup(" {}") if label else Markup('<span class="visually-hidden">{}</span>')
    return MARKED.format(name=name, mark=MARKS.get(name, told[:1]), label=beside.format(told))


def channel_page(channel: str, name: str, account: str = "", audience: str = "") -> str:
    """A page of the channel itself, or ''. An audience of a simulated channel has one at the simulator."""
    if channel not in CHANNELS:
        return ""
    application = frame.runtime().application(channel)
    pages = application.bases.get("pages") if application.simulated and name == "audience" else None
    if pages:
        return f"{pages}/audiences/{quote(audience)}" if audience else ""
    address = CHANNELS[channel].capabilities.links.get(name, "")
    if "{audience}" in address and not audience:
        return ""
    return address.replace("{account}", quote(account.removeprefix("act_"))).replace("{audience}", quote(audience))


def channel_names() -> list[str]:
    """The names of all channels, in order."""
    return list(CHANNELS)


def role_label(role: str) -> str:
    """A role as people know it."""
    return Role(role).label


def status(name: str, doing: str = "") -> Markup:
    """A status with what stands behind it. A list has one in each row, and most are alike."""
    shape, word = STATUS_WORDS[Status(name)]
    return _status(icon(shape), shape, f"{word} · {doing}" if doing else word)


@lru_cache(maxsize=1000)
def _status(drawn: Markup, shape: str, told: str) -> Markup:
    return STATUS_DRAWN.format(icon=drawn, shape=shape, told=told)


def zone() -> tzinfo:
    """The zone of the workspace that the person is in, else UTC."""
    # asked for each time that is told: where the page knows its workspace, somebody is signed in
    known: Workspace | None = g.get("workspace")
    workspace = known or (frame.current_workspace() if frame.signed_in() else None)
    if workspace is None:
        return UTC
    try:
        return ZoneInfo(workspace.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
