"""What somebody looks for among people, out of addresses: it may be an e-mail, and addresses stand in logs and histories.

A search is posted, and leads to an address that holds it sealed: paging, reloading, the way back and handing the address on all work.
"""

from __future__ import annotations

from typing import Final

from flask import request

from segsync.vault import VaultLocked
from segsync.web.frame import runtime

LONGEST: Final = 320
_MARK: Final = "search:"
"""Nothing else that is sealed begins so: an address never opens anything but a search."""


def typed_search() -> str:
    """What was posted."""
    return " ".join(request.form.get("q", "").replace("\x00", "").split())[:LONGEST]


def sealed_search(text: str) -> str | None:
    """As an address holds it; None where nothing is looked for."""
    return runtime().vault.seal(_MARK + text) if text else None


def asked_search() -> str:
    """What the address looks for; '' where it holds nothing that was sealed here."""
    sealed = request.args.get("find", "")
    if not sealed.isascii() or not sealed:
        return ""
    try:
        opened = runtime().vault.open(sealed)
    except VaultLocked:
        return ""
    return opened.removeprefix(_MARK) if opened.startswith(_MARK) else ""
