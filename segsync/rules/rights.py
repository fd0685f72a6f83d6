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
}

_SEEING = frozenset({Right.SEE_SYNCS})
_MARKETING = _SEEING | {Right.SEE_VALUES, Right.CONNECT, Right.EDIT_DATA, Right.EDIT_OWN_SYNCS}
_ABM = _MARKETING | {Right.EDIT_ANY_SYNC, Right.AUDIT, Right.SEE_PEOPLE, Right.EDIT_CONSENT_RULES}

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

ROUTES |= {"static": PUBLIC, "bootstrap.static": PUBLIC}

ROUTES |= {
    "auth.sign_in": PUBLIC,
    "auth.sign_out": SIGNED_IN,
    "auth.join": PUBLIC,
    "auth.my_profile": SIGNED_IN,
    "auth.rename": SIGNED_IN,
    "auth.change_password": SIGNED_IN,
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
ROUTES |= {"settings.index": Right.SEE_SYNCS, "settings.change": Right.EDIT_CONSENT_RULES}
