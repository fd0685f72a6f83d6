"""Pages: parse, call one action, render. Each blueprint is a module here and a folder in `templates/`."""

from __future__ import annotations

from flask import Blueprint

from segsync.web.alerts import alerts
from segsync.web.audit import audit
from segsync.web.auth import auth
from segsync.web.people import people
from segsync.web.settings import settings
from segsync.web.workspaces import workspaces

BLUEPRINTS: tuple[Blueprint, ...] = (
    auth,
    alerts,
    audit,
    people,
    workspaces,
    settings,
)
"""All pages. A new blueprint is one import above and one line here; its endpoints are named in `rules.rights`."""
