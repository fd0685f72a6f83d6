"""Browsers by the names that people know them by."""

from __future__ import annotations

import pytest

from segsync.rules.browsers import told

MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/143.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"{MOZILLA} (Windows NT 10.0) {WEBKIT} Chrome/143.0.0.0 Safari/537.36 Edg/143.0", "Edge on Windows"),
        (f"{MOZILLA} (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/19.0 Safari/605.1.15", "Safari on a Mac"),
        (
            f"{MOZILLA} (iPhone; CPU iPhone OS 19_0 like Mac OS X) {WEBKIT} Version/19.0 Safari/604.1",
            "Safari on an iPhone",
        ),
        (f"{MOZILLA} (iPad; CPU OS 19_0 like Mac OS X) {WEBKIT} CriOS/143.0 Safari/604.1", "Chrome on an iPad"),
        (f"{MOZILLA} (Linux; Android 16; Pixel 9) {WEBKIT} Chrome/143.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            f"{MOZILLA} (Linux; Android 16) {WEBKIT} SamsungBrowser/29.0 Chrome/143.0 Safari/537.36",
            "Samsung Internet on Android",
        ),
        (f"{MOZILLA} (X11; CrOS x86_64 16181.61.0) {WEBKIT} Chrome/143.0 Safari/537.36", "Chrome on ChromeOS"),
        (f"{MOZILLA} (Windows NT 10.0) {WEBKIT} Chrome/143.0 Safari/537.36 OPR/125.0", "Opera on Windows"),
        ("curl/8.14.1", "An unknown browser"),
        ("", "An unknown browser"),
        (f"{MOZILLA} (Windows NT 10.0) SomethingNew/1.0", "An unknown browser on Windows"),
    ],
)
def test_a_browser_is_told_in_plain_words(said, words):
    """People recognise where they are signed in, and never read what browsers say of themselves (S1)."""
    assert told(said) == words
