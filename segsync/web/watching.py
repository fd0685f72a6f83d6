"""The web looks whether workers, a scheduler and Redis are there: where all are gone, nobody else would say so."""

from __future__ import annotations

import time
from typing import Final

from flask import Flask, request

from segsync.actions import watch
from segsync.web.frame import runtime

EVERY: Final = 15.0
"""Seconds between two looks of a process."""


def set_up(app: Flask) -> None:
    """Looks now and then, before a page is made. The first time a while after the start: they may all start together."""
    looked = [time.monotonic()]

    def look() -> None:
        if request.endpoint != "static" and time.monotonic() - looked[0] >= EVERY:
            looked[0] = time.monotonic()
            for part in watch.PARTS:
                watch.part(runtime(), part)

    app.before_request(look)
