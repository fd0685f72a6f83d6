"""The blueprint of everything about syncs; the views are in the modules beside it."""

from __future__ import annotations

from flask import Blueprint

syncs = Blueprint("syncs", __name__)
