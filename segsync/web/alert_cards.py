"""An alert as pages show it: what happened, who has to act, the steps, and the channel's own reference at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app, g, url_for

from segsync.actions import alert_lists
from segsync.actions.alert_lists import Concerned, Incident
from segsync.models import Alert
from segsync.rules import catalogue
from segsync.rules.rights import Right
from segsync.rules.terms import Acts
from segsync.web import frame
from segsync.web.words import channel_label, channel_page, counted

LINKS = {
    "account": "Open the ad account at {channel}",
    "permissions": "Open the roles at {channel}",
    "terms": "Open the terms at {channel}",
    "audience": "Open the audiences at {channel}",
    "quality": "Open the account's quality at {channel}",
    "integrations": "Open Integrations",
    "limit": "See who uses them",
    "settings": "Open Settings",
    "release": "Look at the removals",
}
OUR_PAGES = {"integrations": "integrations.index", "limit": "syncs.limit", "settings": "settings.index"}


@dataclass(frozen=True)
class AlertCard:
    """What `components/alert_card.html` shows."""

    id: int
    code: str
    title: str
    sentence: str
    tone: str
    who: str
    mine: bool
    steps: Sequence[str]
    link: tuple[str, str] | None
    channel: str | None
    syncs: Sequence[Concerned]
    sync_count: int
    opened_at: datetime
    closed_at: datetime | None
    times: int
    raw: str
    reference: str


def needing_attention(most: int = 5) -> list[AlertCard]:
    """The first open alerts of the organization, those that wait for the person who is signed in before all others.

    They are counted with it, so that the page need not ask again.
    """
    found = alert_lists.attention(frame.db(), frame.me(), most)
    g.open_alerts = (found.waiting, found.total)
    return [_card(incident) for incident in found.first]


def open_counts() -> tuple[int, int]:
    """How many open alerts wait for the person who is signed in, and how many the organization has; counted once for a page."""
    if "open_alerts" not in g:
        g.open_alerts = alert_lists.count_open(frame.db(), frame.me())
    return cast("tuple[int, int]", g.open_alerts)


def of_sync(sync_id: int) -> list[AlertCard]:
    """The open alerts of one sync."""
    return [_card(incident) for incident in alert_lists.of_sync(frame.db(), frame.me(), sync_id)]


def cards(alerts: Sequence[Alert]) -> list[AlertCard]:
    """Alerts as cards, in the same order."""
    return [_card(incident) for incident in alert_lists.incidents(frame.db(), frame.me(), alerts)]


def _card(incident: Incident) -> AlertCard:
    alert = incident.alert
    facts = _facts(incident)
    return AlertCard(
        id=alert.id,
        code=alert.code,
        title=catalogue.title(alert.code),
        sentence=_sentence(incident, facts),
        tone="check" if alert.closed_at else catalogue.tone(alert.code),
        who=_who(incident),
        mine=incident.mine,
        steps=catalogue.steps(alert.code, facts),
        link=_link(incident, facts),
        channel=alert.channel,
        syncs=incident.syncs,
        sync_count=incident.sync_count,
        opened_at=alert.opened_at,
        closed_at=alert.closed_at,
        times=alert.times,
        raw=alert.raw,
        reference=alert.reference,
    )


def _facts(incident: Incident) -> dict[str, str]:
    alert = incident.alert
    facts = {name: str(value) for name, value in alert.facts.items()}
    facts["channel"] = channel_label(alert.channel) if alert.channel else ""
    facts["person"] = facts.get("person") or incident.person
    for sync in incident.syncs:
        # a channel names an ad account by number; people know it by name
        if facts.get("account") in {"", None, sync.account_id}:
            facts["account"] = sync.account
    return facts


def _sentence(incident: Incident, facts: dict[str, str]) -> str:
    told = catalogue.sentence(incident.alert.code, facts)
    if incident.sync_count > 1 and incident.alert.closed_at is None:
        told += f" {counted(incident.sync_count, 'sync')} {catalogue.entry(incident.alert.code).several}."
    return told


def _who(incident: Incident) -> str:
    acts = Acts(incident.alert.acts)
    if incident.mine:
        return "Waits for you"
    if acts in {Acts.PERSON, Acts.OWNER} and incident.person:
        return f"Waits for {incident.person}"
    return {
        Acts.ACCOUNT_ADMIN: "Waits for an admin of the ad account",
        Acts.ADMIN: "Waits for an administrator",
        Acts.OPERATOR: "Waits for whoever runs this installation",
        Acts.NOBODY: "Goes on by itself",
    }.get(acts, "Waits for whoever owns the sync")


def _link(incident: Incident, facts: dict[str, str]) -> tuple[str, str] | None:
    alert = incident.alert
    name = catalogue.entry(alert.code).link
    label = catalogue.fill(LINKS.get(name, ""), facts)
    if name == "release":
        waits = alert.closed_at is None and incident.syncs and frame.may(Right.HOLD_REMOVALS)
        return (label, url_for("syncs.release", public_id=incident.syncs[0].public_id)) if waits else None
    if name in OUR_PAGES:
        known = OUR_PAGES[name] in current_app.view_functions
        return (label, url_for(OUR_PAGES[name])) if known else None
    here = (alert.account_id or "", facts.get("audience_id", ""))
    told = facts.get("link", "")
    page = told if told.startswith("https://") else channel_page(alert.channel or "", name, *here)
    return (label, page) if label and page else None
