"""Segment Syncs with very many syncs: whatever is filtered, the page asks the database as often as with a few."""

import pytest
from sqlalchemy import event, text

from segsync.rules.sync_filter import SORTS
from tests.builders import make_integration, make_segment, make_sync

FEW, MANY = 10, 1_000
MORE = """
    with made as (
        insert into segment (organization_id, workspace_id, name, kind, members, created_by)
        select organization_id, workspace_id, 'Segment ' || n, 'list', 'people', created_by
        from segment, generate_series(cast(:low as int), cast(:high as int)) n where id = :segment returning id
    ), syncs as (
        insert into sync (public_id, organization_id, workspace_id, segment_id, channel, account_id, account_name,
                          creator_id, owner_id, integration_id, status, every_seconds)
        select 'X' || made.id, organization_id, workspace_id, made.id, channel, 'a' || made.id, 'Account ' || made.id,
               creator_id, owner_id, integration_id, (array['synced', 'failed', 'syncing', 'inactive'])[1 + made.id % 4], 21600
        from sync, made where sync.id = :sync returning id, organization_id, status
    ), runs as (
        insert into run (organization_id, sync_id, why, state) select organization_id, id, 'schedule', 'queued'
        from syncs where status = 'syncing'
    ), alerts as (
        insert into alert (organization_id, code, cause, acts)
        select organization_id, 'account.no_role', 'sync ' || id, 'account_admin' from syncs where status = 'failed'
        returning id, substr(cause, 6)::bigint as sync_id
    )
    insert into alert_sync (alert_id, sync_id) select id, sync_id from alerts
"""
FILTERS = (
    [
        {},
        {"status": "failed"},
        {"channel": "meta"},
        {"account": "a7"},
        {"creator": "me"},
        {"workspace": "1"},
        {"segment": "1"},
        {"alert": "yes"},
        {"text": "segment"},
        {"page": "2"},
    ]
    + [{"sort": sort} for sort in SORTS]
    + [{"sort": "-members"}]
)


@pytest.fixture
def more(runtime, session, workspace, ada):
    """Adds syncs up to so many."""
    segment = make_segment(session, workspace, "Everybody", ada)
    first = make_sync(session, segment, make_integration(session, ada))
    session.commit()
    made = [1]

    def up_to(number: int) -> None:
        added = {"low": made[0] + 1, "high": number, "segment": segment.id, "sync": first.id}
        with runtime.sessions.begin() as here:
            here.execute(text(MORE), added)
            here.execute(text("analyze"))  # as the database does by itself a little later
        made[0] = number

    return up_to


def asked(runtime, client, wanted: dict[str, str]) -> int:
    """How many statements a page takes. Now and then one of them also looks for workers and scheduler: then the other counts."""
    return min(asked_once(runtime, client, wanted) for _ in range(2))


def asked_once(runtime, client, wanted: dict[str, str]) -> int:
    sent = []

    def note(*told) -> None:
        sent.append(told[2])

    event.listen(runtime.engine, "before_cursor_execute", note)
    try:
        assert client.get("/syncs", query_string=wanted).status_code == 200
    finally:
        event.remove(runtime.engine, "before_cursor_execute", note)
    return len(sent)


def test_a_thousand_syncs_take_as_many_queries_as_ten_whatever_is_filtered(runtime, sign_in, ada, more):
    """No query for each sync, alert or run, for no filter and no order. (S4)."""
    client = sign_in(ada)
    counts = []
    for number in (FEW, MANY):
        more(number)
        counts.append([asked(runtime, client, wanted) for wanted in FILTERS])
    assert max(counts[1]) <= max(counts[0])
