"""Audience members as they arrive at the simulated Data Manager API: checked to the letter, and read into match keys.

The rules are Google's own: https://developers.google.com/data-manager/api/devguides/concepts/formatting
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.google.simulator_errors import Refused

MOST_MEMBERS = 10_000
MOST_IDENTIFIERS = 10
# So many bad records are named in one refusal; whether Google stops naming them somewhere is not published.
NAMED = 200
DATA = ("userData", "compositeData", "mobileData", "userIdData", "pairData", "ppidData")
ENCODINGS = {"HEX": "HEX", 1: "HEX", "BASE64": "BASE64", 2: "BASE64"}
CONSENTS = {"CONSENT_GRANTED": "granted", 1: "granted", "CONSENT_DENIED": "denied", 2: "denied"}
GMAIL = {"gmail.com", "googlemail.com"}
Bad = tuple[str, str]
"""A reason and the path of the field below its member."""


class Member:
    """One member: its match keys, which sorts of identifier they are, and its own word on consent."""

    def __init__(self, body: Mapping[str, Any], encoding: str) -> None:
        """Raises Refused with one field, relative to the member."""
        self.shape = _shape(body)
        holder = body["compositeData"] if self.shape == "compositeData" else body
        data = holder.get("userData") if isinstance(holder, dict) else None
        identifiers = data.get("userIdentifiers", []) if isinstance(data, dict) else []
        if not identifiers:
            raise Refused("NO_IDENTIFIERS_PROVIDED", ["user_data.user_identifiers"])
        if len(identifiers) > MOST_IDENTIFIERS:
            raise Refused("TOO_MANY_USER_IDENTIFIERS", ["user_data.user_identifiers"])
        read = [_identifier(one, f"user_data.user_identifiers[{n}]", encoding) for n, one in enumerate(identifiers)]
        self.keys = [f"{sort}:{value}" for sort, value in read]
        self.sorts = Counter(sort for sort, _ in read)
        self.consent = body.get("consent")


def members(found: Any, encoding: Any) -> list[Member]:
    """All members, or Refused naming every bad one: one bad record sinks the whole request."""
    if encoding not in ENCODINGS:
        raise Refused("REQUIRED_FIELD_MISSING", ["encoding"])
    if not isinstance(found, list) or not found:
        raise Refused("REQUIRED_FIELD_MISSING", ["audience_members"])
    if len(found) > MOST_MEMBERS:
        raise Refused("TOO_MANY_AUDIENCE_MEMBERS", ["audience_members"])
    read, bad = [], []
    for index, body in enumerate(found):
        try:
            read.append(Member(body if isinstance(body, dict) else {}, ENCODINGS[encoding]))
        except Refused as refused:
            bad.append((refused.reason, f"audience_members[{index}].{refused.fields[0]}"))
    if bad:
        raise Refused(bad[0][0], [path for _, path in bad[:NAMED]])
    if len({member.shape for member in read}) > 1:
        raise Refused("MULTIPLE_DATA_TYPES_NOT_ALLOWED", ["audience_members"])
    return read


def _shape(body: Mapping[str, Any]) -> str:
    present = [name for name in DATA if name in body]
    if len(present) > 1:
        raise Refused("MULTIPLE_DATA_TYPES_NOT_ALLOWED", ["data"])
    if not present or present[0] not in {"userData", "compositeData"}:
        raise Refused("INVALID_AUDIENCE_MEMBER", ["data"])
    return present[0]


def _identifier(body: Any, path: str, encoding: str) -> tuple[str, str]:
    if not isinstance(body, dict) or len(body) != 1:
        raise Refused("INVALID_AUDIENCE_MEMBER", [path])
    ((name, value),) = body.items()
    if name == "emailAddress":
        return "email", _hash(value, f"{path}.email_address", encoding)
    if name == "phoneNumber":
        return "phone", _hash(value, f"{path}.phone_number", encoding)
    if name == "address" and isinstance(value, dict):
        return "address", _address(value, f"{path}.address", encoding)
    raise Refused("INVALID_AUDIENCE_MEMBER", [path])


def _address(value: Mapping[str, Any], path: str, encoding: str) -> str:
    for name in ("givenName", "familyName", "regionCode", "postalCode"):
        if not value.get(name):
            raise Refused("REQUIRED_FIELD_MISSING", [f"{path}.{name}"])
    region, postal = str(value["regionCode"]), str(value["postalCode"])
    if not re.fullmatch(r"[A-Za-z]{2}", region):
        raise Refused("INVALID_REGION_CODE", [f"{path}.region_code"])
    if len(postal) > 12 or not re.fullmatch(r"[\w\s-]+", postal):  # noqa: PLR2004 - a hash or a street is no postal code
        raise Refused("INVALID_POSTAL_CODE", [f"{path}.postal_code"])
    given = _hash(value["givenName"], f"{path}.given_name", encoding)
    family = _hash(value["familyName"], f"{path}.family_name", encoding)
    return address_key(given, family, region, postal)


def _hash(value: Any, path: str, encoding: str) -> str:
    """The hash as lower-case hex. A clear address or number never passes."""
    text = str(value)
    if encoding == "HEX":
        if not re.fullmatch(r"[0-9a-fA-F]*", text):
            raise Refused("INVALID_HEX_ENCODING", [path])
        raw = text.lower()
    else:
        raw = _from_base64(text, path)
    if len(raw) != 64:  # noqa: PLR2004 - hex digits of SHA-256
        raise Refused("INVALID_SHA256_FORMAT", [path])
    return raw


def _from_base64(text: str, path: str) -> str:
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        raise Refused("INVALID_BASE64_ENCODING", [path]) from None


def consent(own: Any, request: Any) -> str:
    """'' when both were granted, else the reason for which the record is left out. A member's word wins over the request's."""
    for name in ("adUserData", "adPersonalization"):
        given = next((part[name] for part in (own, request) if isinstance(part, dict) and name in part), None)
        word = CONSENTS.get(given, "") if given is not None else None
        if word is None:
            return "NO_CONSENT"
        if word != "granted":
            return "DENIED_CONSENT" if word else "UNKNOWN_CONSENT"
    return ""


# -- how this channel knows the population -------------------------------------------------------------------------


def hasher(person: Mapping[str, str]) -> Iterator[str]:
    """The match keys of a person with these raw contact fields."""
    field: Callable[[str], str] = lambda name: (person.get(name) or "").strip()  # noqa: E731 - short and local
    mailbox = _mailbox(field("email").lower())
    if mailbox:
        yield f"email:{_sha(mailbox)}"
    digits = re.sub(r"\D", "", field("phone"))
    if digits:
        yield f"phone:{_sha('+' + digits)}"
    parts = [field(name) for name in ("first_name", "last_name", "country", "postal_code")]
    if all(parts):
        given, family, region, postal = parts
        yield f"address:{address_key(_sha(given.lower()), _sha(family.lower()), region, postal)}"


def _mailbox(email: str) -> str:
    local, _, domain = email.partition("@")
    if domain in GMAIL:
        local = local.split("+")[0].replace(".", "")
    return f"{local}@{domain}" if local and domain else ""


def address_key(given: str, family: str, region: str, postal: str) -> str:
    """An address matches as a whole."""
    return f"{given}|{family}|{region.upper()}|{postal.strip()}"


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def rate_range(matched: int, total: int) -> str:
    """The range that a request's match rate falls into."""
    percent = 100 * matched / total if total else 0
    if percent < 20:  # noqa: PLR2004 - the first range
        return "MATCH_RATE_RANGE_LESS_THAN_20"
    if percent < 31:  # noqa: PLR2004 - the second is half-open and one wider
        return "MATCH_RATE_RANGE_20_TO_30"
    low = min(int((percent - 1) // 10) * 10 + 1, 91)
    return f"MATCH_RATE_RANGE_{low}_TO_{low + 9}"


def counts(found: Sequence[Member]) -> list[dict[str, str]]:
    """How many identifiers of each sort were sent."""
    names = {"email": "EMAIL", "phone": "PHONE_NUMBER", "address": "ADDRESS"}
    total: Counter[str] = sum((member.sorts for member in found), Counter())
    return [{"type": names[sort], "count": str(number)} for sort, number in total.items()]
