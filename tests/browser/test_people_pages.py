"""Pages about one person: exclusion lists, where somebody is, and taking somebody out, wide and narrow, with nobody, some and very long names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from segsync.models import Ask, Exclusion, Organization, Removal, RemovalTask, SegmentMember
from tests.builders import NOW, make_contact, make_integration, make_segment, make_sync, make_workspace

LONG = "A" * 80
WIDTHS = pytest.mark.parametrize("width", [1280, 390])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@WIDTHS
@SCHEMES
def test_exclusion_lists_are_read_and_filled(
    page, session, sign_in, grace, fits, no_barriers, screenshot, width, scheme
):
    """An administrator pastes two and sees them in the list, on a phone too, by day and by night (B14)."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    entry = {"organization_id": grace.organization_id, "kind": "company", "value": LONG.lower(), "reason": LONG}
    session.add(Exclusion(**entry))
    session.commit()
    sign_in(grace, "/exclusions")
    page.get_by_text("Put somebody on").click()
    page.get_by_label("Whom to leave out").fill("ada@example.org\nrival.example")
    page.get_by_label("Reason").fill("complained")
    screenshot(f"exclusions-form-{width}-{scheme}")
    page.get_by_role("button", name="Leave them out").click()
    page.get_by_text("2 entries put on").wait_for()
    screenshot(f"exclusions-{width}-{scheme}")
    fits()
    no_barriers()


@WIDTHS
@SCHEMES
def test_one_finds_where_somebody_is(
    page, session, sign_in, ada, workspace, fits, no_barriers, screenshot, width, scheme
):
    """Typed in by keyboard, an e-mail leads to every audience of the person, to those of a warehouse once a worker answered (B4)."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    contact = make_contact(session, workspace, email="eve@example.org", first_name="Eve", last_name=LONG)
    for name, status in (("Prospects", "synced"), (LONG, "inactive")):
        segment = make_segment(session, workspace, name)
        session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
        make_sync(session, segment, make_integration(session, ada, state="disconnected"), status=status)
    customers = make_segment(session, workspace, "Customers", kind="warehouse")
    warehouse = make_sync(session, customers, make_integration(session, ada))
    session.commit()
    sign_in(ada, f"/w/{workspace.id}/where")
    screenshot(f"where-ask-{width}-{scheme}")
    page.get_by_label("E-mail, phone number or external id").fill("eve@example.org")
    page.keyboard.press("Enter")
    page.get_by_text("the next run adds them").wait_for()
    page.get_by_text("A worker is finding out").wait_for()
    screenshot(f"where-asked-{width}-{scheme}")
    question = session.scalars(select(Ask)).one()
    row = {
        "state": 0,
        "reason": "",
        "keys": ["email", "phone"],
        "first_sent": 1_760_000_000,
        "last_sent": 1_770_000_000,
    }
    question.answer = {"places": {str(warehouse.id): {"rows": [row], "planned": "", "barred": ""}}}
    question.state, question.finished_at = "done", datetime.now(UTC)
    session.commit()
    page.get_by_text("In the audience, accepted").wait_for()
    screenshot(f"where-{width}-{scheme}")
    fits()
    no_barriers()


@WIDTHS
@SCHEMES
def test_somebody_is_taken_out_and_followed(
    page, session, sign_in, grace, fits, no_barriers, screenshot, width, scheme
):
    """An administrator begins an erasure on the contact's page, and sees each audience with where it stands (B5)."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    workspace = make_workspace(session, session.get_one(Organization, grace.organization_id), "Second")
    contact = make_contact(session, workspace, first_name="Eve", last_name=LONG)
    session.commit()
    sign_in(grace, f"/w/{workspace.id}/contacts/{contact.id}/take-out")
    screenshot(f"removal-ask-{width}-{scheme}")
    no_barriers()
    page.get_by_label("They are to be erased").check()
    page.get_by_role("button", name="Take them out of every audience").click()
    page.get_by_text("A worker is finding out").wait_for()
    removal = session.scalars(select(Removal)).one()
    signin = make_integration(session, grace)
    for state, name in (("confirmed", "Prospects"), ("by hand", LONG), ("waiting", "Customers")):
        sync = make_sync(session, make_segment(session, workspace, name), signin)
        code = "signin.revoked" if state == "by hand" else None
        task = {"state": state, "problem_code": code, "next_at": NOW, "reference": "A-receipt-of-the-channel"}
        session.add(RemovalTask(removal_id=removal.id, sync_id=sync.id, **task))
    session.commit()
    page.reload()
    page.get_by_text("Done by hand").wait_for()
    screenshot(f"removal-{width}-{scheme}")
    fits()
    no_barriers()
    page.goto("/removals")
    page.get_by_text("1 of 3").wait_for()
    screenshot(f"removals-{width}-{scheme}")
    fits()
    no_barriers()
