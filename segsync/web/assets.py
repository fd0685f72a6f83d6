"""Our own and Bootstrap's files: kept by browsers for a year, under an address that changes with the file."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

import flask_bootstrap
from flask import Flask

KEPT_FOR: Final = 31_536_000
FOLDERS: Final = {
    "static": Path(__file__).resolve().parent.parent / "static",
    "bootstrap.static": Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5",
}


def set_up(app: Flask) -> None:
    """Every address of such a file carries its stamp."""
    app.url_defaults(_stamp)


@cache
def stamp(path: Path) -> str:
    """A few digits that change with the file; '' for one that does not exist."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else ""


def _stamp(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint in FOLDERS and "filename" in values:
        values.setdefault("v", stamp(FOLDERS[endpoint] / values["filename"]) or None)
