"""Northwind and its people, with a segment and working sign-ins: what tests of syncs and sign-ins begin with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from connectors.registry import CHANNELS
from segsync.actions.actor import Actor
from segsync.actions.syncs import Created, Wanted, create, statement_key
from segsync.models import AdAccount, Integration, Organization, Person, Segment, Sync, Workspace
from segsync.rules.terms import Role
from segsync.runtime import Runtime
from tests.builders import (
    NOW,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)

ACCOUNT = "act-77"


@dataclass
class Northwind:
    """Ada and Max market, Grace and Alan administer, Vera looks. Ada, Max and Grace see the ad account on Meta."""

    session: Session
    limit: int = 40
    organization: Organization = field(init=False)
    workspace: Workspace = field(init=False)
    people: dict[str, Person] = field(init=False)
    segment: Segment = field(init=False)
    integrations: dict[str, Integration] = field(init=False)

    def __post_init__(self) -> None:
        roles = {
            "Ada": Role.MARKETING_USER,
            "Max": Role.MARKETING_USER,
            "Grace": Role.PRIMARY_ADMIN,
            "Alan": Role.ABM_ADMIN,
            "Vera": Role.VIEW_ONLY,
        }
        self.organization = make_organization(self.session, contracted_limit=self.limit)
        self.workspace = make_workspace(self.session, self.organization)
        self.people = {
            name: make_person(self.session, self.organization, name, role, (self.workspace,))
            for name, role in roles.items()
        }
        self.segment = make_segment(self.session, self.workspace, "Enterprise prospects", self.people["Ada"])
        self.integrations = {name: self.connect(name) for name in ("Ada", "Max", "Grace")}
        self.session.commit()

    def actor(self, name: str) -> Actor:
        return Actor.person(self.people[name])

    def connect(self, who: str, channel: str = "meta", **values: Any) -> Integration:
        """A sign-in that sees the ad account, checked a moment ago."""
        integration = make_integration(self.session, self.people[who], channel, **values)
        self.see(integration)
        return integration

    def see(self, integration: Integration, remote_id: str = ACCOUNT, **values: Any) -> AdAccount:
        row = {"name": "Northwind EU", "seen_at": NOW, "checked_at": NOW, **values}
        account = AdAccount(integration_id=integration.id, remote_id=remote_id, **row)
        self.session.add(account)
        self.session.flush()
        return account

    def wanted(self, channel: str = "meta", **values: Any) -> Wanted:
        """The segment to the ad account, with every statement ticked."""
        ticked = frozenset(statement_key(one) for one in CHANNELS[channel].capabilities.statements)
        return Wanted(
            **{
                "segment_id": self.segment.id,
                "channel": channel,
                "account_id": ACCOUNT,
                "statements": ticked,
                **values,
            }
        )

    def create(self, runtime: Runtime, name: str = "Ada", **values: Any) -> Created:
        """A sync that somebody created."""
        made = create(runtime, self.session, self.actor(name), self.wanted(**values))
        self.session.commit()
        return made

    def sync(self, name: str = "Ada", **values: Any) -> Sync:
        """A sync that stands there already, in step."""
        made = make_sync(
            self.session,
            self.segment,
            self.integrations[name],
            account_id=ACCOUNT,
            account_name="Northwind EU",
            **values,
        )
        self.session.commit()
        return made
