"""The channels, by name. The web and the command line use `capabilities` and `oauth`; only workers load the connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from connectors.contract import Application, Capabilities
from connectors.google.identifiers import CAPABILITIES as GOOGLE
from connectors.google.oauth import GoogleOAuth
from connectors.linkedin.identifiers import CAPABILITIES as LINKEDIN
from connectors.linkedin.oauth import LinkedInOAuth
from connectors.meta.identifiers import CAPABILITIES as META
from connectors.meta.oauth import MetaOAuth
from connectors.protocols import Connector, OAuth


@dataclass(frozen=True)
class Channel:
    """One row of the registry. `connector` is the dotted path of a class that takes an `Application`."""

    capabilities: Capabilities
    oauth: OAuth
    connector: str


CHANNELS: Mapping[str, Channel] = {
    "google": Channel(GOOGLE, GoogleOAuth(), "connectors.google.connector.GoogleConnector"),
    "linkedin": Channel(LINKEDIN, LinkedInOAuth(), "connectors.linkedin.connector.LinkedInConnector"),
    "meta": Channel(META, MetaOAuth(), "connectors.meta.connector.MetaConnector"),
}


def load(name: str, app: Application) -> Connector:
    """The connector of a channel. Heavy: imports the vendor's SDK. Raises KeyError for an unknown name."""
    module, _, attribute = CHANNELS[name].connector.rpartition(".")
    return cast("Connector", getattr(import_module(module), attribute)(app))
