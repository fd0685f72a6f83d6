"""What a channel can do, as data, and the small frozen types that cross between it and the product.

What a channel is asked to do with them stands in `connectors.protocols`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class Kind(StrEnum):
    """What a segment is made of."""

    PEOPLE = "people"
    COMPANIES = "companies"


class Action(StrEnum):
    """What a batch does to an audience."""

    ADD = "add"
    REMOVE = "remove"


class Applies(StrEnum):
    """When a channel has carried out a batch: with its answer, or later (then `settle` tells)."""

    AT_ONCE = "at once"
    LATER = "later"


class State(StrEnum):
    """The channel's own word about an audience, in our terms."""

    NOT_KNOWN = "not known"
    BUILDING = "building"
    READY = "ready"
    UPDATING = "updating"
    TOO_SMALL = "too small"
    ARCHIVED = "archived"
    EXPIRED = "expired"
    CLOSED = "closed"
    FLAGGED = "flagged"
    GONE = "gone"


class Retire(StrEnum):
    """What to do with an audience whose sync is deleted."""

    LEAVE = "leave"
    EMPTY = "empty"
    DELETE = "delete"


class Use(StrEnum):
    """How a campaign uses an audience."""

    INCLUDE = "include"
    EXCLUDE = "exclude"


# -- what the operator sets up ---------------------------------------------------------------------------------

Around = Callable[[str], AbstractContextManager[object]]
"""What stands around every request that leaves for a channel. It is told the method and the path, nothing of who is meant."""


def unwatched(_request: str) -> AbstractContextManager[object]:
    """Nothing stands around a request."""
    return nullcontext()


@dataclass(frozen=True)
class Application:
    """The application registered at a channel, and where the channel is.

    `bases` overrides addresses by name; each channel documents its names and defaults in its `oauth.py` and
    `connector.py` (for instance authorize, token, api). A simulator is reached by overriding all of them.
    """

    client_id: str
    client_secret: str
    bases: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    request_seconds: float = 60.0
    """The longest that one request may take in all. Pushing one batch, however many requests it takes, ends within twice that."""
    around: Around = field(default=unwatched, repr=False, compare=False)

    @property
    def simulated(self) -> bool:
        """Whether the channel is a local stand-in rather than the real one."""
        return self.options.get("simulated") == "yes"


# -- signing in ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tokens:
    """What a channel gave for one person's sign-in. Times are aware UTC; None means "does not end" or "not told"."""

    access_token: str = field(repr=False)
    expires_at: datetime | None
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: datetime | None = None
    data_access_expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Identity:
    """Who signed in at the channel, and what they allowed."""

    remote_id: str
    name: str
    scopes: frozenset[str]


# -- ad accounts and audiences ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Token:
    """A sign-in to act with: the access token and the person's id at the channel."""

    access_token: str = field(repr=False)
    person: str


@dataclass(frozen=True)
class Reason:
    """Why something cannot be used: a code of `problems.Code`, and facts for its sentence."""

    code: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AdAccount:
    """An ad account that a sign-in sees. `via` is the manager account it was reached through (Google), else ''."""

    remote_id: str
    name: str
    via: str = ""
    role: str = ""
    state: str = ""
    currency: str = ""
    time_zone: str = ""
    blocked: tuple[Reason, ...] = ()
    """Why it cannot take audiences from this person; empty when it can."""
    warnings: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class AccountRef:
    """An ad account as a sync names it."""

    remote_id: str
    via: str = ""


@dataclass(frozen=True)
class AudienceSpec:
    """The audience a sync wants to exist. `marker` is ours alone and stands in the audience at the channel."""

    marker: str
    name: str
    fallback_name: str
    """Used where `name` is taken by something that is not ours."""
    description: str
    kind: Kind
    keys: str = "contact"
    """Which family of identifiers it takes, where a channel keeps them in separate audiences."""


@dataclass(frozen=True)
class AudienceRef:
    """An audience that exists at the channel."""

    remote_id: str
    name: str
    created: bool = False


@dataclass(frozen=True)
class Figure:
    """A number as the channel tells it, with the channel's own word for what it counts."""

    label: str
    text: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class AudienceState:
    """What the channel says of an audience now. Kept beside our status, never mixed with it."""

    state: State
    raw: str = ""
    """The channel's own code or word."""
    figures: tuple[Figure, ...] = ()
    match_rate: str = ""
    """As the channel tells it ('41 to 50 %'), '' where it does not."""
    reason: Reason | None = None
    name: str = ""


@dataclass(frozen=True)
class Campaign:
    """A campaign (or ad set) that uses an audience."""

    remote_id: str
    name: str
    state: str
    use: Use
    level: str = "campaign"


# -- sending members -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """Something that can match a member alone. `columns` are filled together or not at all (Google's address)."""

    name: str
    columns: tuple[str, ...]
    made_of: tuple[str, ...]
    """Standard contact fields it comes from."""
    hashed: bool


@dataclass(frozen=True)
class Qualifier:
    """A column that helps matching but never matches alone, and is never removed alone."""

    column: str
    made_of: tuple[str, ...]
    hashed: bool


@dataclass(frozen=True)
class Shape:
    """The columns of one kind of member on one channel. `expression` changes when the normalising rules do."""

    keys: tuple[Key, ...]
    qualifiers: tuple[Qualifier, ...] = ()
    expression: str = "1"

    @property
    def key_columns(self) -> tuple[str, ...]:
        """All key columns, in order."""
        return tuple(column for key in self.keys for column in key.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Key columns, then qualifiers: the order of a batch's table."""
        return self.key_columns + tuple(q.column for q in self.qualifiers)

    @property
    def fields(self) -> tuple[str, ...]:
        """The standard contact fields that matter to this channel, each once."""
        made_of = [f for key in self.keys for f in key.made_of] + [f for q in self.qualifiers for f in q.made_of]
        return tuple(dict.fromkeys(made_of))


@dataclass(frozen=True)
class Statement:
    """A statement that the channel asks for and that only a person can make."""

    name: str
    text: str
    link: str = ""
    version: str = "1"


@dataclass(frozen=True)
class Capabilities:
    """What a channel can do, as data. The product asks this, never the channel's name."""

    name: str
    label: str
    shapes: Mapping[Kind, Shape]
    """Kinds of member that it takes as such. Companies reach a channel without a company shape as the people who work there."""
    batch_rows: int
    applies: Applies
    smallest_audience: int
    settles_in: timedelta
    """How long a channel usually takes until a change is in the audience."""
    resend_after: timedelta
    """Members sent longer ago are sent again before the channel forgets them."""
    forgets_after: timedelta | None = None
    """When the channel lets go of a member that nobody sent again; None where it keeps members."""
    rebuilds_expired: bool = False
    """Whether an expired audience has lost its members for good; then `create_audience` makes a new one in its place."""
    consents: tuple[str, ...] = ()
    """Advertising consents it needs granted: of `ad_user_data`, `ad_personalization`."""
    statements: tuple[Statement, ...] = ()
    tells_rows: bool = False
    """Whether refused rows are named one by one."""
    retire: frozenset[Retire] = frozenset(Retire)
    flagged_words: tuple[str, ...] = ()
    """Words in an audience's name that the channel tends to flag."""
    name_length: int = 200
    poll_after: timedelta = timedelta(minutes=30)
    """When the later result of a batch is first worth asking for."""
    account_word: str = "ad account"
    afterwards: Mapping[State, str] = field(default_factory=dict)
    """What the channel does next with an audience in each state, and how long that usually takes: sentences."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Pages of the channel: 'audience' and 'account' (with {account}, {audience}), 'terms', 'permissions'."""


@dataclass(frozen=True)
class Batch:
    """Rows to add or remove. `rows` has the shape's columns (only key columns in a removal) as strings, null where empty.

    Digests come as they lie in files, which may be as bytes: `connectors.digests.texts` makes strings of them.
    """

    action: Action
    rows: pa.Table
    number: int
    """From 1, consecutive inside `session`."""
    last: bool
    """Whether it is the last of its session."""
    session: int
    """Positive 63-bit number of the upload session; actions never share one."""
    estimated_total: int
    kind: Kind = Kind.PEOPLE


@dataclass(frozen=True)
class Refused:
    """Rows that the channel did not take, for one reason. `rows` are positions in the batch where the channel tells them."""

    code: str
    count: int
    rows: tuple[int, ...] = ()
    raw: str = ""


@dataclass(frozen=True)
class PushResult:
    """The channel's answer to one batch."""

    accepted: int
    refused: tuple[Refused, ...] = ()
    receipt: str = ""
    """What `settle` asks with later; '' where the answer is final."""
    reference: str = ""
    """The channel's own id of this call, for its support."""
    requests: int = 1


@dataclass(frozen=True)
class Settlement:
    """The later result of an earlier batch."""

    receipt: str
    final: bool
    refused: tuple[Refused, ...] = ()
    match_rate: str = ""
    raw: str = ""


@dataclass(frozen=True)
class Erased:
    """What became of a request to take a person out of everything in an ad account."""

    done: bool
    reference: str = ""
    receipt: str = ""
    """What `settle` asks with later; '' where the answer is final."""
