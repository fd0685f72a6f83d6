"""Meta for the contract suite."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors.contract import AccountRef
from tests.contract.harness import Harness


class MetaHarness(Harness):
    channel: ClassVar[str] = "meta"
    ada: ClassVar[str] = "10150000000000001"
    grace: ClassVar[str] = "10150000000000003"
    account: ClassVar[AccountRef] = AccountRef("5510001")
    view_only: ClassVar[AccountRef] = AccountRef("5510002")
    closed: ClassVar[AccountRef] = AccountRef("5510004")
    operations: ClassVar[dict[str, str]] = {"create": "create_audience"}

    def campaign(self, campaign: dict[str, Any]) -> dict[str, Any]:
        return {**campaign, "ad_sets": []}

    def take_access(self, person: str, account: AccountRef) -> None:
        self._roles(account, person, None)

    def give_access(self, person: str, account: AccountRef) -> None:
        self._roles(account, person, ["MANAGE", "ADVERTISE", "ANALYZE"])

    def _roles(self, account: AccountRef, person: str, tasks: list[str] | None) -> None:
        doc = self.world.get("meta", "accounts", account.remote_id)
        roles = {name: held for name, held in doc["roles"].items() if name != person}
        roles |= {person: tasks} if tasks else {}
        self.world.put("meta", "accounts", account.remote_id, doc | {"roles": roles})


class MetaFormHarness(MetaHarness):
    """The same with member batches written as forms instead of JSON."""

    usual: ClassVar[dict[str, str]] = {"simulated": "yes", "body": "form"}
