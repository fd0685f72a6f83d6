"""An erasure leaves nothing of a person here, in books, files or the trail, but a proof that recognises whoever comes back."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from sqlalchemy import delete, select
from structlog.testing import capture_logs

from segsync.actions import erased, erasures_again
from segsync.actions.actor import Refused
from segsync.audience.ledger import Held
from segsync.models import AuditEvent, Contact, DataFile, ErasedKey, ImportJob, LinkedDevice, Removal, Sync
from segsync.rules.removal_words import Sort
from tests.actions.pushing import again, go, keys, members, put
from tests.actions.removing import carry_out, one_more, tasks


def test_erased_key_of_somebody_who_stays_is_added_again(runtime, channel, session, sync, take_out):
    """An erased person's keys go out even where somebody shares them; whoever stays is added again by the next run (B5)."""
    one = put(session, sync, email="one@example.org", phone="+4930901820")
    put(session, sync, email="two@example.org", phone="+4930901820")
    go(runtime, sync)
    before = len(keys(channel))
    assert carry_out(runtime, take_out(one, Sort.ERASURE)).state == "done"
    assert len(keys(channel)) == before - 2
    run = go(runtime, sync)
    assert (run.rows_added, len(keys(channel))) == (1, before - 1)


def test_erasure_deletes_the_person_here_and_keeps_a_proof(runtime, session, sync, take_out):
    """The contact, devices and list memberships are gone; what stays recognises them and tells nobody who it was (B5)."""
    contact = put(session, sync, email="eve@example.org")
    session.add(LinkedDevice(workspace_id=sync.workspace_id, contact_id=contact.id, kind="idfv", value="X"))
    session.commit()
    go(runtime, sync)
    number = contact.id
    removal = carry_out(runtime, take_out(contact, Sort.ERASURE))
    session.expire_all()
    assert session.get(Contact, number) is None
    assert session.scalars(select(LinkedDevice)).all() == []
    assert removal.contact_id is None
    known = erased.digests(runtime.vault, sync.workspace_id, {"email": "eve@example.org"})
    assert [key.digest for key in session.scalars(select(ErasedKey))] == known
    assert {task.keys_sealed for task in tasks(runtime, removal.id)} == {None}


def test_ledger_holds_nothing_of_an_erased_person(runtime, session, sync, take_out):
    """After the confirmation no row of theirs is in the current books (B5)."""
    go(runtime, sync)
    number = members(session, sync)[0].id
    carry_out(runtime, take_out(members(session, sync)[0], Sort.ERASURE))
    current = select(DataFile.path).where(DataFile.ledger_id == again(runtime, sync).ledger_id)
    rows = [row for path in session.scalars(current) for row in pq.read_table(runtime.ledgers / path).to_pylist()]
    assert len(rows) == 2
    assert number not in {row["member"] for row in rows}
    assert {row["state"] for row in rows} == {Held.HELD}


def test_damaged_books_of_another_audience_are_named_as_its_own(runtime, session, sync, take_out):
    """An erasure looks into every audience of the ad account: of books that are damaged the log says whose, and others go on (B5)."""
    contact = members(session, sync)[0]
    damaged, sound = (
        one_more(session, sync, put(session, sync, email=f"x{n}@example.org", phone="+4930901820")) for n in (1, 2)
    )
    contact.phone, damaged.account_id, sound.account_id = "+4930901820", sync.account_id, sync.account_id
    session.commit()
    for each in (sync, damaged, sound):
        go(runtime, each)
    for path in (runtime.ledgers / damaged.public_id).iterdir():
        path.write_bytes(b"")
    with capture_logs() as logs:
        removal_id = carry_out(runtime, take_out(contact, Sort.ERASURE)).id
    told = [line["sync"] for line in logs if "damaged" in line["event"]]
    assert (told, [task.problem_code for task in tasks(runtime, removal_id)]) == (
        [damaged.public_id],
        ["ledger.unreadable"],
    )
    with runtime.sessions() as other:
        assert other.get_one(Sync, sound.id).next_run_at <= runtime.clock()


def test_trail_names_nobody(runtime, session, sync, take_out):
    """Who asked for an erasure and when it was done stand in the trail, with numbers only (B5)."""
    go(runtime, sync)
    contact = members(session, sync)[0]
    carry_out(runtime, take_out(contact, Sort.ERASURE))
    told = session.scalars(select(AuditEvent).where(AuditEvent.event.in_(["contact.erase", "contact.out"]))).all()
    assert [event.event for event in told] == ["contact.erase", "contact.out"]
    assert "example.org" not in str([(event.subject_name, event.before, event.after) for event in told])


def test_erasure_is_applied_again_after_a_backup_was_restored(runtime, session, sync, take_out):
    """Exported proofs recognise whoever a restored backup brought back, and their erasure begins anew; nobody else's (B5)."""
    contact = members(session, sync)[0]
    row = {"email": contact.email, "created_at": contact.created_at}
    carry_out(runtime, take_out(contact, Sort.ERASURE))
    exported = list(erased.export(session))
    back = put(session, sync, **row)
    back_id = back.id
    session.execute(delete(ErasedKey))
    session.commit()
    far_later = [line.replace("2026-03-02", "2099-03-02") for line in exported]
    assert erasures_again.apply(runtime, erasures_again.read(far_later), "root") == 1
    again_asked = session.scalars(select(Removal).where(Removal.done_at.is_(None))).one()
    assert (again_asked.contact_id, again_asked.sort) == (back_id, "erasure")
    carry_out(runtime, again_asked.id)
    session.expire_all()
    assert session.get(Contact, back_id) is None


def test_proofs_that_are_none_are_refused():
    """A file that is no export is refused with the line (B5)."""
    with pytest.raises(Refused, match="Line 2"):
        list(erasures_again.read(["", "{}"]))


def test_files_of_rejected_rows_that_name_an_erased_person_are_deleted(runtime, session, sync, take_out, tmp_path):
    """What an import left of an erased person goes too, however their phone was written; other files stay (B5)."""
    paths = [tmp_path / "theirs.csv", tmp_path / "others.csv"]
    for path, phone in zip(paths, ("030 / 90 18 20", "030 / 90 18 21"), strict=True):
        path.write_text(f"line,reason,phone\n2,why,{phone}\n", encoding="utf-8")
        row = {"subject": "contact", "file_name": "x.csv", "file_path": "/nowhere", "file_bytes": 1, "state": "done"}
        session.add(ImportJob(workspace_id=sync.workspace_id, rejects_path=str(path), **row))
    contact = put(session, sync, phone="+4930901820")
    carry_out(runtime, take_out(contact, Sort.ERASURE))
    assert [path.exists() for path in paths] == [False, True]
