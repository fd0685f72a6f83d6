"""The page of exclusion lists."""

from __future__ import annotations

from io import BytesIO

from sqlalchemy import select

from segsync.models import AuditEvent, Exclusion


def values(session) -> list[tuple[str, str]]:
    session.rollback()
    return list(map(tuple, session.execute(select(Exclusion.kind, Exclusion.value).order_by(Exclusion.id))))


def test_pasted_lines_and_a_file_are_put_on(client, session, sign_in, grace):
    """An administrator pastes some and sends a file with others; what is not understood is told by its line (B14)."""
    sign_in(grace)
    form = {"lines": "ada@example.org", "reason": "complained", "file": (BytesIO(b"bob@example.org\n@"), "list.txt")}
    page = client.post("/exclusions", data=form, follow_redirects=True).text
    assert values(session) == [("email", "ada@example.org"), ("email", "bob@example.org")]
    assert "2 entries put on" in page
    assert "line 3" in page


def test_somebody_who_is_on_already_is_told_as_that(client, session, sign_in, grace):
    """Whoever puts on who is on already, and lines that are nobody, reads that and no more; the trail has the last day (B14)."""
    sign_in(grace)
    form = {"lines": "ada@example.org", "reason": "complained", "ends_at": "2999-12-31"}
    client.post("/exclusions", data=form)
    page = client.post("/exclusions", data=form | {"lines": "ada@example.org\n@\n@"}, follow_redirects=True).text
    assert "Nothing was added. 1 entry was on the lists already. Not understood, and left aside: lines 2, 3." in page
    assert session.scalars(select(AuditEvent.after["until"].astext)).first() == "2999-12-31"


def test_entry_is_taken_off(client, session, sign_in, grace):
    """Taking off is one press (B14)."""
    sign_in(grace)
    client.post("/exclusions", data={"lines": "ada@example.org", "reason": "complained"})
    number = session.scalars(select(Exclusion.id)).one()
    assert "was taken off" in client.post(f"/exclusions/{number}/end", follow_redirects=True).text
    assert values(session) == []


def test_reason_is_asked_for(client, session, sign_in, grace):
    """Without a reason nothing is put on, and what was typed stays (B14)."""
    sign_in(grace)
    answer = client.post("/exclusions", data={"lines": "ada@example.org"})
    assert answer.status_code == 422
    assert "ada@example.org" in answer.text
    assert values(session) == []


def test_marketing_user_has_no_lists(client, sign_in, ada):
    """Lists are the administrators' (B14)."""
    sign_in(ada)
    assert client.get("/exclusions").status_code == 403


def test_lists_are_looked_through_without_a_value_in_an_address(client, sign_in, grace):
    """An e-mail is looked for in whatever form it is written; the address holds the kind, and nothing of whom (B14)."""
    sign_in(grace)
    client.post("/exclusions", data={"lines": "jdoe@gmail.com\nada@example.org", "reason": "complained"})
    address = client.post("/exclusions/search", data={"q": "J.Doe@Gmail.com", "kind": "email", "channel": ""}).location
    assert ("doe" in address.lower(), "kind=email" in address, "channel" in address) == (False, True, False)
    page = client.get(address).text
    assert ('<th scope="row">jdoe@gmail.com' in page, "ada@example.org" in page) == (True, False)
