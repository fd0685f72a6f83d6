"""The vendor's SDK on a session of our own: every answer is looked at before the SDK sees it.

The SDK takes a proxy's page for a success, and its errors carry the members of a request in their text: so problems are raised
here. `FacebookAdsApi.init` is never called: it would send crash reports, and share one sign-in among all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import requests
from facebook_business.api import Cursor, FacebookAdsApi
from facebook_business.session import FacebookSession

from connectors.contract import Application, Around
from connectors.deadline import DeadlineSession
from connectors.limits import Usage
from connectors.meta import limits, replies
from connectors.meta.oauth import GRAPH, version
from connectors.problems import Code, TryLater

CONNECT_AND_READ = (10.0, 60.0)
# Sign-ins whose connection is kept open in one worker; the oldest makes room.
KEPT = 16


class GraphSession(DeadlineSession):
    """Raises our problems instead of handing a bad answer on, and keeps what each answer tells of Meta's limits."""

    def __init__(self, seconds: float, around: Around, heard: list[Usage]) -> None:
        """`heard` is where it is kept."""
        super().__init__(seconds, around)
        self._heard = heard

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As for every session. Raises any ConnectorProblem."""
        try:
            reply = super().send(request, **kwargs)
        except requests.RequestException as error:
            code = Code.TIMEOUT if isinstance(error, requests.Timeout) else Code.OUTAGE
            raise TryLater(code, raw=type(error).__name__) from None
        self._heard += limits.usage(reply.headers)
        found = replies.problem(reply.status_code, _json(reply), reply.headers)
        if found is not None:
            raise found
        return reply


class Graph:
    """Opens the SDK for one sign-in after another. Not for several threads."""

    def __init__(self, app: Application) -> None:
        """Opens no connection yet."""
        self._app = app
        self._base = app.bases.get("graph", GRAPH)
        self._open: OrderedDict[str, FacebookAdsApi] = OrderedDict()
        self._heard: list[Usage] = []

    def heard(self) -> Sequence[Usage]:
        """What the answers since the last time told of limits."""
        told = tuple(self._heard)
        self._heard.clear()
        return told

    def api(self, access_token: str) -> Any:
        """The SDK's entry for this token, to be given to every object as `api=`."""
        if access_token not in self._open:
            self._open[access_token] = self._connect(access_token)
        self._open.move_to_end(access_token)
        while len(self._open) > KEPT:
            _, oldest = self._open.popitem(last=False)
            oldest._session.requests.close()  # noqa: SLF001 - the SDK offers no way to close it
        return self._open[access_token]

    def _connect(self, access_token: str) -> FacebookAdsApi:
        session = FacebookSession(self._app.client_id, self._app.client_secret, access_token, timeout=CONNECT_AND_READ)
        session.GRAPH = self._base
        ours = GraphSession(self._app.request_seconds, self._app.around, self._heard)
        # The token and its proof, which the SDK sends with every call.
        ours.params = dict(session.requests.params)
        session.requests.close()
        session.requests = ours
        return FacebookAdsApi(session, api_version=version(self._app))

    def post(self, access_token: str, path: str, body: bytes, content_type: str) -> requests.Response:
        """Posts a body that we prepared, on the SDK's own session."""
        session = self.api(access_token)._session  # noqa: SLF001 - the SDK encodes 20 times slower and offers no other way
        address = f"{self._base}/{version(self._app)}/{path}"
        reply: requests.Response = session.requests.post(
            address, data=body, headers={"Content-Type": content_type}, timeout=session.timeout
        )
        return reply


def everything(cursor: Cursor) -> Iterator[dict[str, Any]]:
    """All rows of all pages as plain data. The SDK's own loop ends at a page that is empty although more follow."""
    while True:
        for row in cursor:
            yield row.export_all_data()
        if cursor._finished_iteration:  # noqa: SLF001 - the only place where the SDK tells
            return


def _json(reply: requests.Response) -> Any:
    try:
        return reply.json()
    except requests.JSONDecodeError:
        return None
