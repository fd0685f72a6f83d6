"""Addresses that people typed: only public ones are called, unless whoever runs this installation lists others.

A name is looked up once and the connection goes to what was found, so that it cannot mean another machine a moment later.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence


class OffLimits(Exception):  # noqa: N818 - read aloud as "off limits"
    """A machine that may not be called from here."""


class NotFound(Exception):  # noqa: N818 - read aloud as "not found"
    """A name that nobody knows."""


def resolved(host: str, port: int, allowed: Sequence[str]) -> str:
    """The number to call for a name. `allowed` lists names and networks that may be called although they are not public.

    Raises OffLimits or NotFound.
    """
    if host in allowed:
        return host if host.startswith("/") else _numbers(host, port)[0]
    if host.startswith("/"):
        raise OffLimits
    numbers = _numbers(host, port)
    if not all(_may(number, allowed) for number in numbers):
        raise OffLimits
    return numbers[0]


def _numbers(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotFound from None
    return list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))


def _may(number: str, allowed: Sequence[str]) -> bool:
    address = ipaddress.ip_address(number)
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return (address.is_global and not address.is_multicast) or any(address in net for net in _networks(allowed))


def _networks(allowed: Sequence[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    found = []
    for each in allowed:
        try:
            found.append(ipaddress.ip_network(each))
        except ValueError:  # a name
            continue
    return found
