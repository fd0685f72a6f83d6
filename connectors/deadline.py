"""A requests session whose calls end: `timeout` of requests starts anew with every byte, this limit does not."""

from __future__ import annotations

import logging
import socket
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from connectors.contract import Around, unwatched

# At DEBUG urllib3 writes whole addresses, and Graph's carry access tokens.
logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)


class _Watch:
    """The socket of the call under way, so that it can be shut from the timer's thread."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.ended = False

    def end(self) -> None:
        self.ended = True
        if self.socket is not None:
            try:
                # The plain socket's own method: the TLS one would take its state away under the reading thread.
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
            except OSError:
                return  # closed meanwhile: nothing is left to end


class _Current(threading.local):
    watch: _Watch | None = None


_current = _Current()


class _Watched(HTTPConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _watch_from_now(self)
        super().request(*args, **kwargs)


class _WatchedTLS(HTTPSConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _watch_from_now(self)
        super().request(*args, **kwargs)


def _watch_from_now(connection: HTTPConnection) -> None:
    """Notes the socket itself: a connection lets go of it while the last body is still being read."""
    if connection.sock is None:
        connection.connect()
    if _current.watch is not None:
        _current.watch.socket = connection.sock


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class _Adapter(HTTPAdapter):
    """Without retries of its own: whether a call may be repeated is for the caller to know."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from putting a .netrc password of the machine in the place of our own header."""
    return request


class DeadlineSession(requests.Session):
    """A session whose every call, body included, ends within `total` seconds with requests.Timeout. Follows no redirect."""

    def __init__(self, total: float = 60.0, around: Around = unwatched) -> None:
        """Both may be changed between calls. Every request passes `around`."""
        super().__init__()
        self.total = total
        self.around = around
        self.auth = _as_given
        # a channel's cookies would tie one sign-in to the next, which may be another organization's
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("http://", _Adapter())
        self.mount("https://", _Adapter())

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As for every session. A body cut short by the limit is never taken for the whole."""
        with self.around(f"{request.method} {request.path_url.partition('?')[0]}"):
            return self._send(request, **kwargs)

    def _send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        watch = _Watch()
        timer = threading.Timer(self.total, watch.end)
        timer.daemon = True
        _current.watch = watch
        timer.start()
        try:
            reply = super().send(request, **{**kwargs, "allow_redirects": False, "stream": False})
        except requests.RequestException:
            if watch.ended:
                raise requests.Timeout("the whole call took too long") from None
            raise
        finally:
            timer.cancel()
            _current.watch = None
        if watch.ended:
            raise requests.Timeout("the whole call took too long")
        return reply
