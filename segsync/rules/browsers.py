"""Browsers in plain words, from what they say of themselves: enough to recognise one's own, and nothing more is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNKNOWN: Final = "An unknown browser"
# what comes first counts: nearly every browser also calls itself Chrome, and Chrome calls itself Safari
_BROWSERS: Final[Mapping[str, str]] = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_MACHINES: Final[Mapping[str, str]] = {
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Macintosh": "a Mac",
    "Linux": "Linux",
}


def told(said: str) -> str:
    """'Firefox on Linux', from the User-Agent header of a request."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in said), UNKNOWN)
    machine = next((name for mark, name in _MACHINES.items() if mark in said), "")
    return f"{browser} on {machine}" if machine else browser
