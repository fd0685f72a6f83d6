"""Who may do what, as one table. Pages and actions both ask it; a sweep walks every route and fails on one not named here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from segsync.rules.terms import Role


class Right(StrEnum):
    """One thing that a person may do."""

    SEE_SYNCS = "see syncs"
    SEE_VALUES = "see contacts' values"
    CONNECT = "connect own channels"
    EDIT_DATA = "edit contacts, companies, imports and segments"
    EDIT_OWN_SYNCS = "create syncs, and act on own ones"
    EDIT_ANY_SYNC = "act on anyone's syncs"
    AUDIT = "read and export the audit trail"
    SEE_PEOPLE = "see people and roles"
    EDIT_PEOPLE = "change people, roles and workspaces"
    EDIT_CONSENT_RULES = "decide what unknown consent means"
    EXCLUDE = "keep exclusion lists"
    HOLD_REMOVALS = "release held removals, and set from when on they are held"
    EDIT_WAREHOUSES = "connect warehouses"
    TAKE_OUT = "take people out of every audience, and erase them"

    @property
    def refusal(self) -> str:
        """The sentence for somebody who may not, saying who can."""
        return _REFUSALS[self]


_REFUSALS = {
    Right.SEE_SYNCS: "Sign in to see segment syncs.",
    Right.SEE_VALUES: "View-only people see counts and masked samples. A Marketing User or an administrator sees the values.",
    Right.CONNECT: "View-only people need no channel of their own. A Marketing User or an administrator can connect one.",
    Right.EDIT_DATA: "View-only people can look at everything here and change nothing. Ask a Marketing User or an administrator.",
    Right.EDIT_OWN_SYNCS: "View-only people can look at everything here and change nothing. Ask a Marketing User or an administrator.",
    Right.EDIT_ANY_SYNC: "Only whoever created this sync or an administrator can do this.",
    Right.AUDIT: "Only an administrator can read the audit trail.",
    Right.SEE_PEOPLE: "Only an administrator can see people and roles.",
    Right.EDIT_PEOPLE: "Only a Primary Administrator can change people, roles and workspaces.",
    Right.EDIT_CONSENT_RULES: "Only an administrator can decide what unknown consent means.",
    Right.TAKE_OUT: "Only an administrator can take somebody out of every audience, or erase them.",
    Right.EXCLUDE: "Only an administrator keeps the organization's exclusion lists.",
    Right.HOLD_REMOVALS: "Only an administrator can release removals that are held, and set from when on they are.",
    Right.EDIT_WAREHOUSES: "Only an administrator can connect warehouses.",
}

_SEEING = frozenset({Right.SEE_SYNCS})
_MARKETING = _SEEING | {Right.SEE_VALUES, Right.CONNECT, Right.EDIT_DATA, Right.EDIT_OWN_SYNCS}
_ABM = _MARKETING | {
    Right.EDIT_ANY_SYNC,
    Right.AUDIT,
    Right.SEE_PEOPLE,
    Right.EDIT_CONSENT_RULES,
    Right.EXCLUDE,
    Right.HOLD_REMOVALS,
    Right.EDIT_WAREHOUSES,
    Right.TAKE_OUT,
}

ROLE_RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEW_ONLY: _SEEING,
    Role.MARKETING_USER: _MARKETING,
    Role.ABM_ADMIN: _ABM,
    Role.PRIMARY_ADMIN: _ABM | {Right.EDIT_PEOPLE},
}


def may(role: Role, right: Right) -> bool:
    """Whether this role includes this right."""
    return right in ROLE_RIGHTS[role]


PUBLIC = "public"
"""For a route that needs no sign-in."""
SIGNED_IN = "signed in"
"""For a route that every person who is signed in may use."""

ROUTES: dict[str, Right | str] = {}
"""Right needed for each endpoint ('syncs.home'), or PUBLIC or SIGNED_IN. Filled below, one block for each blueprint."""

SENDING: dict[str, Right] = {}
"""Where sending a form needs more than opening its page: the right needed for that."""


def needed_for(endpoint: str, method: str) -> Right | str | None:
    """The right that a request needs; None for an endpoint that nobody thought about."""
    opening = ROUTES.get(endpoint)
    return opening if method in {"GET", "HEAD", "OPTIONS"} else SENDING.get(endpoint, opening)


ROUTES |= {"static": PUBLIC, "bootstrap.static": PUBLIC}

ROUTES |= {
    "auth.sign_in": PUBLIC,
    "auth.sign_out": SIGNED_IN,
    "auth.join": PUBLIC,
    "auth.my_profile": SIGNED_IN,
    "auth.rename": SIGNED_IN,
    "auth.change_password": SIGNED_IN,
    "auth.sign_out_there": SIGNED_IN,
    "auth.sign_out_elsewhere": SIGNED_IN,
}

ROUTES |= {"alerts.index": Right.SEE_SYNCS, "alerts.show_catalogue": Right.SEE_SYNCS}

ROUTES |= {"audit.index": Right.AUDIT, "audit.export": Right.AUDIT}

ROUTES |= {
    "people.index": Right.SEE_PEOPLE,
    "people.one": Right.SEE_PEOPLE,
    "people.invite": Right.EDIT_PEOPLE,
    "people.withdraw": Right.EDIT_PEOPLE,
    "people.change": Right.EDIT_PEOPLE,
    "people.deactivate": Right.EDIT_PEOPLE,
    "people.reactivate": Right.EDIT_PEOPLE,
}

ROUTES |= {
    "workspaces.index": Right.SEE_PEOPLE,
    "workspaces.one": Right.SEE_PEOPLE,
    "workspaces.create": Right.EDIT_PEOPLE,
    "workspaces.change": Right.EDIT_PEOPLE,
}

# who may not change them may still know what they are
ROUTES |= {
    "settings.index": Right.SEE_SYNCS,
    "settings.change": Right.EDIT_CONSENT_RULES,
    "settings.change_thresholds": Right.HOLD_REMOVALS,
}

ROUTES |= {
    "removals.index": Right.TAKE_OUT,
    "removals.one": Right.TAKE_OUT,
    "removals.ask": Right.TAKE_OUT,
    "removals.by_hand": Right.TAKE_OUT,
}

ROUTES |= {
    "exclusions.index": Right.EXCLUDE,
    "exclusions.search": Right.EXCLUDE,
    "exclusions.add": Right.EXCLUDE,
    "exclusions.end": Right.EXCLUDE,
}

ROUTES |= {
    "syncs.root": Right.SEE_SYNCS,
    "syncs.home": Right.SEE_SYNCS,
    "syncs.live_top": Right.SEE_SYNCS,
    "syncs.read_news": Right.EDIT_OWN_SYNCS,
    "syncs.live_list": Right.SEE_SYNCS,
    "syncs.limit": Right.SEE_SYNCS,
    "syncs.page": Right.SEE_SYNCS,
    "syncs.live_one": Right.SEE_SYNCS,
    "syncs.live_runs": Right.SEE_SYNCS,
    "syncs.run": Right.SEE_SYNCS,
    "syncs.create": Right.EDIT_OWN_SYNCS,
    "syncs.create_accounts": Right.EDIT_OWN_SYNCS,
    "syncs.create_start": Right.EDIT_OWN_SYNCS,
    "syncs.create_try": Right.EDIT_OWN_SYNCS,
    "syncs.try_out": Right.EDIT_OWN_SYNCS,
    "syncs.live_try": Right.SEE_SYNCS,
    "syncs.release": Right.HOLD_REMOVALS,
    # who may not change them may still know what they are
    "syncs.thresholds": Right.SEE_SYNCS,
    "syncs.change_schedule": Right.EDIT_OWN_SYNCS,
    "syncs.switch_off": Right.EDIT_OWN_SYNCS,
    "syncs.campaigns": Right.EDIT_OWN_SYNCS,
    "syncs.switch_on": Right.EDIT_OWN_SYNCS,
    "syncs.on_check": Right.EDIT_OWN_SYNCS,
    "syncs.sync_now": Right.EDIT_OWN_SYNCS,
    "syncs.rebuild": Right.EDIT_OWN_SYNCS,
    "syncs.delete": Right.EDIT_OWN_SYNCS,
}

ROUTES |= {
    "integrations.index": Right.SEE_SYNCS,
    "integrations.live": Right.CONNECT,
    "integrations.read_again": Right.CONNECT,
    "integrations.connect": Right.CONNECT,
    "integrations.callback": Right.CONNECT,
    "integrations.decide": Right.CONNECT,
    "integrations.decide_live": Right.CONNECT,
    "integrations.disconnect": Right.CONNECT,
}

ROUTES |= {"asks.show": Right.CONNECT}

ROUTES |= {
    "segments.index": Right.SEE_SYNCS,
    "segments.show": Right.SEE_SYNCS,
    "segments.figures": Right.SEE_SYNCS,
    "segments.compare": Right.SEE_SYNCS,
    "segments.shared": Right.SEE_SYNCS,
    "segments.left_out": Right.SEE_SYNCS,
    "segments.new": Right.EDIT_DATA,
    "segments.edit": Right.EDIT_DATA,
    "segments.preview": Right.EDIT_DATA,
    "segments.duplicate": Right.EDIT_DATA,
    "segments.delete": Right.EDIT_DATA,
    "segments.restore": Right.EDIT_DATA,
    "segments.add": Right.EDIT_DATA,
    "segments.remove": Right.EDIT_DATA,
}

ROUTES |= {
    "segments.warehouse_new": Right.EDIT_DATA,
    "segments.warehouse_source": Right.EDIT_DATA,
    "segments.warehouse_columns": Right.EDIT_DATA,
    "segments.warehouse_look": Right.EDIT_DATA,
    "segments.warehouse_live": Right.EDIT_DATA,
}

ROUTES |= {
    "warehouses.index": Right.EDIT_WAREHOUSES,
    "warehouses.live": Right.EDIT_WAREHOUSES,
    "warehouses.create": Right.EDIT_WAREHOUSES,
    "warehouses.change": Right.EDIT_WAREHOUSES,
    "warehouses.test": Right.EDIT_WAREHOUSES,
    "warehouses.delete": Right.EDIT_WAREHOUSES,
}

ROUTES |= {
    # masked, with the reason, for whoever may not see values
    "contacts.index": Right.SEE_SYNCS,
    "contacts.search": Right.SEE_VALUES,
    "contacts.show": Right.SEE_VALUES,
    "contacts.new": Right.EDIT_DATA,
    "contacts.edit": Right.EDIT_DATA,
    "contacts.say": Right.EDIT_DATA,
    "contacts.add_device": Right.EDIT_DATA,
    "contacts.remove_device": Right.EDIT_DATA,
}

ROUTES |= {"where.index": Right.SEE_VALUES, "where.one": Right.SEE_VALUES, "where.audiences": Right.SEE_VALUES}

ROUTES |= {
    "companies.index": Right.SEE_SYNCS,
    "companies.show": Right.SEE_SYNCS,
    "companies.new": Right.EDIT_DATA,
    "companies.edit": Right.EDIT_DATA,
}

ROUTES |= {
    # the form is shown to all; adding asks for the right once more
    "fields.index": Right.SEE_SYNCS,
    "fields.rename": Right.EDIT_DATA,
    "fields.put_away": Right.EDIT_DATA,
    "fields.bring_back": Right.EDIT_DATA,
}

ROUTES |= {
    "imports.index": Right.SEE_VALUES,
    "imports.show": Right.SEE_VALUES,
    "imports.live": Right.SEE_VALUES,
    "imports.rejected": Right.SEE_VALUES,
    "imports.new": Right.EDIT_DATA,
    "imports.mapping": Right.EDIT_DATA,
    "imports.preview": Right.EDIT_DATA,
    "imports.read_as": Right.EDIT_DATA,
    "imports.discard": Right.EDIT_DATA,
    "imports.stop": Right.EDIT_DATA,
}

SENDING |= {"fields.index": Right.EDIT_DATA, "syncs.thresholds": Right.HOLD_REMOVALS}
