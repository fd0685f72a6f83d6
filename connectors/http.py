"""Plain HTTP to a channel: with a limit on the whole call, careful retries, and nothing personal in the log.

Every answer is handed back whatever its status; only a call that got no answer raises: TryLater(TIMEOUT) or TryLater(OUTAGE).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from connectors.contract import Around, unwatched
from connectors.deadline import DeadlineSession
from connectors.problems import Code, TryLater

log = logging.getLogger(__name__)

CONNECT = 10.0
READ = 30.0
ATTEMPTS = 3
PAUSE = 0.3
# Repeating one of these does what doing it once does. A POST may have been applied although no answer came.
SAFE = frozenset({"GET", "HEAD"})
PASSING = frozenset({502, 503, 504})


class Client:
    """Calls to one base address. Holds a session: use one per worker, not across threads or forks."""

    def __init__(self, base: str, *, total: float = 60.0, around: Around = unwatched) -> None:
        """`total` is the limit in seconds for a call together with its retries; each of them passes `around`."""
        self.base = base.rstrip("/")
        self._total = total
        self._session = DeadlineSession(total, around)

    def call(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        raw_query: str | None = None,
    ) -> requests.Response:
        """The channel's answer, with its body read. `raw_query` is sent exactly as given. Follows no redirect.

        Raises TryLater(TIMEOUT) when the answer stays out, and TryLater(OUTAGE) when the channel cannot be reached.
        """
        address = f"{self.base}{path}"
        request = requests.Request(method.upper(), address, params=params, json=json, data=form, headers=headers)
        prepared = self._session.prepare_request(request)
        if raw_query is not None:
            # Preparing would encode it anew; some channels tell apart %28 and a parenthesis.
            prepared.url = f"{prepared.url}?{raw_query}"
        return self._attempts(prepared, time.monotonic() + self._total)

    def _attempts(self, prepared: requests.PreparedRequest, deadline: float) -> requests.Response:
        pause = PAUSE
        for _ in range(ATTEMPTS - 1):
            try:
                reply = self._send(prepared, deadline)
            except requests.RequestException as error:
                if not _may_repeat(prepared, error):
                    raise _problem(error) from None
            else:
                if reply.status_code not in PASSING or prepared.method not in SAFE:
                    return reply
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause *= 2
        try:
            return self._send(prepared, deadline)
        except requests.RequestException as error:
            raise _problem(error) from None

    def _send(self, prepared: requests.PreparedRequest, deadline: float) -> requests.Response:
        began = time.monotonic()
        left = deadline - began
        if left <= 0:
            raise requests.Timeout("no time is left")
        self._session.total = left
        around = self._session.merge_environment_settings(self.base, {}, None, None, None)
        outcome = "no answer"
        try:
            reply = self._session.send(prepared, timeout=(min(CONNECT, left), min(READ, left)), **around)
            outcome = str(reply.status_code)
            return reply
        finally:
            # The path only: queries and headers carry tokens, bodies carry people.
            log.debug("%s %s: %s, %.2f s", prepared.method, _path(prepared), outcome, time.monotonic() - began)


def _may_repeat(prepared: requests.PreparedRequest, error: requests.RequestException) -> bool:
    return prepared.method in SAFE or _never_sent(error)


def _never_sent(error: requests.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _problem(error: requests.RequestException) -> TryLater:
    """The cause by its class only: its text would show the address with its query."""
    return TryLater(Code.TIMEOUT if isinstance(error, requests.Timeout) else Code.OUTAGE, raw=type(error).__name__)


def _path(prepared: requests.PreparedRequest) -> str:
    return prepared.path_url.partition("?")[0]
