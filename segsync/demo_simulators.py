"""What the demo asks of the simulators' control: known people, consent, campaigns, and things that go wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import requests

AT_A_TIME: Final = 2_000
SECONDS: Final = 60


@dataclass
class Simulators:
    """The control API of the simulators at an address."""

    url: str
    http: requests.Session = field(default_factory=requests.Session)

    def know(self, people: Iterable[Mapping[str, str]]) -> None:
        """Adds known people."""
        left = iter(people)
        while some := list(islice(left, AT_A_TIME)):
            self._post("/control/people", some)

    def consent(self, channel: str, address: str, name: str) -> dict[str, str]:
        """Signs somebody in on the consent page at `address`; returns what the channel hands to the return address."""
        asked = dict(parse_qsl(urlsplit(address).query))
        scopes = asked["scope"].replace(",", " ").split()
        form = {"signin": self._signin(channel, name), "scope": scopes, "decision": "allow"}
        reply = self.http.post(address, data=form, allow_redirects=False, timeout=SECONDS)
        return dict(parse_qsl(urlsplit(reply.headers["Location"]).query))

    def account(self, channel: str, name: str) -> str:
        """The id of an ad account."""
        return self._named(channel, "accounts", name)

    def change_account(self, channel: str, name: str, **values: Any) -> None:
        """Changes an ad account, as its admin would in the channel's own pages."""
        self._post(f"/control/{channel}/accounts", {"key": self._named(channel, "accounts", name), **values})

    def use_audience(self, channel: str, account: str, audience: str) -> None:
        """Lets the campaigns of an ad account use an audience: the first includes it, the second excludes it."""
        mine = [row for row in self._list(channel, "campaigns") if str(row["account"]) == account]
        for campaign, how in zip(mine, ("include", "exclude"), strict=False):
            path = f"/control/{channel}/campaigns/{campaign['key']}/audiences"
            self._post(path, {"audience": audience, "use": how})

    def go_wrong(self, channel: str, kind: str, **where: Any) -> None:
        """Orders a fault that lasts until it is ended."""
        self._post(f"/control/{channel}/faults", {"kind": kind, **where})

    def person(self, channel: str, name: str) -> str:
        """The id of a sign-in at the channel."""
        return self._signin(channel, name)

    def _signin(self, channel: str, name: str) -> str:
        return self._named(channel, "signins", name)

    def _named(self, channel: str, sort: str, name: str) -> str:
        return str(next(row["key"] for row in self._list(channel, sort) if row["name"] == name))

    def _list(self, channel: str, sort: str) -> list[dict[str, Any]]:
        reply = self.http.get(f"{self.url}/control/{channel}/{sort}", timeout=SECONDS)
        reply.raise_for_status()
        rows: list[dict[str, Any]] = reply.json()[sort]
        return rows

    def _post(self, path: str, body: Any) -> None:
        self.http.post(self.url + path, json=body, timeout=SECONDS).raise_for_status()
