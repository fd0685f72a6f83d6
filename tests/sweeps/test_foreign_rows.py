"""Every address of the application with real rows of somebody else in it: another organization's, and a workspace's that one is not in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations

import pytest
from sqlalchemy import text

from segsync.db import Base
from segsync.models import Installation
from segsync.rules.rights import PUBLIC, ROUTES
from segsync.rules.terms import Role
from tests.builders import make_organization, make_person, make_workspace
from tests.sweeps.estates import Words, make_estate

OK, REDIRECT, FORBIDDEN, NOT_THERE, NOT_FROM_HERE = 200, 302, 403, 404, 405
SHUT = {FORBIDDEN, NOT_THERE}
NO_ROWS = {"channel": "meta"}
"""Arguments that name no row, and what they are filled with."""
OF_ORGANIZATION = {"person_id", "invitation_id", "exclusion_id", "connection_id", "removal_id", "task_id"}
"""What the whole organization has in common: administrators see it, whatever the workspace."""
SEEN_BY_ALL = {"syncs.page", "syncs.live_one", "syncs.live_runs", "syncs.run"}
"""Names, sizes and statuses of syncs are seen organization-wide (S4)."""
WHY_NOT = {"syncs.switch_on", "syncs.on_check", "syncs.thresholds"}
"""Pages that tell those who may not act who can; a sync that is on leads back to its page."""
GONE_IS_NO_ERROR = {"contacts.remove_device", "segments.remove"}
"""Taking away what is not there is no error: the answer is the page one came from, and nothing was changed."""

HERS = Words("helium", "helium")
THEIRS = Words("xenon", "xenon")
NEIGHBOURS = Words("krypton", "radon")


@dataclass(frozen=True)
class Door:
    """A way in: a rule of the application with one method, and the arguments that name rows."""

    endpoint: str
    method: str
    kinds: frozenset[str]

    def address(self, app, ids):
        """The address with these rows in it."""
        values = {**NO_ROWS, **ids}
        rule = next(rule for rule in app.url_map.iter_rules(self.endpoint) if self.method in rule.methods)
        named = {name: values[name] for name in rule.arguments}
        return app.url_map.bind("localhost").build(self.endpoint, named, method=self.method)

    def mixtures(self):
        """Each choice of arguments that could be somebody else's; all of them last."""
        kinds = sorted(self.kinds)
        return chain.from_iterable(combinations(kinds, size) for size in range(1, len(kinds) + 1))


def doors(app):
    for rule in app.url_map.iter_rules():
        if ROUTES[rule.endpoint] != PUBLIC:
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield Door(rule.endpoint, method, frozenset(rule.arguments) - set(NO_ROWS))


def everything(session):
    """A digest of each table: what was changed shows by its name."""
    session.rollback()
    told = "select count(*), md5(string_agg(t::text, '|' order by t::text)) from {} t"
    return {name: tuple(session.execute(text(told.format(name))).one()) for name in Base.metadata.tables}


@pytest.fixture(params=list(Role), ids=lambda role: role.value)
def person(request, people):
    return next(each for each in people if each.role == request.param)


@pytest.fixture
def hers(session, workspace, person):
    return make_estate(session, workspace, person, HERS)


@pytest.fixture
def theirs(session):
    """Another organization's."""
    organization = make_organization(session, "Xenon Ltd")
    workspace = make_workspace(session, organization, "Xenon workspace")
    stranger = make_person(session, organization, "Xenon Xaver", Role.PRIMARY_ADMIN, (workspace,))
    return make_estate(session, workspace, stranger, THEIRS)


@pytest.fixture
def neighbours(session, organization):
    """A workspace's of the same organization, with a colleague in it."""
    workspace = make_workspace(session, organization, "Krypton workspace")
    colleague = make_person(session, organization, "Krypton Kim", Role.MARKETING_USER, (workspace,))
    return make_estate(session, workspace, colleague, NEIGHBOURS)


@pytest.fixture
def visitor(app, sign_in, session, person):
    """The person's browser, while all parts of the installation are well. A page that breaks is a failure here."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    session.add_all(Installation(key=f"{part} here", value={}, at=tomorrow) for part in ("worker", "scheduler"))
    session.commit()
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return sign_in(person)


def test_every_kind_of_row_in_an_address_is_tried(app, hers):
    """A page with a new kind of row is tried too, or this fails: tell `make_estate` how to make one."""
    kinds = set().union(*(door.kinds for door in doors(app)))
    assert kinds <= set(hers)


def test_rows_of_another_organization_do_not_exist(app, visitor, session, person, hers, theirs):
    """Whatever is put into an address: nothing of another organization is shown, named or changed (S1)."""
    before, wrong = everything(session), []
    for door in doors(app):
        for foreign in door.mixtures():
            answer = visitor.open(door.address(app, {**hers, **_of(theirs, foreign)}), method=door.method)
            harmless = answer.status_code == REDIRECT and door.endpoint in GONE_IS_NO_ERROR
            if "xenon" in answer.text.lower() or not (answer.status_code in SHUT or harmless):
                wrong.append((door.endpoint, door.method, foreign, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    assert not _changed(before, everything(session))


def test_a_workspace_that_one_is_not_in_stays_shut(app, visitor, session, person, hers, neighbours):
    """Of a workspace that is not one's own only the names, sizes and statuses of syncs are seen, and nothing is changed (S4)."""
    before, wrong = everything(session), []
    for door in doors(app):
        for foreign in door.mixtures():
            if set(foreign) & OF_ORGANIZATION or (person.role in ADMINISTER and _whole(door, foreign)):
                continue
            answer = visitor.open(door.address(app, {**hers, **_of(neighbours, foreign)}), method=door.method)
            if "radon" in answer.text.lower() or not _as_the_table_says(door, foreign, answer):
                wrong.append((door.endpoint, door.method, foreign, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    assert not _changed(before, everything(session))


def test_a_row_named_beside_the_address_is_looked_at_as_well(app, visitor, session, person, hers, theirs, neighbours):
    """What stands in a filter or a form may name a row as well: nothing of others is shown, and nothing is changed (S1, S4)."""
    for estate, word in ((theirs, "xenon"), (neighbours, "radon")):
        if word == "radon" and person.role in ADMINISTER:
            continue
        before, wrong = everything(session), []
        for method, endpoint, said in beside(estate):
            sent = (
                {"query_string": said}
                if method == "GET"
                else {"data": said, "query_string": {"segment": said.get("segment")}}
            )
            answer = visitor.open(Door(endpoint, method, frozenset()).address(app, hers), method=method, **sent)
            if word in answer.text.lower() or answer.status_code == REDIRECT:
                wrong.append((endpoint, method, said, answer.status_code))
        assert not wrong, "\n".join(map(str, wrong))
        assert not _changed(before, everything(session))


def beside(estate):
    """Method, endpoint and what is sent, wherever a row is named by something else than the address's own parts."""
    sync = {"segment": estate["segment_id"], "channel": "meta", "account": "act-1"}
    asked = {"items": [{"field": "segment", "operator": "in_segment", "values": [str(estate["segment_id"])]}]}
    draft = {"name": "Mine", "rules": json.dumps(asked), "segment": estate["segment_id"]}
    for endpoint in ("syncs.home", "syncs.live_list"):
        for name, kind in (("segment", "segment_id"), ("creator", "person_id"), ("workspace", "workspace_id")):
            yield "GET", endpoint, {name: estate[kind]}
    for endpoint in ("syncs.create", "syncs.create_accounts", "syncs.create_start"):
        yield "GET", endpoint, sync
    yield "POST", "syncs.create", sync
    yield "GET", "segments.show", {"with": estate["segment_id"]}
    for endpoint in ("segments.preview", "segments.new"):
        yield "POST", endpoint, draft
    yield "GET", "audit.index", {"actor": f"person:{estate['person_id']}", "sync": estate["public_id"]}
    yield (
        "POST",
        "people.invite",
        {"name": "Lin", "email": "lin@here.example", "role": "view_only", "workspaces": estate["workspace_id"]},
    )
    yield "POST", "people.change", {"role": "view_only", "workspaces": estate["workspace_id"]}


def test_a_number_that_no_row_can_have_is_not_there(app, session, sign_in, grace, workspace):
    """Whoever types digits without end into an address reads that nothing is there, and breaks nothing (bad input)."""
    hers, visitor, broken = make_estate(session, workspace, grace, HERS), sign_in(grace), []
    app.testing = False
    for door in doors(app):
        for kind in door.kinds:
            answer = visitor.open(door.address(app, {**hers, kind: 10**30}), method=door.method)
            if answer.status_code not in SHUT | {NOT_FROM_HERE}:
                broken.append((door.endpoint, door.method, kind, answer.status_code))
    assert not broken, "\n".join(map(str, broken))


def test_ones_own_pages_show_nothing_of_others(app, visitor, session, person, hers, theirs, neighbours):
    """Lists, counts and figures of one's own hold nothing of another organization, nor of a workspace one is not in (S1, S4)."""
    hidden = ["xenon"] if person.role in ADMINISTER else ["xenon", "radon"]
    reached, wrong = set(), []
    for door in doors(app):
        if door.method == "GET" or door.endpoint == "audit.export":
            answer = visitor.open(door.address(app, hers), method=door.method)
            if answer.status_code == OK:
                reached |= door.kinds
            if any(word in answer.text.lower() for word in hidden):
                wrong.append((door.endpoint, [word for word in hidden if word in answer.text.lower()]))
    assert not wrong, "\n".join(map(str, wrong))
    assert reached >= REACHED[person.role]


ADMINISTER = {Role.PRIMARY_ADMIN, Role.ABM_ADMIN}
_LOOKED_AT = {"workspace_id", "segment_id", "company_id", "public_id", "run_id"}
_WORKED_WITH = _LOOKED_AT | {"contact_id", "field_id", "import_id", "integration_id", "ask_id"}
REACHED = {
    Role.VIEW_ONLY: _LOOKED_AT,
    Role.MARKETING_USER: _WORKED_WITH,
    Role.ABM_ADMIN: _WORKED_WITH | {"person_id", "connection_id"},
    Role.PRIMARY_ADMIN: _WORKED_WITH | {"person_id", "connection_id"},
}
"""Rows of one's own that open: the addresses tried above are right, and shut only because the rows are not one's own."""


def _of(estate, kinds):
    return {kind: estate[kind] for kind in kinds}


def _whole(door, foreign):
    """Whether all of the address is of one workspace, which administrators belong to."""
    return set(foreign) == door.kinds and bool(door.kinds & {"workspace_id", "public_id"})


def _as_the_table_says(door, foreign, answer):
    if door.endpoint in SEEN_BY_ALL and set(foreign) == door.kinds:
        return answer.status_code == OK
    if door.endpoint in WHY_NOT and door.method == "GET":
        return answer.status_code in SHUT | {OK, REDIRECT}
    if answer.status_code == REDIRECT:
        return door.endpoint in GONE_IS_NO_ERROR or door.endpoint in WHY_NOT
    return answer.status_code in SHUT


def _changed(before, after):
    return [name for name in before if before[name] != after[name]]
