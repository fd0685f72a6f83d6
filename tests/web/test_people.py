"""People and workspaces: inviting, roles, leaving, and who belongs where."""

from __future__ import annotations

import re

import pytest

from segsync.models import Alert, AuditEvent, Person, Workspace, WorkspacePerson
from segsync.web.frame import outside_address
from tests.builders import make_integration, make_person, make_segment, make_sync, make_workspace


def test_grace_invites_somebody_by_a_link_that_is_shown_once(client, sign_in, grace, workspace):
    """The link is shown on the next page, works, and is never shown again."""
    sign_in(grace)
    typed = {"name": "Lin", "email": "lin@northwind.example", "role": "marketing_user", "workspaces": [workspace.id]}
    assert client.post("/people/invite", data=typed).status_code == 302
    text = client.get("/people").text
    link = re.search(r"<code>http://localhost(/join/[^<]+)</code>", text)[1]
    assert "1 open invitation" in text
    assert "/join/" not in client.get("/people").text
    client.post("/sign-out")
    assert "You join as Marketing User" in client.get(link).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "", "email": "lin@northwind.example"}, "Type the person&#39;s name."),
        ({"name": "Lin", "email": "not an address"}, "This is not an e-mail address."),
        ({"name": "Lin", "email": "ADA@northwind.example"}, "Somebody with this e-mail address is here already."),
    ],
)
def test_a_wrong_invitation_keeps_what_was_typed(client, sign_in, grace, ada, typed, said):
    """What is wrong stands beside its field, and nothing typed is lost (bad input)."""
    answer = sign_in(grace).post("/people/invite", data={"role": "abm_admin", **typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{typed["email"]}"' in answer.text
    assert re.search(
        r'<input[^>]*checked[^>]*value="abm_admin"|value="abm_admin"[^>]*checked|checked[^>]*abm_admin', answer.text
    )


def test_a_withdrawn_invitation_works_no_more(client, sign_in, grace):
    """Grace withdraws an invitation that went to the wrong address."""
    sign_in(grace)
    client.post("/people/invite", data={"name": "Lin", "email": "lin@northwind.example", "role": "view_only"})
    link = re.search(r"<code>http://localhost(/join/[^<]+)</code>", client.get("/people").text)[1]
    client.post("/people/invitations/1/withdraw")
    assert "open invitation" not in client.get("/people").text
    assert client.get(link).status_code == 404


def test_a_role_and_workspaces_are_changed_together(client, sign_in, session, organization, grace, ada):
    """Ada becomes View-only and moves to another workspace; both stand in the audit trail."""
    other = make_workspace(session, organization, "EMEA")
    session.commit()
    sign_in(grace).post(f"/people/{ada.id}", data={"role": "view_only", "workspaces": [other.id]})
    session.expire_all()
    assert ada.role == "view_only"
    assert session.query(WorkspacePerson.workspace_id).filter_by(person_id=ada.id).all() == [(other.id,)]
    events = {event for (event,) in session.query(AuditEvent.event)}
    assert {"person.role", "workspace.add_person", "workspace.remove_person"} <= events


def test_the_last_primary_administrator_stays_one(client, sign_in, session, grace):
    """Grace cannot take the last Primary Administrator away, also not from herself."""
    answer = sign_in(grace).post(f"/people/{grace.id}", data={"role": "view_only"})
    assert answer.status_code == 422
    assert "is the only Primary Administrator" in answer.text
    assert client.post(f"/people/{grace.id}/deactivate").status_code == 422


@pytest.fixture
def running(session, workspace, max_):
    """A sync that runs on Max's sign-in at Meta."""
    signin = make_integration(session, max_, "meta")
    made = make_sync(session, make_segment(session, workspace, "Fintech"), signin, account_name="Northwind EU")
    session.commit()
    return made


def test_before_somebody_is_deactivated_what_lives_on_them_is_named(client, sign_in, running, grace, max_):
    """Grace reads which syncs run on Max's sign-in before she deactivates him."""
    text = sign_in(grace).get(f"/people/{max_.id}/deactivate").text
    assert "1 sync on these sign-ins" in text
    assert "Fintech" in text
    assert "Northwind EU" in text
    assert "Deactivate, sign out everywhere" in text


def test_a_deactivated_person_is_out_and_administrators_are_reminded(client, sign_in, session, running, grace, max_):
    """Max is signed out for good; an alert names what still runs on him until it does not."""
    sign_in(grace).post(f"/people/{max_.id}/deactivate")
    session.expire_all()
    assert max_.deactivated_at
    assert (
        "Max was deactivated, and syncs still run on Max&#39;s sign-in at Meta."
        in client.get("/alerts?which=mine").text
    )
    client.post(f"/people/{max_.id}/reactivate")
    assert session.query(Alert).one().closed_at
    session.expire_all()
    assert max_.deactivated_at is None


def test_alan_sees_people_and_reads_who_can_change_them(client, sign_in, alan, ada):
    """An ABM Administrator looks; the controls say that a Primary Administrator can (S17)."""
    for address in ("/people", f"/people/{ada.id}", "/workspaces"):
        text = sign_in(alan).get(address).text
        assert "Only a Primary Administrator can change people, roles and workspaces." in text
    assert client.post(f"/people/{ada.id}", data={"role": "primary_admin"}).status_code == 403
    assert client.get("/people/invite").status_code == 403


def test_people_are_found_by_name_and_role(client, sign_in, session, organization, grace, ada, vera):
    """120 people: searched, filtered, by pages, the same query count whatever their number."""
    for number in range(118):
        make_person(session, organization, f"Person {number:03}")
    session.commit()
    sign_in(grace)
    assert "1 to 50 of 121 people" in client.get("/people").text
    assert "101 to 121 of 121 people" in client.get("/people?page=3").text
    assert "1 to 1 of 1 people" in client.get("/people?q=PERSON+117").text
    assert "1 to 1 of 1 people" in client.get("/people?role=view_only").text
    assert "Nobody fits" in client.get("/people?q=%25").text


def test_people_of_another_organization_do_not_exist(client, sign_in, session, grace, ada):
    """No query crosses the organization."""
    from_elsewhere = session.get_one(Person, ada.id)
    assert sign_in(grace).get(f"/people/{from_elsewhere.id + 1000}").status_code == 404


def test_a_workspace_is_made_and_changed(client, sign_in, session, grace):
    """Grace makes a workspace for Germany; a name that is taken is said beside the field."""
    sign_in(grace)
    typed = {"name": "EMEA", "country": "DE", "time_zone": "Europe/Berlin"}
    assert client.post("/workspaces/new", data=typed).status_code == 302
    made = session.query(Workspace).filter_by(name="EMEA").one()
    assert (made.country, made.time_zone) == ("DE", "Europe/Berlin")
    again = client.post("/workspaces/new", data=typed)
    assert again.status_code == 422
    assert "There is a workspace named EMEA already." in again.text
    assert client.post(f"/workspaces/{made.id}", data={**typed, "name": "Europe"}).status_code == 302
    assert "Europe" in client.get("/workspaces").text


def test_a_link_never_leads_to_an_address_that_a_browser_made_up(app, runtime):
    """An invitation leads here, whatever host a request claims to be for (S1)."""
    with app.test_request_context("/people", base_url="http://elsewhere.example"):
        assert outside_address("people.index") == f"{runtime.settings.address}/people"
    with app.test_request_context("/people", base_url="http://127.0.0.1:7777"):
        assert outside_address("people.index") == "http://127.0.0.1:7777/people"
