"""The audit trail in words: a sentence for each kind of event, and what changed as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from segsync.rules.terms import Role

EVENTS: Final[Mapping[str, str]] = {
    "organization.create": "{actor} set up the organization {subject}",
    "organization.limit": "{actor} changed the contracted limit of {subject}",
    "organization.consent": "{actor} changed what an unknown subscription and consent mean",
    "organization.thresholds": "{actor} changed from when on removals are held and sizes are said",
    "person.create": "{actor} added {subject}",
    "person.invite": "{actor} invited {subject}",
    "person.invitation_withdrawn": "{actor} withdrew the invitation of {subject}",
    "person.join": "{actor} accepted the invitation",
    "person.sign_in": "{actor} signed in",
    "person.sign_out_elsewhere": "{actor} signed out elsewhere",
    "person.role": "{actor} changed the role of {subject}",
    "person.rename": "{actor} changed their name to {subject}",
    "person.password": "{actor} set a new password for {subject}",
    "person.deactivate": "{actor} deactivated {subject}",
    "person.reactivate": "{actor} let {subject} sign in again",
    "workspace.create": "{actor} made the workspace {subject}",
    "workspace.change": "{actor} changed the workspace {subject}",
    "workspace.add_person": "{actor} let {person} into the workspace {subject}",
    "workspace.remove_person": "{actor} took {person} out of the workspace {subject}",
    "integration.connect": "{actor} connected {subject}",
    "integration.reconnect": "{actor} reconnected {subject}",
    "integration.change": "{actor} changed to another sign-in, {subject}",
    "integration.discard": "{actor} did not keep the new sign-in {subject}",
    "integration.disconnect": "{actor} disconnected {subject}",
    "sync.create": "{actor} created the sync {subject}",
    "sync.now": "{actor} started the sync {subject}",
    "sync.try": "{actor} tried the sync {subject} without sending",
    "sync.release": "{actor} released the removals of the sync {subject} that were held",
    "sync.thresholds": "{actor} changed from when on removals of the sync {subject} are held",
    "sync.schedule": "{actor} changed when {subject} runs",
    "sync.rebuild": "{actor} had the sync {subject} rebuilt",
    "sync.on": "{actor} switched on the sync {subject}",
    "sync.off": "{actor} switched off the sync {subject}",
    "sync.delete": "{actor} deleted the sync {subject}",
    "sync.segment_deleted": "{actor} deleted the segment of the sync {subject}, which waits now",
    "sync.retired": "The audience of the deleted sync {subject} was dealt with at the channel by {actor}",
    "segment.create": "{actor} created the segment {subject}",
    "segment.change": "{actor} changed the segment {subject}",
    "segment.delete": "{actor} deleted the segment {subject}",
    "segment.restore": "{actor} restored the segment {subject}",
    "contact.create": "{actor} added {subject}",
    "contact.change": "{actor} changed {subject}",
    "contact.delete": "{actor} deleted {subject}",
    "contact.consent": "{actor} recorded the consent of {subject}",
    "contact.add_device": "{actor} linked a device to {subject}",
    "contact.remove_device": "{actor} took a linked device away from {subject}",
    "contact.opt_out": "{actor} took {subject} out of every audience, who opted out",
    "contact.withdraw": "{actor} took {subject} out of every audience, who withdrew their consent",
    "contact.erase": "{actor} asked for the erasure of {subject}",
    "contact.out_by_hand": "{actor} said that somebody was taken out on the channel's own page: {subject}",
    "contact.out": "Every audience confirmed that somebody is out, seen by {actor}: {subject}",
    "contact.where": "{actor} looked up where {subject} is",
    "contact.find": "{actor} looked for somebody by an e-mail, a phone number or an external id",
    "contact.export": "{actor} exported contacts of {subject}",
    "company.create": "{actor} added the company {subject}",
    "company.change": "{actor} changed the company {subject}",
    "field.create": "{actor} added the field {subject}",
    "field.rename": "{actor} renamed the field {subject}",
    "field.put_away": "{actor} put the field {subject} away",
    "field.bring_back": "{actor} brought the field {subject} back",
    "import.upload": "{actor} uploaded the file {subject}",
    "import.start": "{actor} started the import of {subject}",
    "import.stop": "{actor} stopped the import of {subject}",
    "import.discard": "{actor} threw the file {subject} away",
    "import.rejects": "{actor} downloaded the rejected rows of {subject}",
    "exclusion.add": "{actor} put {subject} on the exclusion lists",
    "exclusion.end": "{actor} took {subject} off the exclusion lists",
    "warehouse.create": "{actor} connected the warehouse {subject}",
    "warehouse.change": "{actor} changed the connection to the warehouse {subject}",
    "warehouse.delete": "{actor} deleted the connection to the warehouse {subject}",
    "audit.export": "{actor} exported the audit trail",
}
"""Event → sentence over the actor, the subject's name, and what `before` and `after` hold."""

KINDS: Final[Mapping[str, str]] = {
    "organization": "Organization",
    "person": "People",
    "workspace": "Workspaces",
    "integration": "Integrations",
    "sync": "Syncs",
    "segment": "Segments",
    "import": "Imports",
    "contact": "Contacts",
    "company": "Companies",
    "field": "Fields",
    "exclusion": "Exclusion lists",
    "warehouse": "Warehouses",
    "audit": "Audit",
}
"""First word of an event → what one filters by."""

LABELS: Final[Mapping[str, str]] = {
    "account": "ad account",
    "account_name": "ad account",
    "contracted_limit": "contracted limit",
    "country": "country of phone numbers",
    "time_zone": "time zone",
    "unknown_subscription_counts": "unknown subscription may be sent",
    "unknown_consent_counts": "unknown consent counts as granted",
    "hold_percent": "held above this share of the audience, in %",
    "hold_count": "held from so many removals on",
    "unusual_percent": "said from so far off the usual size on, in %",
    "runs": "runs by itself",
    "off_locked": "only an administrator may switch it on",
}
HIDDEN: Final = ("id", "run", "person")
"""Values that are addresses rather than news."""


def told(event: str, actor: str, subject: str, facts: Mapping[str, Any] | None = None) -> str:
    """The sentence of an event, without a full stop; in general words for a kind that is not in the table."""
    template = EVENTS.get(event)
    if template is None:
        return f"{actor}: {event.replace('.', ' ').replace('_', ' ')}, {subject}"
    person = str((facts or {}).get("person", "somebody"))
    return template.format(actor=actor, subject=subject, person=person)


def actor_told(kind: str, name: str) -> str:
    """Who acted: a person, the product itself, or the operator at the machine."""
    if kind == "worker":
        return "segsync itself"
    return f"{name}, on the command line," if kind == "command line" else name


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What changed: label, before, after; in the order of the alphabet."""
    names = sorted(set(before) | set(after))
    shown = [
        name
        for name in names
        if name not in HIDDEN and not name.endswith("_id") and before.get(name) != after.get(name)
    ]
    return [(label(name), value(before.get(name)), value(after.get(name))) for name in shown]


def label(name: str) -> str:
    """A field as people read it."""
    return LABELS.get(name, name.replace("_", " "))


def value(given: Any) -> str:
    """A value as people read it."""
    if given is None or given == "":
        return "–"
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, list):
        return ", ".join(value(each) for each in given) or "–"
    if isinstance(given, dict):
        return ", ".join(f"{label(name)}: {value(each)}" for name, each in given.items()) or "–"
    return Role(given).label if given in list(Role) else str(given)
