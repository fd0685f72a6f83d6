"""The left side of every page: where one can go, and where one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, current_app, request, url_for

from segsync.actions.actor import Actor
from segsync.models import Workspace
from segsync.rules.rights import ROUTES, Right
from segsync.web import alert_cards, frame
from segsync.web.paging import page_address
from segsync.web.words import channel_label


@dataclass(frozen=True)
class Place:
    """A place to go to. `of_workspace` places lie in the workspace one is in."""

    label: str
    icon: str
    endpoint: str
    of_workspace: bool = False
    for_administrators: bool = False


PLACES: Final = (
    Place("Segment Syncs", "sync", "syncs.home"),
    Place("Segments", "segment", "segments.index", of_workspace=True),
    Place("Contacts", "people", "contacts.index", of_workspace=True),
    Place("Companies", "company", "companies.index", of_workspace=True),
    Place("Imports", "import", "imports.index", of_workspace=True),
    Place("Integrations", "plug", "integrations.index"),
    Place("Audit", "audit", "audit.index", for_administrators=True),
    Place("People", "person", "people.index", for_administrators=True),
    Place("Workspaces", "workspace", "workspaces.index", for_administrators=True),
    Place("Exclusion lists", "leave", "exclusions.index", for_administrators=True),
    Place("Warehouses", "import", "warehouses.index", for_administrators=True),
    Place("Opt-outs and erasures", "trash", "removals.index", for_administrators=True),
    Place("Settings", "settings", "settings.index", for_administrators=True),
)


@dataclass(frozen=True)
class Link:
    """A place with its address, for this person on this page."""

    label: str
    icon: str
    address: str
    here: bool


def set_up(app: Flask) -> None:
    """Makes the frame's parts known to templates."""
    app.context_processor(_parts)
    app.add_template_global(page_address)
    # global rather than in the context: macros of other files ask for them too
    app.add_template_global(frame.may)
    app.add_template_global(Right, "Right")


def links(*, administrators: bool) -> list[Link]:
    """The places that this person may open."""
    workspace, who = frame.current_workspace(), frame.actor()
    return [
        Link(place.label, place.icon, address_of(place, workspace), _here(place))
        for place in PLACES
        if place.for_administrators == administrators and _open(place, workspace, who)
    ]


def address_of(place: Place, workspace: Workspace | None) -> str:
    """Where a place is."""
    if place.of_workspace and workspace:
        return url_for(place.endpoint, workspace_id=workspace.id)
    return url_for(place.endpoint)


def workspace_links() -> list[Link]:
    """The same kind of page in each of the person's workspaces; their segments, seen from elsewhere."""
    here = request.blueprint if (request.view_args or {}).get("workspace_id") else None
    endpoint = f"{here or 'segments'}.index"
    if endpoint not in current_app.view_functions:
        return []
    now = frame.current_workspace()
    return [
        Link(each.name, "workspace", url_for(endpoint, workspace_id=each.id), each == now)
        for each in frame.my_workspaces()
    ]


def simulated() -> list[str]:
    """The channels that are stand-ins, as people know them."""
    channels = frame.runtime().settings.channels
    return [channel_label(name) for name, channel in channels.items() if channel.application.simulated]


def _open(place: Place, workspace: Workspace | None, who: Actor) -> bool:
    needed = ROUTES.get(place.endpoint)
    if place.for_administrators and not (who.role and who.role.administers):
        return False
    if place.endpoint not in current_app.view_functions or (place.of_workspace and workspace is None):
        return False
    return not isinstance(needed, Right) or who.can(needed)


def _here(place: Place) -> bool:
    return request.blueprint == place.endpoint.partition(".")[0]


def _parts() -> dict[str, Any]:
    common: dict[str, Any] = {"signed_in": frame.signed_in(), "simulated": simulated()}
    if not frame.signed_in():
        return common
    return common | {
        "me": frame.me(),
        "places": links(administrators=False),
        "administration": links(administrators=True),
        "workspace": frame.current_workspace(),
        "workspace_links": workspace_links(),
        "waiting": alert_cards.open_counts()[0],
    }
