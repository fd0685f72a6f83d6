"""The words of the product as enums, each once: roles, statuses, states, consent."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may do in the organization; the table is `rules.rights`."""

    PRIMARY_ADMIN = "primary_admin"
    ABM_ADMIN = "abm_admin"
    MARKETING_USER = "marketing_user"
    VIEW_ONLY = "view_only"

    @property
    def label(self) -> str:
        """As people read it."""
        return _ROLE_LABELS[self]

    @property
    def administers(self) -> bool:
        """Whether the person sees all workspaces and may act on others' syncs."""
        return self in {Role.PRIMARY_ADMIN, Role.ABM_ADMIN}


_ROLE_LABELS = {
    Role.PRIMARY_ADMIN: "Primary Administrator",
    Role.ABM_ADMIN: "ABM Administrator",
    Role.MARKETING_USER: "Marketing User",
    Role.VIEW_ONLY: "View-only",
}


class Status(StrEnum):
    """Our status of a sync."""

    SYNCING = "syncing"
    SYNCED = "synced"
    FAILED = "failed"
    INACTIVE = "inactive"


class Detail(StrEnum):
    """What stands behind a status."""

    NONE = ""
    NEEDS_PERSON = "needs a person"
    """The last run needs somebody: nothing is tried on schedule, the cause is probed daily."""
    TRYING_AGAIN = "trying again"
    HELD = "held"
    """The last run would have removed too many and waits for an administrator; every later one plans anew."""
    SEGMENT_DELETED = "segment deleted"


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    WORKING = "working"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def over(self) -> bool:
        """Whether nothing more happens in this run."""
        return self in {RunState.DONE, RunState.FAILED, RunState.STOPPED}


class Phase(StrEnum):
    """What a run is doing: its pieces in order."""

    CHECKING = "checking"
    AUDIENCE = "audience"
    READING = "reading"
    COMPARING = "comparing"
    REMOVING = "removing"
    ADDING = "adding"
    RECORDING = "recording"


class Purpose(StrEnum):
    """What a run is for."""

    SEND = "send"
    TRY = "try"
    """Works out what would be sent, and sends nothing."""


class Why(StrEnum):
    """Why a run was started."""

    FIRST = "first"
    SCHEDULE = "schedule"
    NOW = "now"
    RESUMED = "resumed"
    CAUSE_GONE = "cause gone"
    RELEASED = "released"
    REBUILD = "rebuild"


class Rebuild(StrEnum):
    """What a run rebuilds first: the audience, or the books: from older ones, after emptying there, or from nothing."""

    AUDIENCE = "audience"
    RECORDS = "records"
    EMPTY = "empty"
    AGAIN = "again"


class SegmentKind(StrEnum):
    """How a segment says who is meant."""

    RULE = "rule"
    LIST = "list"
    WAREHOUSE = "warehouse"


class Subscription(StrEnum):
    """Whether a contact is subscribed."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Consent(StrEnum):
    """One of the advertising consents of a contact."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN = "unknown"


class FieldType(StrEnum):
    """The type of a field."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"
    LIST = "list"


class ImportState(StrEnum):
    """Where an import stands."""

    UPLOADED = "uploaded"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """By a person, before the end of the file."""
    FAILED = "failed"


class SignInState(StrEnum):
    """Where an integration stands."""

    PENDING = "pending"
    """Signed in as somebody else than before; waits until the person confirms."""
    CONNECTED = "connected"
    RECONNECT = "reconnect"
    PERMISSION = "permission missing"
    DISCONNECTED = "disconnected"


class AskState(StrEnum):
    """Where a question to a channel stands."""

    QUEUED = "queued"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


class Acts(StrEnum):
    """Who has to act on an alert."""

    PERSON = "person"
    ACCOUNT_ADMIN = "account_admin"
    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    NOBODY = "nobody"


CONTACT_FIELDS: tuple[str, ...] = (
    "email",
    "phone",
    "first_name",
    "last_name",
    "gender",
    "birth_date",
    "city",
    "region",
    "postal_code",
    "country",
    "mobile_ad_id",
    "external_id",
    "company_domain",
)
"""Standard contact fields, everywhere by these names."""

COMPANY_FIELDS: tuple[str, ...] = (
    "name",
    "company_domain",
    "organization_urn",
    "industry",
    "employees",
    "city",
    "region",
    "country",
    "external_id",
)
"""Standard company fields."""
