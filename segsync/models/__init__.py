"""Tables by noun; columns and relationships only."""

from segsync.models.contact import Company, Contact, CustomField, ImportJob, LinkedDevice
from segsync.models.exclusion import Exclusion
from segsync.models.organization import (
    BrowserSession,
    Installation,
    Invitation,
    Organization,
    Person,
    SigninAttempt,
    Workspace,
    WorkspacePerson,
)
from segsync.models.oversight import Alert, AlertSync, Ask, AuditEvent
from segsync.models.removal import ErasedKey, Removal, RemovalTask
from segsync.models.run import BatchTaken, DataFile, Ledger, Run, RunBatch
from segsync.models.segment import Segment, SegmentMember, SegmentSize
from segsync.models.sync import AdAccount, Integration, OAuthFlow, StatementMade, StatusMove, Sync
from segsync.models.turn import AccountTurn, LimitScope
from segsync.models.warehouse import WarehouseConnection, WarehouseSource

__all__ = [
    "AccountTurn",
    "AdAccount",
    "Alert",
    "AlertSync",
    "Ask",
    "AuditEvent",
    "BatchTaken",
    "BrowserSession",
    "Company",
    "Contact",
    "CustomField",
    "DataFile",
    "ErasedKey",
    "Exclusion",
    "ImportJob",
    "Installation",
    "Integration",
    "Invitation",
    "Ledger",
    "LimitScope",
    "LinkedDevice",
    "OAuthFlow",
    "Organization",
    "Person",
    "Removal",
    "RemovalTask",
    "Run",
    "RunBatch",
    "Segment",
    "SegmentMember",
    "SegmentSize",
    "SigninAttempt",
    "StatementMade",
    "StatusMove",
    "Sync",
    "WarehouseConnection",
    "WarehouseSource",
    "Workspace",
    "WorkspacePerson",
]
