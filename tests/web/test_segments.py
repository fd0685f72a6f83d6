"""Pages of segments: the list, the editor with its preview, a segment, deleting and restoring, and what View-only sees."""

from __future__ import annotations

import html
import json

import pytest
from sqlalchemy import select

from segsync.models import Segment, SegmentMember
from tests.builders import NOW, make_company, make_contact, make_integration, make_segment, make_sync

BERLIN = {"match": "all", "items": [{"field": "city", "operator": "equals", "values": ["Berlin"]}]}
WRONG = {"items": [*BERLIN["items"], {"items": [{"field": "email", "operator": "equals", "values": ["nobody"]}]}]}


@pytest.fixture
def at(workspace):
    return lambda *parts: "/".join([f"/w/{workspace.id}/segments", *map(str, parts)])


@pytest.fixture
def segment(session, workspace, ada):
    """Berliners, with a contact in it, a sync and a segment that asks for it."""
    make_contact(session, workspace, city="Berlin", email="lovelace@secret.example", first_name="Augusta")
    made = make_segment(
        session, workspace, "Berliners", ada, kind="rule", rules=BERLIN, size=1, refreshed_at=NOW, updated_by=ada.id
    )
    asks = {"items": [{"field": "segment", "operator": "in_segment", "values": [str(made.id)]}]}
    make_segment(session, workspace, "Friends of Berliners", kind="rule", rules=asks)
    make_sync(session, made, make_integration(session, ada), account_name="Northwind EU")
    session.commit()
    return made


def rules(tree: dict) -> str:
    return json.dumps(tree)


# -- the list --------------------------------------------------------------------------------------------------


def test_an_empty_list_is_a_start(sign_in, ada, at):
    """Where there is no segment, the page says what one is and offers to build it (S5)."""
    page = sign_in(ada).get(at()).text
    assert "No segments yet" in page
    assert "/segments/new" in page


def test_the_list_shows_size_syncs_and_who(sign_in, ada, at, segment):
    """Each segment with its size, when it was counted, its syncs and who made it (S5)."""
    page = sign_in(ada).get(at()).text
    for part in ("Berliners", "People · rules", "Ada", f"/syncs?segment={segment.id}"):
        assert part in page


def test_the_list_is_searched_and_filtered(sign_in, ada, at, segment):
    """A part of the name finds a segment; a search without result says so and leads back (S5)."""
    client = sign_in(ada)
    found = client.get(at() + "?q=FRIENDS&which=people&sort=size").text
    assert ("Friends of Berliners" in found, ">Berliners</a>" in found) == (True, False)
    assert "No such segment" in client.get(at() + "?q=nothing%25").text
    assert "No such segment" in client.get(at() + "?which=companies").text


def test_many_segments_come_in_pages(session, sign_in, ada, at, workspace):
    """The 51st segment stands on the second page (S5)."""
    for number in range(51):
        make_segment(session, workspace, f"Segment {number:03}")
    session.commit()
    client = sign_in(ada)
    assert "Segment 050" not in client.get(at()).text
    assert "Segment 050" in client.get(at() + "?page=2").text


# -- the editor ------------------------------------------------------------------------------------------------


def test_building_a_segment(session, sign_in, ada, at):
    """Name and rules are kept, and one comes to the segment's page (S5)."""
    answer = sign_in(ada).post(at("new"), data={"name": "Berliners", "rules": rules(BERLIN)}, follow_redirects=True)
    assert "whose city is “Berlin”" in answer.text
    assert session.scalars(select(Segment.rules)).one() == BERLIN


def test_mistakes_are_said_beside_the_condition_and_nothing_is_lost(session, sign_in, ada, at):
    """What is wrong is named with its place; the name and all rules typed are still there (S5)."""
    answer = sign_in(ada).post(at("new"), data={"name": "Mine", "rules": rules(WRONG)})
    assert answer.status_code == 422
    for part in ("1.0", "An e-mail address needs", "nobody", 'value="Mine"'):
        assert part in answer.text
    assert session.scalar(select(Segment.id)) is None


@pytest.mark.parametrize("rubbish", ["{", "[]", "[" * 50_000, '{"items": [5]}'])
def test_rubbish_for_rules_is_refused(sign_in, ada, at, rubbish):
    """Whatever a program sends in place of rules, the page answers with a sentence (S5)."""
    answer = sign_in(ada).post(at("new"), data={"name": "Mine", "rules": rubbish})
    assert (answer.status_code, "did not arrive whole" in answer.text) == (422, True)


def test_a_name_is_needed(sign_in, ada, at):
    """A segment without a name is refused beside the name (S5)."""
    answer = sign_in(ada).post(at("new"), data={"name": " ", "rules": "{}"})
    assert (answer.status_code, "Give the segment a name." in answer.text) == (422, True)


def test_editing_over_a_colleagues_change_is_noticed(sign_in, ada, at, segment):
    """Who opened an older version is told instead of overwriting (S5)."""
    data = {"name": "Berliners", "rules": "{}", "version": "0"}
    answer = sign_in(ada).post(at(segment.id, "edit"), data=data)
    assert (answer.status_code, "Somebody else changed" in answer.text) == (422, True)


def test_renaming_keeps_the_rules(session, sign_in, ada, at, segment):
    """Another name alone leaves rules and version as they were (S5)."""
    data = {"name": "From Berlin", "rules": rules(BERLIN), "version": "1"}
    sign_in(ada).post(at(segment.id, "edit"), data=data)
    session.expire_all()
    assert (segment.name, segment.version) == ("From Berlin", 1)


def test_the_preview_counts_and_reads_the_rules(sign_in, ada, at, segment):
    """Beside the editor: the sentence, how many, who, and who can be reached where (S5)."""
    page = sign_in(ada).post(at("preview?members=people"), data={"rules": rules(BERLIN)}).text
    for part in (
        "Contacts whose city is “Berlin”.",
        "person now",
        "lovelace@secret.example",
        "1 of 1",
        "Meta",
        "Google",
    ):
        assert part in page


def test_the_preview_of_incomplete_rules_says_where(sign_in, ada, at):
    """While a condition is not complete, the preview says so and counts nothing (S5)."""
    page = sign_in(ada).post(at("preview"), data={"rules": rules(WRONG)}).text
    assert "1 condition is not right yet" in page
    assert "people now" not in page


def test_words_that_a_channel_flags_are_warned_about(sign_in, ada, at):
    """A name that Meta tends to flag is said to be one, before anything is sent (S10)."""
    page = sign_in(ada).post(at("preview"), data={"rules": "{}", "name": "Diabetes patients"}).text
    assert "Meta tends to look twice" in page


def test_a_circle_is_said_beside_the_editor(sign_in, ada, at, segment):
    """A segment that asks for itself is refused while one types (S5)."""
    asks = {"items": [{"field": "segment", "operator": "in_segment", "values": [str(segment.id)]}]}
    page = sign_in(ada).post(at(f"preview?segment={segment.id}"), data={"rules": rules(asks)}).text
    assert "A segment cannot ask for itself." in page


def test_companies_are_previewed_as_companies(session, sign_in, ada, at, workspace):
    """A segment of companies counts companies, and says how many people work there for other channels (S14)."""
    company = make_company(session, workspace, industry="Tech")
    make_contact(session, workspace, company_id=company.id)
    session.commit()
    tree = {"items": [{"field": "industry", "operator": "equals", "values": ["tech"]}]}
    page = sign_in(ada).post(at("preview?members=companies"), data={"rules": rules(tree)}).text
    for part in ("company now", "Companies whose industry", "people who work there"):
        assert part in page


# -- a segment -------------------------------------------------------------------------------------------------


def test_a_segment_shows_what_it_is_and_who_uses_it(sign_in, ada, at, segment):
    """Rules as a sentence, size, syncs with status, segments that ask for it, and the way to a sync (S5)."""
    page = sign_in(ada).get(at(segment.id)).text
    for part in (
        "whose city is “Berlin”",
        "Northwind EU",
        "Synced",
        "Friends of Berliners",
        f"/syncs/new?segment={segment.id}",
    ):
        assert part in page


def test_figures_name_who_is_left_out(session, sign_in, ada, at, segment, workspace):
    """For each channel: how many can be sent, and how many not and why (S5)."""
    make_contact(session, workspace, city="Berlin", subscription="no")
    session.commit()
    page = sign_in(ada).get(at(segment.id, "figures")).text
    assert "1 of 2" in page
    assert "1 not subscribed" in page


def test_a_segment_put_away_with_what_it_asks_for_says_so(session, sign_in, ada, at, segment):
    """Where both were deleted, the page of the outer one tells which segment is missing in place of figures (S5)."""
    friends = session.scalars(select(Segment).where(Segment.name == "Friends of Berliners")).one()
    friends.deleted_at = segment.deleted_at = NOW
    session.commit()
    answer = sign_in(ada).get(at(friends.id, "figures"))
    assert (answer.status_code, "“Berliners”, which was deleted" in answer.text) == (200, True)


def test_segments_are_compared_at_an_address_of_their_own(sign_in, vera, at, segment, session, workspace):
    """One address shows everybody in the workspace what two segments share, their sizes, and whom no channel takes (B19)."""
    other = make_segment(session, workspace, "All", kind="rule", rules={})
    make_contact(session, workspace, email=None, phone=None, first_name=None, last_name=None)
    session.commit()
    client, asked = sign_in(vera), f"?segment={segment.id}&segment={other.id}"
    page = client.get(at("compare") + asked).text
    assert (page.count("selected"), "Size over time" in page) == (2, True)
    shared = client.get(at("compare/shared") + asked).text
    assert all(part in html.unescape(shared) for part in ("Only in “All”", "In both", "2 in at least one"))
    assert "On an exclusion list" in client.get(at(other.id, "left-out")).text


def test_an_address_of_segments_that_are_gone_says_so(sign_in, ada, at, segment, session):
    """A segment that was deleted, lies elsewhere or never was is told as missing; one chosen twice is compared once (B19)."""
    client = sign_in(ada)
    page = client.get(at("compare") + f"?segment={segment.id}&segment=987654321&segment=x").text
    assert ("1 segment of this address is not" in page, "Size over time" in page) == (True, False)
    assert "chosen twice" in client.get(at("compare") + f"?segment={segment.id}&segment={segment.id}").text
    assert client.get(at("compare/shared") + f"?segment={segment.id}").status_code == 404


def test_deleting_names_what_uses_it_and_restoring_brings_it_back(session, sign_in, ada, at, segment):
    """The dialog names the syncs; deleted, it can be restored from its page and from the list (S5)."""
    friends = session.scalars(select(Segment).where(Segment.name == "Friends of Berliners")).one()
    friends.rules = {}
    session.commit()
    client = sign_in(ada)
    dialog = client.get(at(segment.id, "delete")).text
    assert all(part in dialog for part in ("Northwind EU", "1 sync fails"))
    client.post(at(segment.id, "delete"))
    assert "Restore Berliners" in client.get(at() + "?deleted=yes").text
    assert "Ada deleted this segment" in client.get(at(segment.id)).text
    assert "Its syncs go on" in client.post(at(segment.id, "restore"), follow_redirects=True).text


def test_what_others_ask_for_is_not_deleted(session, sign_in, ada, at, segment):
    """The dialog leads to the segments whose rules name it, and offers no button that cannot work (S5)."""
    client = sign_in(ada)
    dialog = client.get(at(segment.id, "delete")).text
    assert all(
        part in dialog
        for part in ("cannot be deleted yet", "1 segment asks for it", "Friends of Berliners", "Northwind EU")
    )
    assert "Delete the segment" not in dialog
    answer = client.post(at(segment.id, "delete"))
    assert (answer.status_code, session.get_one(Segment, segment.id).deleted_at) == (422, None)
    assert "1 segment asks for it in its rules: “Friends of Berliners”." in html.unescape(answer.text)
    assert ("Back to the segment" in answer.text, "Keep it" in answer.text) == (True, False)


def test_a_copy_is_opened_to_be_changed(sign_in, ada, at, segment):
    """Duplicating leads to the editor of the copy (S5)."""
    answer = sign_in(ada).post(at(segment.id, "duplicate"), follow_redirects=True)
    assert "Copy of Berliners" in answer.text


def test_a_list_is_filled_and_emptied_by_hand(session, sign_in, ada, at, segment):
    """Lines that name nobody stay in the form with a sentence; the others are on the list (S5)."""
    client = sign_in(ada)
    client.post(at("new?kind=list"), data={"name": "By hand"})
    made = session.scalars(select(Segment).where(Segment.name == "By hand")).one()
    answer = client.post(at(made.id, "members"), data={"lines": "lovelace@secret.example\nnobody@x.example"})
    assert (answer.status_code, "Nobody here fits 1 line" in answer.text) == (422, True)
    assert ">nobody@x.example</textarea>" in answer.text.replace("\r", "").replace(">\n", ">").replace("\n<", "<")
    member = session.scalars(select(SegmentMember.member_id)).one()
    assert "Nobody is on the list" in client.post(at(made.id, "members", member, "remove"), follow_redirects=True).text


def test_another_workspace_has_its_own_segments(sign_in, ada, at, segment):
    """A segment is found in its own workspace only (S4)."""
    assert sign_in(ada).get(at(segment.id).replace(f"/w/{segment.workspace_id}", "/w/999")).status_code == 404
    assert sign_in(ada).get(at(10**6)).status_code == 404


# -- View-only -------------------------------------------------------------------------------------------------


def test_view_only_sees_counts_and_masks(sign_in, vera, at, segment):
    """Vera sees segments, figures and masked members, and why she can change nothing (S3)."""
    client = sign_in(vera)
    page, figures = client.get(at(segment.id)).text, client.get(at(segment.id, "figures")).text
    assert "Ask a Marketing User" in page
    assert "l•••@s•••.example" in figures
    for secret in ("lovelace@", "Augusta"):
        assert secret not in page + figures
    assert "Create sync" not in page


def test_companies_are_named_to_everybody(session, sign_in, vera, at, workspace):
    """A company is no person: Vera reads its name and domain in a sample as she does in Companies (S4)."""
    make_company(session, workspace, name="Initech", company_domain="initech.example")
    made = make_segment(session, workspace, "Accounts", kind="rule", members="companies", rules={})
    session.commit()
    figures = sign_in(vera).get(at(made.id, "figures")).text
    assert ("Initech" in figures, "initech.example" in figures) == (True, True)


@pytest.mark.parametrize("deed", ["duplicate", "delete", "restore", "members", "edit"])
def test_view_only_changes_nothing(sign_in, vera, at, segment, deed):
    """Every door to a change is shut for Vera, with who can open it (S3)."""
    assert sign_in(vera).post(at(segment.id, deed)).status_code == 403
    assert sign_in(vera).post(at("new")).status_code == 403
