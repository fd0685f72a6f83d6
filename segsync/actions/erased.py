"""Proofs of erasures: keyed hashes of what erased people were known by. They recognise a person and tell nobody who it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from segsync.models import ErasedKey, Workspace
from segsync.rules.cleaning_email import mailbox
from segsync.rules.identity import CONTACT_IDENTITY
from segsync.vault import Vault

PURPOSE: Final = "erased people"


def digests(vault: Vault, workspace_id: int, values: Mapping[str, Any]) -> list[str]:
    """What somebody is known by, hashed. External ids are a workspace's own; e-mails and phones are the same everywhere."""
    found = []
    for name in CONTACT_IDENTITY:
        value = values.get(name)
        if value:
            where = f"{workspace_id}:" if name == "external_id" else ""
            found.append(vault.keyed_digest(PURPOSE, f"{name}:{where}{value}"))
    return found


def held_out_by(vault: Vault, workspace_id: int, values: Mapping[str, Any]) -> dict[str, str]:
    """By the digest of what somebody is known by, the hash by which warehouses hold them out, sealed.

    A phone is shared, as `recognised` says: it counts where somebody has no e-mail.
    """
    name, value = ("email", values.get("email")) if values.get("email") else ("phone", values.get("phone"))
    if not value:
        return {}
    (digest,) = digests(vault, workspace_id, {name: value})
    told = mailbox(str(value)) if name == "email" else str(value)
    return {digest: vault.seal(hashlib.sha256(told.encode()).hexdigest())}


def hashes(session: Session, vault: Vault, organization_id: int) -> list[str]:
    """What members of a warehouse who were erased are held out by. Raises VaultLocked."""
    sealed = select(ErasedKey.hash_sealed).where(
        ErasedKey.organization_id == organization_id, ErasedKey.hash_sealed.is_not(None)
    )
    return [vault.open(str(one)) for one in session.scalars(sealed)]


@dataclass(frozen=True)
class Kept:
    """When somebody was erased, by which removal, and by what warehouses hold them out, by digest."""

    at: datetime
    removal_id: int | None = None
    held_out_by: Mapping[str, str] = field(default_factory=dict)


def keep(session: Session, organization_id: int, found: Iterable[str], kept: Kept) -> None:
    """Keeps the proofs of one person."""
    rows = [
        {
            "organization_id": organization_id,
            "digest": digest,
            "erased_at": kept.at,
            "removal_id": kept.removal_id,
            "hash_sealed": kept.held_out_by.get(digest),
        }
        for digest in found
    ]
    if rows:
        session.execute(insert(ErasedKey).values(rows).on_conflict_do_nothing())


def any_in(session: Session, organization_id: int) -> bool:
    """Whether anybody was ever erased: without that nothing has to be hashed."""
    return bool(session.scalar(select(exists().where(ErasedKey.organization_id == organization_id))))


def recognised(
    session: Session, vault: Vault, workspace: Workspace, rows: Sequence[Mapping[str, Any]]
) -> dict[int, datetime]:
    """Which of these rows, by their place, are people who were erased, and when. Asked in one statement.

    A phone alone tells nobody whom it shares from whoever was erased: it counts where a row has nothing stronger.
    """
    if not rows or not any_in(session, workspace.organization_id):
        return {}
    by_digest = _by_digest(vault, workspace, rows)
    found = session.execute(select(ErasedKey.digest, ErasedKey.erased_at).where(_of(workspace, by_digest)))
    return {place: at for digest, at in found for place in by_digest[digest]}


def let_in(session: Session, vault: Vault, workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> None:
    """A named person confirmed that whoever is among these rows comes back: they are not stopped any more."""
    if rows and any_in(session, workspace.organization_id):
        session.execute(delete(ErasedKey).where(_of(workspace, _by_digest(vault, workspace, rows))))


def _of(workspace: Workspace, digests_of: Iterable[str]) -> ColumnElement[bool]:
    return and_(ErasedKey.organization_id == workspace.organization_id, ErasedKey.digest.in_(list(digests_of)))


def _by_digest(vault: Vault, workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    by_digest: dict[str, list[int]] = {}
    for place, values in enumerate(rows):
        strong = values.get("email") or values.get("external_id")
        known = {**values, "phone": None} if strong else values
        for digest in digests(vault, workspace.id, known):
            by_digest.setdefault(digest, []).append(place)
    return by_digest


def export(session: Session) -> Iterator[str]:
    """Every proof as a line of JSON, to be kept apart from the backups."""
    for key in session.scalars(select(ErasedKey).order_by(ErasedKey.organization_id, ErasedKey.digest)):
        at = key.erased_at.isoformat()
        hashed = {"hash_sealed": key.hash_sealed} if key.hash_sealed else {}
        yield json.dumps({"organization": key.organization_id, "digest": key.digest, "erased_at": at} | hashed)
