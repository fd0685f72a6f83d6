"""Segment Syncs, the home: for all four roles, with filters in the address, and parts that update themselves."""

from datetime import timedelta

import pytest

from segsync.actions.alerts import Cause, open_alert
from segsync.models import Run
from segsync.rules.terms import Acts, SignInState, Status
from tests.builders import NOW, make_integration, make_segment, make_sync


@pytest.fixture
def hers(session, ada):
    made = make_integration(session, ada, "meta", name="ada@meta.example")
    session.commit()
    return made


@pytest.fixture
def add(session, workspace, hers):
    """Adds a sync of Ada's."""

    def added(name="Enterprise prospects", **values):
        sync = make_sync(session, make_segment(session, workspace, name), hers, **values)
        session.commit()
        return sync

    return added


def text(response):
    assert response.status_code == 200, response.text
    return " ".join(response.text.split())


def test_a_new_organization_sees_its_first_steps(sign_in, ada):
    """An empty home says what belongs there and offers the first step, with a checklist. (S4)."""
    page = text(sign_in(ada).get("/syncs"))
    assert "No syncs yet" in page
    assert "First steps" in page
    assert "Connect a channel" in page


def test_the_home_says_whether_everything_is_in_step(sign_in, ada, add):
    """The first sentence answers: is everything in step, and if not, what is not. (S4)."""
    add()
    assert "Everything is in step." in text(sign_in(ada).get("/syncs"))
    add("Churned", status=Status.FAILED.value, problem_code="signin.expired", detail="needs a person")
    page = text(sign_in(ada).get("/syncs"))
    assert "1 of 2 syncs in step; 1 needs a look." in page
    assert "Failed · sign-in expired" in page


@pytest.mark.parametrize("status", [Status.SYNCED, Status.INACTIVE])
def test_the_menu_of_a_sync_offers_only_what_one_may_do(sign_in, ada, vera, max_, grace, add, status):
    """Who may not switch or delete a sync reads there who can; creator and administrators have the links (S10, S17)."""
    sync = add(status=status.value)
    for person, may in ((ada, True), (grace, True), (max_, False), (vera, False)):
        page = text(sign_in(person).get("/syncs"))
        links = [
            f"/syncs/{sync.public_id}/{deed}" in page
            for deed in ("on" if status is Status.INACTIVE else "off", "delete")
        ]
        assert links == [may, may]
        assert ("Only Ada or an administrator can switch this on or off, or delete it." in page) is not may


def test_cards_tell_my_sign_in_and_the_organizations(sign_in, ada, max_, session, add):
    """Per channel: connected as whom, who must reconnect, active syncs; and the contracted syncs. (S3)."""
    add()
    make_integration(session, max_, "meta", state=SignInState.RECONNECT.value, problem="signin.expired")
    session.commit()
    page = text(sign_in(ada).get("/syncs"))
    assert "Connected as ada@meta.example" in page
    assert "must reconnect: Max" in page
    assert "Connect LinkedIn" in page
    assert "39 places left" in page


def test_what_needs_attention_is_named(sign_in, ada, session, organization, hers, add):
    """An incident stands once, with how many syncs wait and who has to act. (S13)."""
    syncs = [add(f"Segment {n}", status=Status.FAILED.value, problem_code="signin.expired") for n in range(2)]
    cause = Cause(
        f"integration:{hers.id}", "signin.expired", Acts.PERSON, ada.id, "meta", hers.id, facts={"person": "Ada"}
    )
    open_alert(session, organization.id, cause, now=NOW, sync_ids=[sync.id for sync in syncs])
    session.commit()
    page = text(sign_in(ada).get("/syncs"))
    assert "Needs attention" in page
    assert "2 syncs wait" in page
    assert "Waits for you" in page


def test_what_waits_for_me_stands_before_what_waits_for_others(sign_in, ada, session, organization, add):
    """Whoever opens the home finds their own part of what is wrong on top, then what stops syncs, then what warns. (S13)."""
    for code, acts, person in (
        ("segment.unusual", Acts.NOBODY, None),
        ("account.no_role", Acts.ACCOUNT_ADMIN, None),
        ("signin.expired", Acts.PERSON, ada.id),
    ):
        cause = Cause(f"test:{code}", code, acts, person, "meta", facts={"person": "Ada"})
        open_alert(session, organization.id, cause, now=NOW)
    session.commit()
    page = text(sign_in(ada).get("/syncs"))
    who = ("Waits for you", "Waits for an admin of the ad account", "Goes on by itself")
    assert sorted(who, key=page.index) == list(who)
    assert ">1</span> waits for you" in page


def test_filters_live_in_the_address(sign_in, ada, add):
    """A link with filters shows the same to a colleague; each tab keeps the other filters. (S5)."""
    add("Fintech accounts", status=Status.FAILED.value, problem_code="audience.gone")
    add("Churned")
    page = text(sign_in(ada).get("/syncs?status=failed&creator=me&text=fin"))
    assert "Fintech accounts" in page
    assert "Churned" not in page
    assert 'href="/syncs?status=synced&amp;creator=me&amp;text=fin"' in page
    assert 'value="fin"' in page


def test_a_deleted_sync_is_found_by_its_id(sign_in, ada, add):
    """Whoever quotes a sync ID finds it, also after it was deleted. (B33)."""
    gone = add(deleted_at=NOW, status=Status.INACTIVE.value)
    page = text(sign_in(ada).get(f"/syncs?text={gone.public_id.lower()}"))
    assert f"{gone.public_id} · deleted" in page


@pytest.mark.parametrize(
    "query", ["status=broken", "page=99999999999", "segment=x", "sort=%00", "text=%00%25", "creator=0"]
)
def test_no_address_breaks_the_page(sign_in, ada, add, query):
    """Whatever stands in the address, the list is shown. (S5)."""
    add()
    assert "Segment Syncs" in text(sign_in(ada).get(f"/syncs?{query}"))


def test_view_only_people_see_everything_and_read_who_can(sign_in, vera, add):
    """Vera sees the same page; the button is explained instead of broken. (S1, S17)."""
    add()
    page = text(sign_in(vera).get("/syncs"))
    assert "Enterprise prospects" in page
    assert "View-only: ask a Marketing User or an administrator." in page
    assert "You need no sign-in of your own to look." in page
    assert 'href="/syncs/new"' not in page


def test_progress_of_a_run_stands_in_the_list(sign_in, ada, session, add):
    """A run under way shows how much the channel has answered, the same for everybody. (S12)."""
    sync = add(status=Status.SYNCING.value)
    session.add(Run(organization_id=sync.organization_id, sync_id=sync.id, why="now", state="working", phase="adding",
                    rows_to_add=200, rows_done=84, batches=4, batches_done=2))  # fmt: skip
    session.commit()
    assert "Syncing · sending, 42 %" in text(sign_in(ada).get("/syncs"))


def test_live_parts_are_sent_only_when_something_changed(sign_in, ada, add, session):
    """Without news nothing is sent; while nothing runs the browser asks seldom. (S12)."""
    sync = add()
    client = sign_in(ada)
    first = client.get("/syncs/live/list")
    assert first.headers["X-Live"] == "idle"
    again = client.get("/syncs/live/list", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    sync.members_held = 77
    session.commit()
    assert client.get("/syncs/live/list", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_pages_of_the_list_link_to_the_list(sign_in, ada, add):
    """Also where the list updates itself, its page numbers lead to whole pages. (S5)."""
    for number in range(51):
        add(f"Segment {number}")
    assert 'href="/syncs?page=2"' in text(sign_in(ada).get("/syncs/live/list"))


def test_who_uses_the_contracted_syncs(sign_in, ada, session, add):
    """The page behind the card says by whom and for what, and what would free a place. (S9)."""
    add(status=Status.FAILED.value, problem_code="terms.not_accepted", in_step_since=NOW - timedelta(days=9))
    page = text(sign_in(ada).get("/syncs/limit"))
    assert "What would free a place" in page
    assert "terms not accepted" in page
    assert 'href="/syncs?creator=' in page


def test_the_home_is_the_first_page(sign_in, ada):
    """Whoever signs in lands on Segment Syncs. (S4)."""
    assert sign_in(ada).get("/").headers["Location"] == "/syncs"
