"""The page that says where one person is."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from segsync.models import AuditEvent, SegmentMember
from tests.builders import NOW, make_contact, make_integration, make_segment, make_sync


def test_one_who_fits_is_shown_at_once(client, session, sign_in, ada, workspace):
    """Typed in whole, an e-mail leads to where the person is; the address names no e-mail (B4)."""
    contact = make_contact(session, workspace, email="eve@example.org", first_name="Eve")
    segment = make_segment(session, workspace, "Prospects")
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    make_sync(session, segment, make_integration(session, ada), ledger_id=None)
    session.commit()
    sign_in(ada)
    answer = client.post(f"/w/{workspace.id}/where", data={"who": "EVE@example.org"})
    assert answer.location == f"/w/{workspace.id}/where/{contact.id}"
    page = client.get(answer.location).text
    assert "Where is Eve" in page
    assert "Prospects" in page
    assert "the next run adds them" in page


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"status": "failed", "detail": "held"}, "waits for an administrator"),
        ({"status": "failed", "detail": "needs a person"}, "once the sync works again"),
        ({"status": "inactive"}, "the sync is switched off"),
        ({"segment": "deleted"}, "the segment was deleted"),
    ],
)
def test_no_run_is_promised_where_none_comes_by_itself(client, session, sign_in, ada, workspace, state, told):
    """Held, failed, switched off, or of a deleted segment: the page says what it waits for, and promises no next run (B4)."""
    contact = make_contact(session, workspace, email="eve@example.org")
    segment = make_segment(session, workspace, "Prospects", deleted_at=NOW if state.pop("segment", "") else None)
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    make_sync(session, segment, make_integration(session, ada), ledger_id=None, **state)
    session.commit()
    page = sign_in(ada).get(f"/w/{workspace.id}/where/{contact.id}").text
    assert (told in page, "the next run" in page) == (True, False)


def test_several_who_fit_are_offered(client, session, sign_in, ada, workspace):
    """Two contacts may share a phone: one chooses (B4)."""
    for name in ("Eve", "Bob"):
        make_contact(session, workspace, phone="+4930901820", first_name=name)
    session.commit()
    sign_in(ada)
    page = client.post(f"/w/{workspace.id}/where", data={"who": "+49 30 901820"}).text
    assert "2 contacts fit" in page


def test_nobody_is_said(client, session, sign_in, ada, workspace):
    """Where nobody fits it is said, with what may be left of an earlier value; that somebody looked is kept, not for what (B4)."""
    sign_in(ada)
    page = client.post(f"/w/{workspace.id}/where", data={"who": "no@example.org"}).text
    assert "Nobody here" in page
    assert "what was sent then stays in the audiences until the next good run" in page
    looked = session.scalars(select(AuditEvent).where(AuditEvent.event.like("contact.%"))).one()
    assert (looked.event, looked.subject_id, looked.after) == ("contact.find", ada.id, {"found": 0})
