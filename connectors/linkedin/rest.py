"""LinkedIn's versioned REST API: its headers, its Rest.li query strings, and its pages of results.

https://learn.microsoft.com/linkedin/marketing/versioning
https://learn.microsoft.com/linkedin/shared/api-guide/concepts/protocol-version
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import requests

from connectors.contract import Application
from connectors.http import Client
from connectors.linkedin.oauth import api_base
from connectors.linkedin.replies import OK, content, problem, reference
from connectors.problems import Code, UnexpectedReply

# The newest version whose end is announced: 15 July 2027.
VERSION = "202607"
PAGE = 100


def urn(kind: str, number: str) -> str:
    """LinkedIn's name of a thing."""
    return f"urn:li:{kind}:{number}"


def encoded(value: str) -> str:
    """A value as it stands inside a Rest.li query: everything but letters and digits escaped, colons of URNs too."""
    return quote(value, safe="")


def query(**parts: str | int) -> str:
    """A query string of values that are encoded already; the parentheses and commas of Rest.li stay as they are."""
    return "&".join(f"{name}={value}" for name, value in parts.items())


class Rest:
    """Calls with one application's version and address."""

    def __init__(self, app: Application) -> None:
        """Opens nothing yet."""
        self._client = Client(f"{api_base(app)}/rest", total=app.request_seconds, around=app.around)
        self._version = app.version or VERSION

    def call(
        self, token: str, method: str, path: str, *, query: str = "", body: Any = None, action: str = ""
    ) -> requests.Response:
        """The answer of a call that LinkedIn accepted. `action` is Rest.li's method where HTTP's is too coarse.

        Raises the problem of `replies` otherwise.
        """
        headers = {
            "Authorization": f"Bearer {token}",
            "LinkedIn-Version": self._version,
            "X-Restli-Protocol-Version": "2.0.0",
            "Content-Type": "application/json",
        }
        if action:
            headers["X-RestLi-Method"] = action
        reply = self._client.call(method, path, json=body, headers=headers, raw_query=query or None)
        if reply.status_code not in OK:
            raise problem(reply)
        return reply

    def read(self, token: str, path: str, *, query: str = "") -> dict[str, Any]:
        """The JSON object at an address."""
        reply = self.call(token, "GET", path, query=query)
        told = content(reply)
        if not told:
            raise UnexpectedReply(Code.UNEXPECTED, raw=str(reply.status_code), reference=reference(reply))
        return told

    def numbered(self, token: str, path: str, search: str) -> Iterator[dict[str, Any]]:
        """Everything that a finder gives which counts its pages by `start` and `count`."""
        start = 0
        while True:
            told = self.read(token, path, query=f"{search}&{query(start=start, count=PAGE)}")
            elements = told.get("elements", [])
            yield from elements
            start += len(elements)
            total = told.get("paging", {}).get("total")
            if len(elements) < PAGE if total is None else start >= int(total) or not elements:
                return

    def chained(self, token: str, path: str, search: str) -> Iterator[dict[str, Any]]:
        """Everything that a finder gives which names its next page by a token."""
        after = ""
        while True:
            page = query(pageSize=PAGE, **({"pageToken": encoded(after)} if after else {}))
            told = self.read(token, path, query=f"{search}&{page}")
            yield from told.get("elements", [])
            # The documentation shows the token in both places.
            after = str(told.get("metadata", {}).get("nextPageToken") or told.get("nextPageToken") or "")
            if not after:
                return


def made_id(reply: requests.Response) -> str:
    """The id of what a call made; '' where LinkedIn did not tell."""
    return reply.headers.get("x-restli-id") or reply.headers.get("x-linkedin-id") or ""
