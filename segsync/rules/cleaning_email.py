"""E-mail addresses and domains in canonical form."""

from __future__ import annotations

import re
import unicodedata

from segsync.rules.cleaning_text import HASHED, Reason, Unusable, plain

LONGEST_EMAIL, LONGEST_LOCAL = 254, 64
# What nearly every address looks like once it is lower-case: nothing is left to look at.
_ORDINARY = re.compile(r"[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
# A name before the address, as mail programs copy it: Ada <ada@example.com>
_NAMED = re.compile(r"[^<>]*<([^<>]+)>")
_OTHER_HASHES = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
_AFTER_HOST = re.compile(r"[/?#:].*")


def folded(text: str) -> str:
    """Lower-case in the form in which look-alikes of width are one letter."""
    before = ""
    while before != text:
        before = text
        text = unicodedata.normalize("NFKC", text.lower())
    return text


def email(text: str) -> str:
    """`Ada <ADA@Example.com>` as `ada@example.com`. Letters outside ASCII stay as they are."""
    text = text.lower() if text.isascii() else folded(text)
    if len(text) <= LONGEST_LOCAL and _ORDINARY.fullmatch(text):
        return text
    return _odd_email(_unwrapped(text))


def _unwrapped(text: str) -> str:
    named = _NAMED.fullmatch(text)
    return (named[1] if named else text).strip().removeprefix("mailto:").strip("\"' ,;<>()[]")


def _odd_email(text: str) -> str:
    plain(text, LONGEST_EMAIL)
    if HASHED.fullmatch(text) or _OTHER_HASHES.fullmatch(text):
        raise Unusable(Reason.ALREADY_HASHED)
    if text.count("@") != 1:
        raise Unusable(Reason.NO_AT)
    if " " in text:
        raise Unusable(Reason.SPACE_INSIDE)
    local, _, host = text.partition("@")
    if not local or not host or len(local) > LONGEST_LOCAL:
        raise Unusable(Reason.NO_AT)
    if ".." in text or local[0] == "." or local[-1] == "." or host[-1] == ".":
        raise Unusable(Reason.TRAILING_DOT)
    if not _LOCAL.fullmatch(local):
        raise Unusable(Reason.NO_AT)
    return f"{local}@{_host(host)}"


def _host(host: str) -> str:
    labels = host.split(".")
    usable = len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    if not usable or len(labels[-1]) < 2 or labels[-1].isdigit():  # noqa: PLR2004 - the shortest top-level domain
        raise Unusable(Reason.BAD_DOMAIN)
    return host


def domain(text: str) -> str:
    """`https://www.Example.com/about` as `example.com`; also out of an e-mail address."""
    text = folded(plain(text, 2000))
    host = _AFTER_HOST.sub("", _SCHEME.sub("", text, count=1)).rpartition("@")[2].strip(" .")
    while host.startswith("www.") and host.count(".") > 1:
        host = host.removeprefix("www.")
    if len(host) > LONGEST_EMAIL:
        raise Unusable(Reason.TOO_LONG)
    return _host(host)


def domain_of(address: str) -> str:
    """What stands after the @ of a clean address."""
    return address.rpartition("@")[2]


GMAIL = ("gmail.com", "googlemail.com")
"""Where dots, and what follows a plus, mean nothing. https://support.google.com/mail/answer/7436150"""


def mailbox(address: str) -> str:
    """What a clean address is delivered to: `j.doe+shop@gmail.com` as `jdoe@gmail.com`, any other as it is.

    `audience.exclusions.mailbox_of` says the same in the database, `audience.warehouse_stage` of a warehouse's cells.
    """
    local, _, host = address.partition("@")
    bare = local.partition("+")[0].replace(".", "")
    return f"{bare}@{host}" if host in GMAIL and bare else address
