"""Estates: one row of everything that an address can name, with a word planted wherever text stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from segsync.models import (
    Alert,
    AlertSync,
    Ask,
    AuditEvent,
    BrowserSession,
    CustomField,
    Exclusion,
    ImportJob,
    Invitation,
    LinkedDevice,
    Organization,
    Person,
    Removal,
    RemovalTask,
    Run,
    RunBatch,
    SegmentMember,
    SegmentSize,
    StatementMade,
    StatusMove,
    Sync,
    WarehouseConnection,
    Workspace,
)
from tests.builders import (
    NOW,
    NUMBERS,
    make_company,
    make_contact,
    make_integration,
    make_segment,
    make_sync,
)


@dataclass(frozen=True)
class Words:
    """What is planted: `named` in names that the whole organization may read, `kept` in what stays in the workspace."""

    named: str
    kept: str


def make_estate(session: Session, workspace: Workspace, person: Person, words: Words) -> Mapping[str, Any]:
    """The rows, by the names that arguments of addresses have."""
    organization = session.get_one(Organization, workspace.organization_id)
    ids = {"workspace_id": workspace.id, "person_id": person.id}
    ids |= _records(session, workspace, person, words)
    ids |= _syncs(session, workspace, person, words)
    ids |= _oversight(session, organization, person, words)
    ids |= _removal(session, ids, words)
    _alert(session, organization, ids, words)
    session.commit()
    return ids


def _records(session: Session, workspace: Workspace, person: Person, words: Words) -> dict[str, Any]:
    kept = words.kept
    company = make_company(session, workspace, name=f"{kept} works", company_domain=f"{kept}{workspace.id}.example")
    contact = make_contact(
        session,
        workspace,
        email=f"{kept}{workspace.id}@people.example",
        first_name=kept,
        last_name=kept,
        city=kept,
        tags=[kept],
        external_id=f"{kept}-{workspace.id}",
        company_id=company.id,
        subscription_source=kept,
        custom={kept: kept},
    )
    device = LinkedDevice(
        workspace_id=workspace.id, contact_id=contact.id, kind="idfv", value=f"{kept}-{next(NUMBERS)}"
    )
    field = CustomField(workspace_id=workspace.id, subject="contact", key=kept, label=f"{kept} field", type="text")
    put_in = ImportJob(
        workspace_id=workspace.id,
        person_id=person.id,
        subject="contact",
        file_name=f"{kept}.csv",
        file_path=f"/nowhere/{kept}.csv",
        file_bytes=1,
        state="done",
        options={"shape": {"encoding": "utf-8", "delimiter": ",", "columns": [kept]}},
    )
    session.add_all([device, field, put_in])
    session.flush()
    return {
        "contact_id": contact.id,
        "member_id": contact.id,
        "company_id": company.id,
        "device_id": device.id,
        "field_id": field.id,
        "import_id": put_in.id,
    }


def _syncs(session: Session, workspace: Workspace, person: Person, words: Words) -> dict[str, Any]:
    contact = make_contact(session, workspace, email=f"{words.kept}-listed{workspace.id}@people.example")
    segment = make_segment(session, workspace, f"{words.named} segment", person, size=1, refreshed_at=NOW)
    rules = {"items": [{"field": "email", "operator": "equals", "values": [f"{words.kept}@naming.example"]}]}
    ruled = make_segment(session, workspace, f"{words.named} ruled", person, kind="rule", rules=rules, size=1)
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    session.add(SegmentSize(segment_id=segment.id, size=1, at=NOW))
    signin = make_integration(session, person, "meta", name=f"{words.kept}@signin.example")
    pending = make_integration(session, person, "meta", state="pending", name=f"{words.kept}@pending.example")
    sync = make_sync(
        session,
        segment,
        signin,
        account_name=f"{words.named} ad account",
        audience_id=f"{words.named}-audience",
        audience_name=f"{words.named} audience",
    )
    make_sync(session, ruled, signin, account_name=f"{words.named} ad account", status="inactive", off_reason="spring")
    run = Run(
        organization_id=sync.organization_id,
        sync_id=sync.id,
        why="first",
        state="done",
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        started_by=person.id,
        references=[f"{words.named}-trace"],
    )
    session.add(run)
    session.flush()
    session.add(RunBatch(run_id=run.id, number=1, action="add", rows=1, accepted=1, acked_at=NOW))
    session.add(StatusMove(sync_id=sync.id, run_id=run.id, before="syncing", after="synced", at=NOW))
    session.add(
        StatementMade(
            organization_id=sync.organization_id,
            sync_id=sync.id,
            person_id=person.id,
            name="terms",
            version="1",
            text=f"{words.named} statement",
        )
    )
    return {
        "segment_id": segment.id,
        "public_id": sync.public_id,
        "run_id": run.id,
        "integration_id": pending.id,
        "signin": signin.id,
    }


def _oversight(session: Session, organization: Organization, person: Person, words: Words) -> dict[str, Any]:
    invitation = Invitation(
        organization_id=organization.id,
        email=f"{words.named}{next(NUMBERS)}@invited.example",
        name=f"{words.named} invited",
        role="view_only",
        workspace_ids=[],
        token_digest=f"{words.named}-{next(NUMBERS)}",
        expires_at=NOW.replace(year=NOW.year + 1),
    )
    ask = Ask(
        organization_id=organization.id,
        person_id=person.id,
        kind="accounts",
        params={"integration": 0},
        state="failed",
        problem_code="access.none",
        problem_raw=f"{words.kept} raw",
    )
    event = AuditEvent(
        organization_id=organization.id,
        actor_kind="person",
        actor_id=person.id,
        actor_name=f"{words.named} actor",
        event="workspace.create",
        subject_kind="workspace",
        subject_id=1,
        subject_name=f"{words.named} subject",
    )
    browser = BrowserSession(
        token_digest=f"{words.kept}-{next(NUMBERS)}",
        person_id=person.id,
        browser=f"{words.kept} browser",
        began_at=NOW,
        last_used_at=NOW,
        ends_at=NOW + timedelta(days=1),
    )
    connection = WarehouseConnection(
        organization_id=organization.id,
        name=f"{words.named} warehouse {next(NUMBERS)}",
        engine="duckdb",
        url_sealed=f"{words.kept}",
        place=f"/{words.named}",
    )
    exclusion = Exclusion(organization_id=organization.id, kind="email", value=f"{words.kept}@kept-out.example")
    session.add_all([invitation, ask, event, browser, exclusion, connection])
    session.flush()
    ids = {"invitation_id": invitation.id, "ask_id": ask.id, "browser_id": browser.id}
    return {**ids, "exclusion_id": exclusion.id, "connection_id": connection.id}


def _removal(session: Session, ids: Mapping[str, Any], words: Words) -> dict[str, Any]:
    sync = session.query(Sync).filter_by(public_id=ids["public_id"]).one()
    removal = Removal(
        organization_id=sync.organization_id,
        workspace_id=sync.workspace_id,
        contact_id=ids["contact_id"],
        sort="consent",
        state="removing",
        reason=f"{words.named} reason",
        due_at=NOW,
        next_at=NOW,
    )
    session.add(removal)
    session.flush()
    task = RemovalTask(removal_id=removal.id, sync_id=sync.id, next_at=NOW, reference=f"{words.named}-receipt")
    session.add(task)
    session.flush()
    return {"removal_id": removal.id, "task_id": task.id}


def _alert(session: Session, organization: Organization, ids: Mapping[str, Any], words: Words) -> None:
    sync = session.query(Sync).filter_by(public_id=ids["public_id"]).one()
    alert = Alert(
        organization_id=organization.id,
        code="signin.expired",
        cause=f"integration:{ids['signin']}:{words.named}",
        acts="person",
        person_id=sync.owner_id,
        channel="meta",
        integration_id=ids["signin"],
        account_id=sync.account_id,
        facts={"person": f"{words.named} person", "channel": "meta", "account": f"{words.named} ad account"},
        reference=f"{words.named}-reference",
    )
    session.add(alert)
    session.flush()
    session.add(AlertSync(alert_id=alert.id, sync_id=sync.id, run_id=ids["run_id"]))
