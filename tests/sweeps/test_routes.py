"""Every page of the application, walked: each is named in the table of rights, and each role gets what the table says."""

from __future__ import annotations

import pytest
from werkzeug.routing import IntegerConverter

from segsync.rules.rights import PUBLIC, ROUTES, SENDING, Right, may, needed_for
from segsync.rules.terms import Role
from segsync.web.guard import UnnamedRoute

FILES = {"static", "bootstrap.static"}
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
REDIRECT, FORBIDDEN, UNAUTHORIZED = 302, 403, 401


def doors(app):
    """Every (endpoint, method, address) of the application, with made-up values in the address."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint in FILES:
            continue
        values = {name: _sample(rule, name) for name in rule.arguments}
        address = adapter.build(rule.endpoint, values, method=next(iter(rule.methods - {"OPTIONS", "HEAD"})))
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            yield rule.endpoint, method, address


def _sample(rule, name):
    return 1 if isinstance(rule._converters[name], IntegerConverter) else "x"


def test_every_page_is_named_in_the_table_of_rights(app):
    """A page that nobody thought about stays shut: the table names each one, and no page that is gone (S1)."""
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert endpoints == set(ROUTES)
    assert set(SENDING) <= endpoints


def test_a_page_that_is_not_named_lets_nobody_in(app, client, sign_in, grace):
    """Not even the Primary Administrator opens a page that the table does not name (S1)."""
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    app.testing = False
    sign_in(grace)
    assert client.get("/forgotten").status_code == FORBIDDEN


def test_a_page_that_is_not_named_fails_its_tests(app, client, sign_in, grace):
    """Whoever forgets the table hears of it from the first test (S1)."""
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    sign_in(grace)
    with pytest.raises(UnnamedRoute):
        client.get("/forgotten")


def test_nobody_signed_out_gets_in(app, client):
    """Without a sign-in, every page but the public ones leads to the sign-in page (S1)."""
    for endpoint, method, address in doors(app):
        if ROUTES[endpoint] != PUBLIC:
            answer = client.open(address, method=method)
            assert answer.status_code == REDIRECT, (endpoint, method)
            assert answer.location.startswith("/sign-in"), (endpoint, method)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_what_the_table_says(app, client, sign_in, people, role):
    """Whoever lacks the right is told who has it; whoever has it is not stopped at the door (S1, S17)."""
    app.testing = False  # what a page makes of made-up values is not the question here
    person = next(each for each in people if each.role == role)
    for endpoint, method, address in doors(app):
        needed = needed_for(endpoint, method)
        if not isinstance(needed, Right):
            continue
        sign_in(person)
        answer = client.open(address, method=method)
        if may(role, needed):
            assert answer.status_code not in {UNAUTHORIZED, FORBIDDEN} or needed.refusal not in answer.text, endpoint
        else:
            assert answer.status_code == FORBIDDEN, (endpoint, method)
            assert needed.refusal.split(".")[0][:40] in answer.text.replace("&#39;", "'"), endpoint


OWN_AFFAIRS = {"auth.sign_in", "auth.sign_out", "auth.join", "auth.rename", "auth.change_password"}
OWN_AFFAIRS |= {"auth.sign_out_there", "auth.sign_out_elsewhere"}
"""What everybody may change: their own sessions, name and password."""


def test_view_only_changes_nothing_but_their_own_name_and_password(app, client, sign_in, vera):
    """Everything else that View-only people could send is refused, also where they may look (S17)."""
    app.testing = False
    answered = {}
    for endpoint, method, address in doors(app):
        if method in CHANGING and endpoint not in OWN_AFFAIRS:
            sign_in(vera)
            answered[endpoint] = client.open(address, method=method).status_code
    assert {endpoint: code for endpoint, code in answered.items() if code != FORBIDDEN} == {}
