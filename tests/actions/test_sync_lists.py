"""The Manage Syncs list: filters that combine, counts that agree with them, and speed that does not depend on how many there are."""

import pytest
from sqlalchemy import event, text

from segsync.actions import overviews, sync_census, sync_lists
from segsync.actions.alerts import Cause, open_alert
from segsync.models import Sync
from segsync.rules.sync_filter import SyncFilter
from segsync.rules.terms import Acts, SignInState, Status
from tests.actions.northwind import Northwind
from tests.builders import NOW, make_contact, make_organization, make_person, make_segment, make_sync, make_workspace


@pytest.fixture
def northwind(session):
    return Northwind(session)


def add(northwind, name="Ada", segment="Fintech accounts", **values):
    made = make_segment(northwind.session, northwind.workspace, segment)
    sync = make_sync(northwind.session, made, northwind.integrations[name], **values)
    northwind.session.commit()
    return sync


def found(northwind, person="Ada", **filters):
    page = sync_lists.page(northwind.session, northwind.actor(person), SyncFilter(**filters), 1)
    return [northwind.session.get_one(Sync, listed.id) for listed in page.items]


def test_all_failed_syncs_of_the_organization_or_of_one_person(northwind):
    """status=failed gives everybody's failed syncs, with a creator those of one person. (S5)."""
    hers = add(northwind, "Ada", status=Status.FAILED.value)
    his = add(northwind, "Max", status=Status.FAILED.value)
    add(northwind, "Max")
    assert set(found(northwind, status="failed")) == {hers, his}
    assert found(northwind, status="failed", creator="me") == [hers]
    assert found(northwind, status="failed", creator=str(northwind.people["Max"].id)) == [his]


def test_filters_combine(northwind):
    """Channel, ad account, segment, workspace and text each narrow what the others left. (S5)."""
    wanted = add(northwind, segment="Churned, last 90 days", account_name="Search", account_id="act-5")
    add(northwind, segment="Churned, last 30 days", account_name="Shopping")
    add(northwind, "Max", segment="Fintech")
    assert found(northwind, text="churned search") == [wanted]
    assert found(northwind, account="act-5", channel="meta", workspace=northwind.workspace.id) == [wanted]
    assert found(northwind, segment=wanted.segment_id) == [wanted]
    assert found(northwind, channel="google") == []


@pytest.mark.parametrize("name", ["100%_sure", "C:\\sure", "a/b"])
def test_text_is_taken_as_typed(northwind, name):
    """A percent sign, an underscore or a backslash in the search means itself. (S5)."""
    wanted = add(northwind, segment=name)
    add(northwind, segment="100 others, C: and ab", account_name="100 others, C: and ab")
    assert found(northwind, text=name.removesuffix("sure")) == [wanted]


def test_each_word_is_looked_for_in_every_name(northwind):
    """Segment, ad account by name or number, creator and sync ID: a word may be in any of them, in capitals or not. (S5)."""
    wanted = add(
        northwind, "Max", segment="Ärzte", account_name="Search", account_id="act-77", public_id="SY-0A1B-2C3D"
    )
    add(northwind, segment="Ärzte", account_name="Search")
    assert found(northwind, text="ÄRZTE sEaRch max T-77 1b-2c") == [wanted]
    assert found(northwind, text="ärzte max searchact-77") == []


def test_only_syncs_with_an_open_alert(northwind, session):
    """'Has alert' shows those with an open alert, and what it is stands beside them. (S5, S13)."""
    wanted, _other = add(northwind), add(northwind, segment="Quiet")
    cause = Cause("sync:1", "audience.gone", Acts.OWNER)
    open_alert(session, northwind.organization.id, cause, now=NOW, sync_ids=[wanted.id])
    page = sync_lists.page(session, northwind.actor("Ada"), SyncFilter(alert=True), 1)
    assert [listed.id for listed in page.items] == [wanted.id]
    assert page.alerts[wanted.id].code == "audience.gone"


def test_a_sync_id_finds_its_sync_even_when_deleted(northwind):
    """Whoever quotes a sync ID finds it, in any spelling, also after it was deleted. (S6, B33)."""
    gone = add(northwind, deleted_at=NOW, status=Status.INACTIVE.value, public_id="SY-0A1B-2C3D")
    assert found(northwind, text="please look at sy-oa1b-2c3d") == [gone]
    assert found(northwind) == []


def test_counts_are_of_the_same_filters(northwind):
    """Each tab counts what it would show with the other filters as they are. (S4)."""
    add(northwind, status=Status.FAILED.value)
    add(northwind, status=Status.INACTIVE.value)
    add(northwind, "Max")
    page = sync_lists.page(northwind.session, northwind.actor("Ada"), SyncFilter(creator="me", status="failed"), 1)
    assert page.counts == {"": 2, "failed": 1, "inactive": 1}
    assert page.total == 1


@pytest.mark.parametrize("asked", [{}, {"creator": "me", "status": "failed"}, {"channel": "google"}, {"workspace": 1}])
def test_the_counts_of_the_whole_page_are_those_of_its_list(northwind, asked):
    """Counted together with the overview, each tab has the same figure as when the list updates itself. (S4)."""
    add(northwind, status=Status.FAILED.value, account_name="EU")
    add(northwind, "Max", segment="Quiet", account_name="EU")
    actor, wanted = northwind.actor("Ada"), SyncFilter(**asked)
    fits = sync_lists.fits(actor, wanted)
    census = sync_census.take(northwind.session, actor.organization_id, accounts=True, fits=fits)
    assert {name: count for name, count in census.fitting.items() if count or not name} == sync_lists.counts(
        northwind.session, actor, wanted
    )
    assert (census.by_status[""], set(census.accounts.values())) == (2, {"EU"})


def test_what_needs_somebody_comes_first(northwind):
    """Without an order, failed syncs stand on top, then those under way; inactive ones last. (S4)."""
    for status in (Status.INACTIVE, Status.SYNCED, Status.SYNCING, Status.FAILED):
        add(northwind, segment=status.value, status=status.value)
    assert [sync.status for sync in found(northwind)] == ["failed", "syncing", "synced", "inactive"]


@pytest.mark.parametrize(
    ("sort", "backwards", "expected"),
    [
        ("segment", False, ["adam", "Zoe"]),
        ("segment", True, ["Zoe", "adam"]),
        ("members", False, ["Zoe", "adam"]),
        ("refreshed", True, ["Zoe", "adam"]),
        ("refreshed", False, ["Zoe", "adam"]),
    ],
)
def test_every_order_can_be_turned_around(northwind, sort, backwards, expected):
    """Names sort as people expect; what was never in step comes last either way. (S5)."""
    add(northwind, segment="adam", members_held=1, in_step_since=None)
    add(northwind, segment="Zoe", members_held=9)
    assert [sync.segment.name for sync in found(northwind, sort=sort, backwards=backwards)] == expected


def test_another_organizations_syncs_are_never_listed(northwind, session):
    """Nobody sees another organization's syncs, not by their ID either. (S4)."""
    ours = add(northwind)
    eve = make_person(session, make_organization(session, "Contoso"), "Eve", email="eve@contoso.example")
    northwind.people["Eve"] = eve
    assert found(northwind, "Eve") == []
    assert found(northwind, "Eve", text=ours.public_id) == []


@pytest.fixture
def statements(runtime):
    """The statements that the database was sent."""
    sent = []
    event.listen(runtime.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    return sent


def looked_at(northwind, page, statements):
    """One page of the list with its choices; answers it, the names of its rows, and the statements that this took."""
    session, actor = northwind.session, northwind.actor("Ada")
    session.expire_all()
    statements.clear()
    found = sync_lists.page(session, actor, SyncFilter(creator="me", text="account"), page)
    sync_lists.choices(session, actor, sync_census.take(session, actor.organization_id, accounts=True))
    return found, [(sync.segment, sync.creator, sync.owner) for sync in found.items], list(statements)


@pytest.mark.slow
def test_ten_thousand_syncs_need_the_queries_of_ten(northwind, session, statements):
    """With 10,000 syncs a page needs the same few queries as with one. (S4)."""
    one = add(northwind)
    _, names, of_one = looked_at(northwind, 1, statements)
    assert len(names) == 1
    insert = text("""
        insert into sync (public_id, organization_id, workspace_id, segment_id, channel, account_id, account_name,
                          creator_id, owner_id, integration_id, status, every_seconds, status_since)
        select 'X' || n, organization_id, workspace_id, segment_id, channel, 'a' || n, 'Account ' || n, creator_id,
               owner_id, integration_id, (array['synced', 'failed', 'inactive'])[1 + n % 3], 21600,
               now() - n * interval '1 minute'
        from sync, generate_series(1, 10000) n where id = :id
    """)
    session.execute(insert, {"id": one.id})
    session.commit()
    page, names, of_many = looked_at(northwind, 3, statements)
    assert (len(names), page.total, page.counts["synced"]) == (50, 10_001, 3334)
    assert of_many == of_one


def overview(northwind, name):
    census = sync_census.take(northwind.session, northwind.organization.id)
    return overviews.channels(northwind.session, northwind.actor(name), census)


def test_the_overview_tells_mine_from_the_organizations(northwind, session):
    """Per channel: my sign-in with its ad accounts, who is connected, who must reconnect, active syncs. (S3)."""
    northwind.integrations["Max"].state = SignInState.RECONNECT.value
    add(northwind)
    add(northwind, segment="First run", status=Status.SYNCING.value, was_synced=False)
    add(northwind, segment="Off", status=Status.INACTIVE.value)
    session.commit()
    cards = {card.channel: card for card in overview(northwind, "Ada")}
    meta = cards["meta"]
    assert (meta.mine, meta.accounts, meta.connected, meta.active, meta.syncs) == (
        northwind.integrations["Ada"],
        1,
        2,
        1,
        2,
    )
    assert [one.person.name for one in meta.must_reconnect] == ["Max"]
    assert (cards["google"].mine, cards["google"].state) == (None, SignInState.DISCONNECTED)


def test_view_only_people_need_no_sign_in(northwind):
    """Vera's overview says that she needs none. (S3, S17)."""
    assert not any(card.needed for card in overview(northwind, "Vera"))


def test_the_first_steps_tick_themselves_off(northwind, session):
    """Import contacts, build a segment, connect a channel, create a sync: each is ticked once it was done. (S4)."""
    seen = overviews.glance(session, northwind.actor("Ada"))
    assert (seen.contacts, seen.segment, seen.channel, seen.sync) == (False, True, True, False)
    make_contact(session, northwind.workspace)
    add(northwind)
    assert overviews.glance(session, northwind.actor("Ada")).begun
    contoso = make_organization(session, "Contoso")
    make_workspace(session, contoso)
    northwind.people["Eve"] = make_person(session, contoso, "Eve", email="eve@contoso.example")
    assert not overviews.glance(session, northwind.actor("Eve")).segment
