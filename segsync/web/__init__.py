"""Pages: parse, call one action, render. Each blueprint is a module here and a folder in `templates/`."""

from __future__ import annotations

from flask import Blueprint

from segsync.web.alerts import alerts
from segsync.web.asks import asks
from segsync.web.audit import audit
from segsync.web.auth import auth
from segsync.web.companies import companies
from segsync.web.contacts import contacts
from segsync.web.exclusions import exclusions
from segsync.web.fields import fields
from segsync.web.imports import imports
from segsync.web.integrations import integrations
from segsync.web.people import people
from segsync.web.removals import removals
from segsync.web.segments import segments
from segsync.web.settings import settings
from segsync.web.syncs import syncs
from segsync.web.warehouses import warehouses
from segsync.web.whereabouts import where
from segsync.web.workspaces import workspaces

BLUEPRINTS: tuple[Blueprint, ...] = (
    auth,
    syncs,
    integrations,
    asks,
    alerts,
    audit,
    people,
    workspaces,
    settings,
    segments,
    contacts,
    companies,
    fields,
    imports,
    exclusions,
    where,
    warehouses,
    removals,
)
"""All pages. A new blueprint is one import above and one line here; its endpoints are named in `rules.rights`."""
