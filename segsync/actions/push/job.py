"""What every phase of a push needs to know about the run it works on, read anew for every piece."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session

from connectors.contract import AccountRef, AudienceRef, Capabilities, Kind, Shape, Token
from connectors.protocols import Connector
from segsync.actions import books, likely_causes, warehouse_reading
from segsync.actions.claims import Claim, Help
from segsync.actions.decided_by import decided_by
from segsync.actions.likely_causes import TRAIL
from segsync.actions.push.tools import Tools
from segsync.audience.files import Folder, Part
from segsync.audience.identified import Method
from segsync.audience.plan import PlanFile
from segsync.audience.sources import kind_for
from segsync.models import Run, Segment, Sync
from segsync.rules.terms import Phase, Purpose, SegmentKind
from segsync.runtime import Runtime

DECIDED_BY: Final = "decided_by"
"""In a run's notes: what decided whom it sends when it began to read."""


@dataclass(frozen=True)
class Job:
    """A run under a claim, or one that is helped with. `run`, `sync` and `segment` are as read at the start of the piece; changes go through `change`."""

    runtime: Runtime
    claim: Claim | Help
    run: Run
    sync: Sync
    segment: Segment
    connector: Connector
    token: Token
    tools: Tools
    deadline: float
    sessions_of_upload: dict[str, list[int]] = field(default_factory=dict)
    """Upload sessions of this slice by action and plan: [number of the session, batches sent in it]."""
    checked: set[Path] = field(default_factory=set)
    """Files that were found whole in this slice."""

    @property
    def helps(self) -> bool:
        """Whether somebody else holds the run."""
        return isinstance(self.claim, Help)

    @property
    def capabilities(self) -> Capabilities:
        """What the channel can do."""
        return self.connector.capabilities

    @property
    def account(self) -> AccountRef:
        """The ad account."""
        return AccountRef(self.sync.account_id, self.sync.account_via)

    @property
    def audience(self) -> AudienceRef:
        """The audience there. Exists from the phase `audience` on."""
        return AudienceRef(self.sync.audience_id or "", self.sync.audience_name or "")

    @property
    def kind(self) -> Kind:
        """What the members are at this channel."""
        return kind_for(self.capabilities, self.segment)

    @property
    def shape(self) -> Shape:
        """The columns that the channel takes of them."""
        return self.capabilities.shapes[self.kind]

    @property
    def folder(self) -> Folder:
        """Where the files of this sync lie."""
        return books.folder(self.runtime, self.sync)

    @property
    def spill(self) -> Path:
        """Where comparing may put what does not fit into memory."""
        return self.runtime.settings.data / "spill"

    @property
    def stem(self) -> str:
        """Begins the names of files that this claim writes: no other claim writes the same."""
        return f"run{self.run.id}-{self.claim.fence}"

    @property
    def trying(self) -> bool:
        """Whether this run only works out what would be sent: nothing is changed at the channel or in the books."""
        return self.run.purpose == Purpose.TRY

    @property
    def basis(self) -> str:
        """The rules that versions are made by; under another basis everybody is compared in full."""
        return f"{self.sync.channel} {self.kind.value} {self.shape.expression} {','.join(self.shape.fields)}"

    @property
    def batch_rows(self) -> int:
        """Rows in a request."""
        return self.runtime.settings.rows_in_a_request(self.capabilities.batch_rows)

    @property
    def resend_after(self) -> timedelta:
        """How long after it was last sent a member is sent again at the latest."""
        return self.runtime.settings.resend_after(self.capabilities.resend_after)

    @property
    def every(self) -> timedelta:
        """How often this sync runs."""
        return timedelta(seconds=self.sync.every_seconds)

    @property
    def now(self) -> datetime:
        """The clock."""
        return self.runtime.clock()

    @property
    def poll_after(self) -> timedelta:
        """When later results are first worth asking for; a simulator may be quicker than the channel."""
        seconds = self.runtime.application(self.sync.channel).options.get("poll_seconds")
        return timedelta(seconds=float(seconds)) if seconds else self.capabilities.poll_after

    @cached_property
    def method(self) -> Method:
        """How members become rows."""
        secret = self.runtime.vault.digest_secret()
        if self.segment.kind == SegmentKind.WAREHOUSE:
            secret = warehouse_reading.secret_of(self.runtime, self.segment)
        return Method(self.connector, self.kind, self.basis, secret)

    def check(self, file: PlanFile) -> None:
        """Looks at a file of the plan before the first batch of it is sent. Raises FileUnreadable."""
        if file.part is not None:
            self.open(file.part)

    def open(self, part: Part) -> Path:
        """A listed file, looked at once in a slice. Raises FileUnreadable."""
        path = self.folder.path(part)
        if path not in self.checked:
            self.folder.open(part)
            self.checked.add(path)
        return path

    def in_time(self) -> bool:
        """Whether the slice has time left."""
        return self.runtime.stopwatch() < self.deadline

    @contextmanager
    def change(self) -> Iterator[tuple[Session, Run]]:
        """A transaction on the run, which is still ours. Raises ClaimLost."""
        with self.runtime.sessions.begin() as session:
            yield session, self.claim.load(session)

    def enter(self, run: Run, phase: Phase, **cursor: Any) -> None:
        """Goes on to a phase, inside `change`. `cursor` adds to the carrier's notes."""
        run.phase = phase.value
        run.phases = [*run.phases, [phase.value, self.now.isoformat()]]
        run.cursor = {**run.cursor, **cursor}

    def enter_reading(self, session: Session, run: Run, **cursor: Any) -> None:
        """Reads the segment from its beginning, as it is meant now and by the rules of this version."""
        trail = likely_causes.end_of_trail(session, run.organization_id)
        noted = {TRAIL: trail, DECIDED_BY: decided_by(session, self.sync), **cursor}
        self.enter(run, Phase.READING, low=-1, meant_at=self.now.isoformat(), basis=self.basis, **noted)
