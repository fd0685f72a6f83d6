"""What goes wrong at a simulated channel: faults that a person or test orders, and the generic ones carried out.

Generic kinds: `slow` (facts: seconds), `error` (facts: status, body), `html` (a proxy's page), `cut_before` (hangs up without
doing anything), `cut` (does what was asked, then hangs up). All other kinds are the channel's own.
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import flask

from connectors.simulation_store import Document, Store

GENERIC = frozenset({"slow", "error", "html", "cut", "cut_before"})
PROXY_PAGE = (
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong now."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Faults(Store):
    """The faults that were ordered."""

    def add_fault(  # noqa: PLR0913 - each narrows down where it strikes
        self,
        channel: str,
        kind: str,
        *,
        operation: str = "",
        account: str = "",
        person: str = "",
        times: int = 0,
        facts: Mapping[str, Any] | None = None,
    ) -> str:
        """Orders a fault and returns its id. '' matches everything; `times` 0 stays until it is cleared."""
        number = uuid.uuid4().hex[:12]
        where = {"operation": operation, "account": account, "person": person}
        self.put(channel, "faults", number, {"kind": kind, "times": times, "facts": dict(facts or {}), **where})
        return number

    def clear_faults(self, channel: str = "", fault_id: str = "") -> None:
        """Ends one fault, all of a channel, or all."""
        with self.transaction() as db:
            db.execute(
                "DELETE FROM documents WHERE sort = 'faults' AND ? IN ('', channel) AND ? IN ('', key)",
                (channel, fault_id),
            )

    def faults(self, channel: str = "") -> list[Document]:
        """The faults ordered, of one channel or of all, each with `key` and `channel`."""
        with self.lock:
            rows = self._db.execute("SELECT DISTINCT channel FROM documents WHERE sort = 'faults'").fetchall()
        return [
            fault | {"channel": name} for (name,) in rows if channel in {"", name} for fault in self.all(name, "faults")
        ]

    def fault(
        self, channel: str, operation: str, *, account: str = "", person: str = "", kinds: Collection[str] = ()
    ) -> Fault | None:
        """The first fault that strikes here, counted down; None when all is well.

        `kinds` are those that mean something here; a fault of another kind is left for where it does. () takes all.
        """
        here = {"operation": operation, "account": account, "person": person}
        with self.lock:
            for order in self.all(channel, "faults"):
                strikes = all(order[name] in {"", value} for name, value in here.items())
                if strikes and (not kinds or order["kind"] in kinds):
                    self._count_down(channel, order)
                    return Fault(order["kind"], order["facts"])
        return None

    def _count_down(self, channel: str, order: Document) -> None:
        if order["times"] == 1:
            self.drop(channel, "faults", order["key"])
        elif order["times"] > 1:
            self.put(channel, "faults", order["key"], order | {"times": order["times"] - 1})


def misbehave(fault: Fault | None) -> flask.Response | None:
    """Carries out a generic fault; a response has to be returned at once. None: go on (also after `slow` and with `cut`)."""
    if fault is None:
        return None
    if fault.kind == "slow":
        time.sleep(float(fault.facts.get("seconds", 1)))
    elif fault.kind == "error":
        return flask.Response(str(fault.facts.get("body", "")), status=int(fault.facts.get("status", 503)))
    elif fault.kind == "html":
        return flask.Response(PROXY_PAGE, status=502, mimetype="text/html")
    elif fault.kind == "cut_before":
        return hang_up(flask.Response(status=500))
    elif fault.kind == "cut":
        flask.after_this_request(hang_up)
    return None


def hang_up(response: flask.Response) -> flask.Response:
    """Closes the caller's connection, so that the response never arrives."""
    connection = flask.request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return response
