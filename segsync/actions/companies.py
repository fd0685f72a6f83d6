"""Companies as people look them up and edit them. Everything stays inside one workspace. Callers commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, func, select, union
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.actions.company_links import link_company
from segsync.actions.import_merge import lock
from segsync.actions.records import cleaned, prefix, put
from segsync.models import Company, Contact, Workspace
from segsync.rules.cleaning_text import tidy
from segsync.rules.identity import COMPANY_IDENTITY
from segsync.rules.rights import Right

FOUND_AT_MOST: Final = 50
_TAKEN: Final = {
    "external_id": "Another company has this external id.",
    "company_domain": "Another company has this domain.",
}


def in_workspace(workspace: Workspace) -> Select[Company]:
    """All companies of a workspace, newest first."""
    return select(Company).where(Company.workspace_id == workspace.id).order_by(Company.id.desc())


def count(session: Session, workspace: Workspace) -> int:
    """How many companies a workspace has."""
    return session.scalar(select(func.count()).where(Company.workspace_id == workspace.id)) or 0


def search(session: Session, workspace: Workspace, text: str) -> Sequence[Company]:
    """Companies whose name, domain or external id begins so. At most 50."""
    text = tidy(text)
    if not text:
        return []
    mine = select(Company.id).where(Company.workspace_id == workspace.id)
    ways = (
        func.lower(Company.name).like(prefix(text.lower())),
        Company.company_domain.like(prefix(text.lower())),
        Company.external_id.like(prefix(text)),
    )
    ids = union(*(select(mine.where(way).limit(FOUND_AT_MOST).subquery().c.id) for way in ways)).subquery()
    found = select(Company).where(Company.id.in_(select(ids.c.id)))
    return session.scalars(found.order_by(func.lower(Company.name), Company.id).limit(FOUND_AT_MOST)).all()


def find(session: Session, workspace: Workspace, company_id: int) -> Company:
    """A company of this workspace. Raises Refused."""
    company = session.get(Company, company_id)
    if company is None or company.workspace_id != workspace.id:
        raise NotThere("There is no such company in this workspace.")
    return company


def people_of(company: Company) -> Select[Contact]:
    """Who works there."""
    mine = Contact.workspace_id == company.workspace_id
    return select(Contact).where(mine, Contact.company_id == company.id).order_by(Contact.id.desc())


def people_counts(session: Session, workspace: Workspace, ids: Sequence[int]) -> dict[int, int]:
    """How many contacts work at each of these companies; those with nobody are left out."""
    counted = (
        select(Contact.company_id, func.count())
        .where(Contact.workspace_id == workspace.id, Contact.company_id.in_(ids))
        .group_by(Contact.company_id)
    )
    return {company: number for company, number in session.execute(counted) if company is not None}


def create(session: Session, actor: Actor, workspace: Workspace, raw: Mapping[str, str]) -> Company:
    """A new company; the contacts of its domain are linked to it. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    values = _cleaned(session, workspace, raw)
    lock(session, workspace.id)
    _check_taken(session, workspace, values)
    company = Company(workspace_id=workspace.id, custom={}, tags=[])
    session.add(company)
    put(company, values)
    session.flush()
    link_company(session, workspace.id, company.id)
    record(session, actor, "company.create", subject(company))
    session.refresh(company)
    return company


def change(session: Session, actor: Actor, workspace: Workspace, company_id: int, raw: Mapping[str, str]) -> list[str]:
    """Sets the fields that were typed; an empty one is emptied. The names of those that changed. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    company = find(session, workspace, company_id)
    values = _cleaned(session, workspace, raw)
    lock(session, workspace.id)
    _check_taken(session, workspace, values, but=company.id)
    changed = put(company, values)
    if changed:
        session.flush()
        if "company_domain" in changed:
            link_company(session, workspace.id, company.id)
        record(session, actor, "company.change", subject(company), change=({}, {"fields": sorted(changed)}))
        session.refresh(company)
    return changed


def subject(company: Company) -> Subject:
    """A company as the audit trail names it."""
    return Subject("company", company.id, company.name or company.company_domain or f"Company {company.id}")


def _cleaned(session: Session, workspace: Workspace, raw: Mapping[str, str]) -> dict[str, Any]:
    values = cleaned(session, workspace, "company", raw)
    if not any(values.get(name) for name in ("name", *COMPANY_IDENTITY)):
        raise Refused("Give the company a name or a domain.", field="name")
    return values


def _check_taken(session: Session, workspace: Workspace, values: Mapping[str, Any], but: int = 0) -> None:
    for name, sentence in _TAKEN.items():
        if not values.get(name):
            continue
        same = getattr(Company, name) == values[name]
        mine = select(Company.id).where(Company.workspace_id == workspace.id, Company.id != but)
        other = session.scalar(mine.where(same))
        if other:
            link = ("Open that company", f"/w/{workspace.id}/companies/{other}")
            raise Refused(sentence, field=name, link=link)
