"""The carrier itself: from the phase a run is in to the function that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import bindparam, select

from connectors.contract import Token
from connectors.problems import Code, SegmentRefused
from segsync.actions import tokens
from segsync.actions.claims import Claim, Help
from segsync.actions.outcomes import Outcome, Progress
from segsync.actions.push import prepare, read, rebuild, record, send
from segsync.actions.push.job import Job
from segsync.actions.push.tools import Tools
from segsync.actions.trouble import Trouble, TroubleFound
from segsync.audience.conditions import Gone
from segsync.models import Run, Segment, Sync
from segsync.rules.terms import Phase
from segsync.runtime import Runtime

STEPS: Mapping[Phase, Callable[[Job], Outcome]] = {
    Phase.CHECKING: prepare.check,
    Phase.AUDIENCE: prepare.ensure,
    Phase.READING: read.read,
    Phase.COMPARING: record.record,
    Phase.REMOVING: send.send,
    Phase.ADDING: send.send,
    Phase.RECORDING: record.fold_own,
}
_ABOUT: Final = (
    select(Run, Sync, Segment)
    .join(Sync, Sync.id == Run.sync_id)
    .join(Segment, Segment.id == Sync.segment_id)
    .where(Run.id == bindparam("run"))
)


@dataclass
class Push:
    """Carries one run for one slice. Nothing is kept in memory between slices."""

    runtime: Runtime
    claim: Claim | Help
    tools: Tools
    deadline: float
    """Monotonic seconds at which the slice should end."""
    renewed: bool = False
    _token: Token | None = None
    _uploads: dict[str, list[int]] = field(default_factory=dict)
    _checked: set[Path] = field(default_factory=set)

    def step(self) -> Outcome:
        """The next piece of the phase that the run is in."""
        job = self._job()
        try:
            return STEPS[Phase(job.run.phase)](job)
        except Gone as gone:
            raise TroubleFound(Trouble("segment.asks_for_deleted", {"asked": gone.name})) from None
        except SegmentRefused as refused:
            if refused.code is not Code.AUDIENCE_EXPIRED or not rebuild.start_over(job):
                raise
            return Progress()

    def help(self) -> bool:
        """Sends beside whoever holds the run. Whether more is left to help with. Raises what `step` does."""
        return send.help_send(self._job())

    def renew(self) -> None:
        """Gets a new access token, because the channel refused this one. Raises ReconnectNeeded where only the person can."""
        self.renewed = True
        with self.runtime.sessions() as session:
            sync = session.get_one(Sync, session.get_one(Run, self.claim.run_id).sync_id)
        self._token = tokens.access(self.runtime, sync.integration_id, renew=True)

    def _job(self) -> Job:
        with self.runtime.sessions() as session:
            run, sync, segment = session.execute(_ABOUT, {"run": self.claim.run_id}).one()
        if segment.deleted_at is not None:
            raise TroubleFound(Trouble("segment.deleted"))
        if self._token is None:
            self._token = tokens.access(self.runtime, sync.integration_id)
        connector = self.runtime.connector(sync.channel)
        kept = (self._uploads, self._checked)
        found = (run, sync, segment)
        return Job(self.runtime, self.claim, *found, connector, self._token, self.tools, self.deadline, *kept)
