"""LinkedIn for the contract suite."""

from __future__ import annotations

from typing import ClassVar

from connectors.contract import AccountRef
from tests.contract.harness import Harness


class LinkedInHarness(Harness):
    channel: ClassVar[str] = "linkedin"
    ada: ClassVar[str] = "ada"
    grace: ClassVar[str] = "grace"
    account: ClassVar[AccountRef] = AccountRef("507001")
    view_only: ClassVar[AccountRef] = AccountRef("507003")
    closed: ClassVar[AccountRef] = AccountRef("507004")
    usual: ClassVar[dict[str, str]] = {"simulated": "yes", "source_platform": "SEGSYNC", "pause_after_create": "0"}
    operations: ClassVar[dict[str, str]] = {"create": "segments.create"}

    def take_access(self, person: str, account: AccountRef) -> None:
        self._role(account, person, "")

    def give_access(self, person: str, account: AccountRef) -> None:
        self._role(account, person, "CAMPAIGN_MANAGER")

    def _role(self, account: AccountRef, person: str, role: str) -> None:
        doc = self.world.get("linkedin", "accounts", account.remote_id)
        self.world.put("linkedin", "accounts", account.remote_id, doc | {"roles": doc["roles"] | {person: role}})
