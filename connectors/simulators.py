"""All channel simulators in one local server, with their control page. `segsync simulate` starts it; tests do so from code."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Self

import flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from connectors import simulation_pages
from connectors.google import simulator as google
from connectors.linkedin import simulator as linkedin
from connectors.meta import simulator as meta
from connectors.simulation import Document, World
from connectors.simulation_control import Attach, Control

HOST = "127.0.0.1"
TICK = 1.0


def _google(campaign: Document, audience: str, how: str) -> Document:
    use = {"audience": audience, "negative": how == "exclude"}
    return campaign | {"uses": [*campaign.get("uses", []), use]}


def _linkedin(campaign: Document, audience: str, how: str) -> Document:
    name = f"{how}s"
    return campaign | {name: [*campaign.get(name, []), audience]}


def _meta(campaign: Document, audience: str, how: str) -> Document:
    empty = {"id": f"62{campaign['key']}", "name": "Everybody", "include": [], "exclude": []}
    first, *others = campaign.get("ad_sets") or [empty]
    return campaign | {"ad_sets": [first | {how: [*first[how], audience]}, *others]}


@dataclass(frozen=True)
class Simulated:
    """One row per channel. `bases` are the channel's base addresses: path on this server, or '' for the gRPC server.

    Under `pages` stand pages for people, in place of the channel's own.
    """

    label: str
    module: ModuleType
    bases: Mapping[str, str]
    attach: Attach


CHANNELS: Mapping[str, Simulated] = {
    "google": Simulated(
        "Google",
        google,
        {
            "accounts": "/google",
            "token": "/google",
            "userinfo": "/google",
            "datamanager": "/google",
            "ads": "",
            "pages": "/pages/google",
        },
        _google,
    ),
    "linkedin": Simulated(
        "LinkedIn", linkedin, {"oauth": "/linkedin", "api": "/linkedin", "pages": "/pages/linkedin"}, _linkedin
    ),
    "meta": Simulated("Meta", meta, {"dialog": "/meta/www", "graph": "/meta/graph", "pages": "/pages/meta"}, _meta),
}


def prepare(world: World) -> None:
    """Teaches a world how each channel knows people, and puts in the demo's fixtures."""
    for name, channel in CHANNELS.items():
        world.register_hasher(name, channel.module.hasher)
        channel.module.seed(world)


def process(world: World) -> None:
    """Lets every channel do what is due by the simulated clock."""
    for channel in CHANNELS.values():
        channel.module.process(world)


def create_app(world: World) -> flask.Flask:
    """The web application: each channel under its name, the control at / and /control."""
    app = flask.Flask("simulators", static_folder=None)
    for name, channel in CHANNELS.items():
        app.register_blueprint(channel.module.blueprint(world), url_prefix=f"/{name}")
    labels = {name: channel.label for name, channel in CHANNELS.items()}
    simulation_pages.mount(app, world, labels)
    attach = {name: channel.attach for name, channel in CHANNELS.items()}
    Control(world, labels, attach, lambda: process(world)).mount(app)
    return app


class _Quiet(WSGIRequestHandler):
    """Graph's addresses carry tokens: no access log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""


class Simulators:
    """The servers, running from the making of it until `stop`. The world stays in the file `path`; None: in memory."""

    def __init__(self, path: Path | None = None, port: int = 0, ads_port: int = 0) -> None:
        """Listens on 127.0.0.1 only; port 0 takes a free one. Raises OSError when a port is taken."""
        # A port that is taken is an error here; werkzeug would end the whole process.
        listener = socket.create_server((HOST, port))
        self.world = World(path)
        prepare(self.world)
        self._web: BaseWSGIServer = make_server(
            HOST,
            listener.getsockname()[1],
            create_app(self.world),
            threaded=True,
            request_handler=_Quiet,
            fd=listener.fileno(),
        )
        listener.close()  # the server holds its own copy
        self._ads, self.ads_port = google.serve_ads(self.world, ads_port)
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._web.serve_forever, name="simulators", daemon=True),
            threading.Thread(target=self._tick, name="simulators' clock", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def port(self) -> int:
        """Where the web server listens."""
        return int(self._web.port)

    @property
    def url(self) -> str:
        """The address of the control page, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def urls(self) -> dict[str, dict[str, str]]:
        """For each channel what `Application.bases` has to hold to reach its simulator."""
        ads = f"http://{HOST}:{self.ads_port}"
        return {
            name: {base: self.url + path if path else ads for base, path in channel.bases.items()}
            for name, channel in CHANNELS.items()
        }

    def _tick(self) -> None:
        while not self._ended.wait(TICK):
            process(self.world)

    def stop(self) -> None:
        """Ends the servers and closes the world. Calling twice is harmless."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._ads.stop(None).wait()
        self._web.shutdown()
        for thread in self._threads:
            thread.join()
        self._web.server_close()
        self.world.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
