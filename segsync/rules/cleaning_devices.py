"""Ids of linked devices in canonical form. They are no advertising ids: no channel is ever sent one."""

from __future__ import annotations

import re

from segsync.rules.cleaning_text import Reason, Unusable
from segsync.rules.cleaning_values import texts

_IDFV = re.compile(r"[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}")
_ANDROID_ID = re.compile(r"[0-9a-f]{16}")


def idfvs(text: str) -> list[str]:
    """Ids that Apple gives a device for one vendor, in capitals, several as a list is written."""
    return [_known(each.upper(), _IDFV, Reason.NOT_AN_IDFV) for each in texts(text)]


def android_ids(text: str) -> list[str]:
    """Ids of Android devices, in lower case, several as a list is written."""
    return [_known(each.lower(), _ANDROID_ID, Reason.NOT_AN_ANDROID_ID) for each in texts(text)]


def _known(value: str, form: re.Pattern[str], reason: Reason) -> str:
    if not form.fullmatch(value):
        raise Unusable(reason)
    if not value.strip("0-"):
        raise Unusable(Reason.NO_ID_OF_ITS_OWN)
    return value
