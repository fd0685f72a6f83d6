"""What went wrong is said in the same frame and tone, with an id that finds it in the logs."""

from __future__ import annotations

import pytest
from flask import abort

from segsync.rules.rights import PUBLIC, ROUTES
from segsync.web.errors import TROUBLES


@pytest.fixture
def broken(app, monkeypatch):
    """A page that fails in a way of one's choosing, and an application as in production."""

    def fails(kind):
        if kind == 500:
            raise ZeroDivisionError("ada@example.org")
        abort(kind)

    app.add_url_rule("/broken/<int:kind>", "broken", fails)
    monkeypatch.setitem(ROUTES, "broken", PUBLIC)
    app.testing = False
    return app.test_client()


@pytest.mark.parametrize("kind", [403, 404, 413, 422, 429, 500, 503])
def test_each_trouble_has_a_page_with_a_request_id(broken, kind):
    """Whoever sees an error page can tell their administrator which request it was."""
    answer = broken.get(f"/broken/{kind}")
    assert answer.status_code == kind
    assert TROUBLES[kind].title in answer.text
    assert answer.headers["X-Request-Id"] in answer.text


def test_an_error_page_tells_nothing_from_inside(broken):
    """No stack, no value: only that it is on our side."""
    text = broken.get("/broken/500").text
    assert "ZeroDivision" not in text
    assert "ada@example.org" not in text


def test_a_live_part_gets_a_sentence_not_a_page(broken):
    """What polls in the background is not filled with a whole error page."""
    answer = broken.get("/broken/404", headers={"X-Requested-With": "segsync"})
    assert answer.mimetype == "text/plain"
    assert answer.text == TROUBLES[404].text


def test_what_is_too_large_is_refused_before_it_is_read(app, client):
    """A form of 3 MB is refused with a page that says so (bad input)."""
    answer = client.post("/sign-in", data={"email": "x" * 3_000_000, "password": "y"})
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_each_request_has_an_id_of_its_own_in_its_log_line(client, caplog, capsys):
    """The log line carries the id and the rule, never what people searched for or the secret of an invitation."""
    answer = client.get("/join/very-secret-token?q=ada@example.org")
    told = capsys.readouterr().out + caplog.text
    assert answer.headers["X-Request-Id"] in told
    assert "/join/<token>" in told
    assert "very-secret-token" not in told
    assert "ada@example.org" not in told


def test_a_failed_page_is_logged_by_its_place_not_its_message(broken, caplog, capsys):
    """What a database says about a row names people: the log has the sort of problem and where, and no value (B15)."""
    broken.get("/broken/500")
    seen = capsys.readouterr()
    told = seen.out + seen.err + caplog.text
    assert "ZeroDivisionError" in told
    assert "test_errors.py" in told
    assert "ada@example.org" not in told
