"""Pages of opt-outs and erasures."""

from __future__ import annotations

from sqlalchemy import select

from segsync.models import Removal, RemovalTask
from segsync.queue import Name
from tests.builders import NOW, make_contact, make_integration, make_segment, make_sync


def test_administrator_takes_somebody_out(client, session, sign_in, grace, runtime, workspace):
    """From the contact's page, one press begins it, and workers are woken (B5)."""
    contact = make_contact(session, workspace)
    session.commit()
    sign_in(grace)
    address = f"/w/{workspace.id}/contacts/{contact.id}"
    assert f"{address}/take-out" in client.get(address).text
    page = client.post(f"{address}/take-out", data={"sort": "erasure", "reason": "letter"}, follow_redirects=True)
    assert "Erasure" in page.text
    assert session.scalars(select(Removal.sort)).all() == ["erasure"]
    assert runtime.queue.waiting(Name.REMOVALS) == 1


def test_done_by_hand_is_kept_with_the_name(client, session, sign_in, grace, workspace):
    """What the channel cannot be asked is done on its own page, and said here (B5)."""
    segment = make_segment(session, workspace, "Prospects")
    sync = make_sync(session, segment, make_integration(session, grace))
    removal = Removal(
        organization_id=grace.organization_id,
        workspace_id=workspace.id,
        contact_id=7,
        sort="opt_out",
        state="removing",
        due_at=NOW,
        next_at=NOW,
    )
    session.add(removal)
    session.flush()
    task = RemovalTask(
        removal_id=removal.id, sync_id=sync.id, state="by hand", problem_code="signin.revoked", next_at=NOW
    )
    session.add(task)
    session.commit()
    sign_in(grace)
    assert "sign-in revoked" in client.get(f"/removals/{removal.id}").text
    client.post(f"/removals/{removal.id}/tasks/{task.id}/by-hand")
    session.refresh(task)
    assert (task.state, task.by_hand_by) == ("sent", grace.id)
    assert "0 of 1" in client.get("/removals").text


def test_marketing_user_is_not_offered_it(client, session, sign_in, ada, workspace):
    """Opt-outs and erasures are the administrators' (B5)."""
    contact = make_contact(session, workspace)
    session.commit()
    sign_in(ada)
    assert "take-out" not in client.get(f"/w/{workspace.id}/contacts/{contact.id}").text
    assert client.get("/removals").status_code == 403
