"""Our own and Bootstrap's files: kept by browsers for a year, under an address that changes with the file. Icons are drawn from one."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import flask_bootstrap
from flask import Flask, request, url_for
from markupsafe import Markup

KEPT_FOR: Final = 31_536_000
FOLDERS: Final = {
    "static": Path(__file__).resolve().parent.parent / "static",
    "bootstrap.static": Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5",
}
DRAWN: Final = Markup(
    '<svg class="icon icon-{name}" aria-hidden="true" focusable="false" width="16" height="16"><use href="{file}#{name}"/></svg>'
)
"""It takes the colour and size of the text around it and says nothing aloud."""


def set_up(app: Flask) -> None:
    """Every address of such a file carries its stamp."""
    app.url_defaults(_stamp)
    app.add_template_global(icon, "drawn_icon")


def icon(name: str) -> Markup:
    """An icon of our own set (static/icons.svg). A page has hundreds, so each is put together once."""
    return _icon(request.script_root, name)


@lru_cache(maxsize=1000)
def _icon(_root: str, name: str) -> Markup:
    return DRAWN.format(name=name, file=url_for("static", filename="icons.svg"))


@cache
def stamp(endpoint: str, filename: str) -> str:
    """A few digits that change with the file; '' for one that does not exist."""
    path = FOLDERS[endpoint] / filename
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else ""


def _stamp(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint in FOLDERS and "filename" in values:
        values.setdefault("v", stamp(endpoint, values["filename"]) or None)
