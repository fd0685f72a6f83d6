"""Google for the contract suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from connectors.contract import AccountRef
from tests.contract.harness import Harness


@dataclass
class GoogleHarness(Harness):
    """Google for the contract suite. Ada and Grace reach the account through a manager."""

    channel: ClassVar[str] = "google"
    ada: ClassVar[str] = "110000000000000000001"
    grace: ClassVar[str] = "110000000000000000003"
    account: ClassVar[AccountRef] = AccountRef("1001000001", "1001000000")
    view_only: ClassVar[AccountRef] = AccountRef("1001000004")
    closed: ClassVar[AccountRef] = AccountRef("1001000003", "1001000000")
    operations: ClassVar[dict[str, str]] = {"create": "lists.create"}

    def __post_init__(self) -> None:
        """The suite moves the clock by days; an access token lasts an hour otherwise."""
        self.world.put("google", "settings", "main", {"token_seconds": 10**7})

    def _person(self, number: int) -> dict[str, str]:
        """Google matches by name and postal code alone, so nobody may share both with somebody else."""
        return super()._person(number) | {"postal_code": f"{number:05}"}

    def campaign(self, campaign: dict[str, Any]) -> dict[str, Any]:
        return {**campaign, "uses": []}

    def take_access(self, person: str, account: AccountRef) -> None:
        self._role(person, account, None)

    def give_access(self, person: str, account: AccountRef) -> None:
        self._role(person, account, "STANDARD")

    def _role(self, person: str, account: AccountRef, role: str | None) -> None:
        """People have their role where they are users: on the manager that leads to the account."""
        place = account.via or account.remote_id
        doc = self.world.get("google", "accounts", place)
        others = {name: held for name, held in doc["access"].items() if name != person}
        self.world.put("google", "accounts", place, doc | {"access": others | ({person: role} if role else {})})
