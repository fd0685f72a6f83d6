"""Pages: parse, call one action, render. Each blueprint is a module here and a folder in `templates/`."""

from __future__ import annotations

from flask import Blueprint

from segsync.web.alerts import alerts
from segsync.web.auth import auth

BLUEPRINTS: tuple[Blueprint, ...] = (
    auth,
    alerts,
)
"""All pages. A new blueprint is one import above and one line here; its endpoints are named in `rules.rights`."""
