"""Which company a contact works for: the one that was named, else the one of the e-mail's domain; never by a free mailbox."""

from __future__ import annotations

from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow
from sqlalchemy.orm import Session

from segsync.rules.free_mail import FREE_MAIL

# A domain that was named and that no company has links nobody: whoever named it meant another employer than the mailbox's.
_FOUND = """
    select c.id, coalesce(named.id, kept.id, by_domain.id, by_mail.id) as company_id,
        coalesce(named.id, kept.id, by_domain.id) is not null as explicit
    from contact c
    {source}
    left join company by_domain on by_domain.workspace_id = c.workspace_id and by_domain.company_domain = c.company_domain
    left join company kept on c.company_explicit and c.company_domain is null and kept.id = c.company_id
    left join company by_mail on by_mail.workspace_id = c.workspace_id and c.company_domain is null
        and by_mail.company_domain = split_part(c.email, '@', 2) and not split_part(c.email, '@', 2) = any(%(free)s)
    where c.workspace_id = %(workspace)s
"""
_LINK = """
    update contact c set company_id = found.company_id, company_explicit = found.explicit, updated_at = now()
    from ({found}) found
    where c.id = found.id and (c.company_id, c.company_explicit) is distinct from (found.company_id, found.explicit)
    returning c.id
"""
_NOBODY_NAMED = "cross join lateral (select null::bigint as id) named"
_BY_STAGE = """
    join import_stage s on s.id = c.id
        and exists (select from company where workspace_id = %(workspace)s)
        and (s.is_new or %(changed)s::bigint[] is null or s.id = any(%(changed)s))
    left join company named on named.workspace_id = c.workspace_id and named.external_id = s.company_external_id
"""
# Whoever is linked to one of them already, and whoever should be by the domain that it has now.
_BY_COMPANIES = f"""
    {_NOBODY_NAMED}
    join (
        select id from contact where company_id = any(%(companies)s)
        union
        select m.id from company e join contact m
            on m.workspace_id = %(workspace)s and m.company_domain = e.company_domain
            where e.id = any(%(companies)s)
        union
        select m.id from company e join contact m
            on m.workspace_id = %(workspace)s and m.company_domain is null and m.email is not null
            and split_part(m.email, '@', 2) = e.company_domain
            where e.id = any(%(companies)s)
    ) theirs on theirs.id = c.id
"""


def link_contacts_in_stage(cursor: Cursor[TupleRow], workspace_id: int, changed: list[int] | None) -> set[int]:
    """Links the contacts of an import's chunk, the new ones and `changed` (None: all); the ids of those whose company changed."""
    return _run(cursor, _FOUND.format(source=_BY_STAGE), {"workspace": workspace_id, "changed": changed})


def link_contacts_of(cursor: Cursor[TupleRow], workspace_id: int, companies: list[int]) -> set[int]:
    """Links the contacts who belong to these companies, or did until now; the ids of those whose company changed."""
    return _run(cursor, _FOUND.format(source=_BY_COMPANIES), {"workspace": workspace_id, "companies": companies})


def link_contact(session: Session, workspace_id: int, contact_id: int) -> None:
    """Links one contact after a change of its e-mail or domain."""
    source = f"{_NOBODY_NAMED} join (values (%(contact)s::bigint)) one(id) on one.id = c.id"
    session.flush()
    _run(_cursor(session), _FOUND.format(source=source), {"workspace": workspace_id, "contact": contact_id})


def link_company(session: Session, workspace_id: int, company_id: int) -> None:
    """Links the contacts of one company after it came, or got another domain."""
    session.flush()
    link_contacts_of(_cursor(session), workspace_id, [company_id])


def _run(cursor: Cursor[TupleRow], found: str, values: dict[str, Any]) -> set[int]:
    cursor.execute(_LINK.format(found=found), {**values, "free": list(FREE_MAIL)})
    return {row[0] for row in cursor.fetchall()}


def _cursor(session: Session) -> Cursor[TupleRow]:
    connection: Any = session.connection().connection.driver_connection
    cursor: Cursor[TupleRow] = connection.cursor()
    return cursor
