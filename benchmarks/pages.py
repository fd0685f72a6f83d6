"""Segment Syncs with ten thousand syncs: server time and queries of the page for every filter."""

from __future__ import annotations

import time
from statistics import median

from flask.testing import FlaskClient
from sqlalchemy import event, text

from benchmarks.channel import Channel
from benchmarks.report import Figure
from benchmarks.stage import Stage
from segsync.actions import browser_sessions
from segsync.app import create_app
from segsync.models import Person
from segsync.rules.sync_filter import SORTS

SYNCS = 10_000
AGAIN = 15
AIM = 0.05
FILL = """
insert into segment (organization_id, workspace_id, name, kind, members, created_by)
select 1, 1, 'Segment ' || n, 'list', 'people', 1 from generate_series(1, :count / 10) n;
insert into sync (public_id, organization_id, workspace_id, segment_id, channel, account_id, account_name, creator_id, owner_id,
                  integration_id, status, status_since, every_seconds, was_synced, members_held)
select 'SY-' || upper(substr(md5(n::text), 1, 4)) || '-' || upper(substr(md5(n::text), 5, 4)), 1, 1, s.id,
       'meta', 'act-' || n % 40, 'Ad account ' || n % 40, 1, 1, 1,
       (array['synced', 'synced', 'synced', 'syncing', 'failed', 'inactive'])[1 + n % 6], now() - n * interval '1 minute',
       21600, true, n
from generate_series(0, :count - 1) n join (select id, row_number() over (order by id) as place from segment where name like 'Segment %') s
  on s.place = 1 + n / 10
on conflict do nothing;
insert into alert (organization_id, code, cause, acts, channel, account_id)
select 1, 'account.no_role', 'benchmark:' || n, 'account_admin', 'meta', 'act-' || n from generate_series(1, 40) n;
insert into alert_sync (alert_id, sync_id)
select a.id, s.id from alert a join sync s on s.account_id = a.account_id and s.status = 'failed' and s.id % 5 = 0
"""
FILTERS = {
    "everything": {},
    "failed": {"status": "failed"},
    "a channel": {"channel": "meta"},
    "an ad account": {"account": "act-7"},
    "a creator": {"creator": "me"},
    "a workspace": {"workspace": "1"},
    "with alerts": {"alert": "yes"},
    "words": {"text": "segment 77"},
    "words that nothing has": {"text": "zzz"},
    "the last page": {"page": "200"},
} | {f"by {name}": {"sort": name} for name in SORTS}


def home(stage: Stage, _: Channel) -> list[Figure]:
    """The whole page, from the request to its last byte; the median of each filter, and the slowest filter."""
    with stage.runtime.sessions.begin() as session:
        for statement in FILL.split(";"):
            session.execute(text(statement), {"count": SYNCS})
        token = browser_sessions.begin(session, session.get_one(Person, 1), "benchmark", stage.runtime.clock())
    stage.vacuum()
    client = create_app(stage.runtime).test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    sent: list[str] = []
    event.listen(stage.runtime.engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    took, queries = {}, {}
    for name, wanted in FILTERS.items():
        took[name], queries[name] = _asked(client, wanted, sent)
    slowest = max(took.values())
    milliseconds = {name: round(seconds * 1000, 1) for name, seconds in took.items()}
    more = {"milliseconds": milliseconds, "queries": queries}
    return [Figure("Segment Syncs with 10,000 syncs, slowest filter", slowest, "s", "0.05", slowest < AIM, more=more)]


def _asked(client: FlaskClient, wanted: dict[str, str], sent: list[str]) -> tuple[float, int]:
    seconds = []
    for _ in range(AGAIN):
        sent.clear()
        began = time.perf_counter()
        reply = client.get("/syncs", query_string=wanted)
        seconds.append(time.perf_counter() - began)
        if reply.status_code != 200:
            raise RuntimeError(f"the page answered {reply.status_code}")
    return median(seconds), len(sent)
