"""An import from its start to its end: worked on chunk by chunk, killed, stopped, and what is left of its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event, select, text

from segsync.actions import imports
from segsync.actions.actor import Refused
from segsync.actions.imports import Choices
from segsync.models import AuditEvent
from segsync.rules.import_mapping import ColumnMap
from segsync.rules.terms import ImportState
from tests.actions.importing import HEADER, counts, people, rejected


def test_a_large_file_is_cleaned_by_a_process_of_its_own_with_the_same_rejected_rows(run, session):
    """However large a file is, a person gets their rejected rows back as they wrote them (B15)."""
    rows = [f"p{n}@example.com,P{n},{'x' * 2000}" if n % 100 else f"nobody{n},,\nhalf" for n in range(300)]
    job = run("email,first_name,notes\n" + "\n".join(rows) + "\n", targets=["email", "first_name", ""])
    assert counts(job) == (297, 0, 0, 6)
    assert [cells for _, _, *cells in rejected(job)][:4] == [
        ["nobody0", "", ""],
        ["half"],
        ["nobody100", "", ""],
        ["half"],
    ]


def test_a_killed_import_goes_on_where_the_last_chunk_ended(bring, runtime, session, workspace, ada):
    """After a kill nothing is lost, nothing twice, and the file of rejected rows has no line twice."""
    lines = [f"p{n}@example.com,P{n},," if n % 100 else "nobody,,," for n in range(12_000)]
    job = bring(HEADER + "\n".join(lines) + "\n")
    imports.choose(session, ada, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
    imports.start(session, ada, job)
    session.commit()
    hasty = runtime.settings.model_copy(update={"slice_seconds": 0.001})
    slow = type(runtime)(**{**vars(runtime), "settings": hasty})
    assert imports.work(slow, job.id)
    session.refresh(job)
    assert 0 < job.rows_done < 12_000
    # What a killed slice leaves: a lease that has run out, and rejected rows beyond what counts.
    session.execute(text("update import_job set lease_until = now() - interval '1 second'"))
    session.commit()
    with Path(job.rejects_path).open("ab") as file:
        file.write(b"half a li")
    while imports.work(slow, job.id):
        pass
    session.refresh(job)
    assert job.state == ImportState.DONE
    assert counts(job) == (11_880, 0, 0, 120)
    assert [int(row[0]) for row in rejected(job)] == [n + 2 for n in range(0, 12_000, 100)]


class StopsBetween:
    """Transactions of a worker; before the last of those counted, somebody stops the import."""

    def __init__(self, sessions, count, stop):
        self.sessions, self.count, self.stop = sessions, count, stop

    def begin(self):
        self.count -= 1
        if self.count == 0:
            self.stop()
        return self.sessions.begin()


@pytest.fixture
def under_way(bring, session, workspace, ada):
    """An import of three chunks that was started."""
    job = bring(HEADER + "".join(f"p{n}@example.com,P,,\n" for n in range(25_000)))
    imports.choose(session, ada, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
    imports.start(session, ada, job)
    session.commit()
    return job


def test_an_import_that_is_stopped_keeps_what_is_in_and_writes_no_more(under_way, runtime, session, ada):
    """Whoever sees that it is the wrong file ends it; the worker in the midst of it writes nothing more."""
    job, claim_and_two_chunks = under_way, 3
    sessions = StopsBetween(runtime.sessions, claim_and_two_chunks, lambda: imports.stop(session, ada, job))
    assert imports.work(type(runtime)(**{**vars(runtime), "sessions": sessions}), job.id) is False
    session.refresh(job)
    assert (job.state, job.rows_done, len(people(session))) == (ImportState.STOPPED, 10_000, 10_000)
    stopped = session.scalars(select(AuditEvent).where(AuditEvent.event == "import.stop")).one()
    assert stopped.after == {"rows": 10_000}
    assert imports.work(runtime, job.id) is False
    with pytest.raises(Refused, match="ended already"):
        imports.stop(session, ada, job)


def test_the_file_of_a_stopped_import_goes_once_it_is_stopped_for_good(bring, session, workspace, ada):
    """An import that could not be stopped still has its file."""
    job = bring(HEADER + "a@example.com,A,,\n")
    imports.start(session, ada, job)
    session.commit()
    seen = []
    event.listen(session, "before_commit", lambda _: seen.append(Path(job.file_path).exists()))
    imports.stop(session, ada, job)
    assert seen == [True]
    assert not Path(job.file_path).exists()


def test_two_workers_never_take_the_same_import(bring, runtime, session, workspace, ada):
    """Whoever has the lease works; the other leaves."""
    job = bring(HEADER + "a@example.com,A,,\n")
    imports.choose(session, ada, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
    imports.start(session, ada, job)
    session.execute(text("update import_job set lease_until = now() + interval '1 minute', state = 'running'"))
    session.commit()
    assert imports.work(runtime, job.id) is False
    assert people(session) == []


def test_a_file_that_is_gone_fails_the_import_in_a_sentence(bring, runtime, session, workspace, ada):
    """Nothing is tried for ever."""
    job = bring(HEADER + "a@example.com,A,,\n")
    imports.choose(session, ada, workspace, job, Choices(ColumnMap.from_json(job.mapping)))
    imports.start(session, ada, job)
    session.commit()
    Path(job.file_path).unlink()
    assert imports.work(runtime, job.id) is False
    session.refresh(job)
    assert (job.state, "not there any more" in job.error) == (ImportState.FAILED, True)


def test_a_file_is_removed_once_it_is_in(run):
    """What was read is personal data that nobody needs twice."""
    assert not Path(run(HEADER + "a@example.com,A,,\n").file_path).exists()
