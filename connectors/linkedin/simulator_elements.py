"""How the simulated LinkedIn reads the members of a batch: what it checks of each, and by which keys it knows them.

Written from LinkedIn's published rules, apart from the connector: who is normalised wrongly there does not match here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Element = Mapping[str, Any]

HEX = {"SHA256_EMAIL": re.compile(r"[0-9a-f]{64}"), "SHA512_EMAIL": re.compile(r"[0-9a-f]{128}")}
DEVICE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DOMAIN = re.compile(r"[^\s/:@]+\.[^\s/:@.]+")
ORGANIZATION = re.compile(r"urn:li:organization:[0-9]+")
USER_FIELDS = {"action", "userIds", "firstName", "lastName", "title", "company", "country"}
COMPANY_FIELDS = {
    "action", "companyName", "companyWebsiteDomain", "companyEmailDomain", "organizationUrn", "companyPageUrl",
    "stockSymbol", "industries", "city", "state", "country", "postalCode",
}  # fmt: skip
LENGTHS = {"firstName": 35, "lastName": 35, "title": 50}


def people_hasher(person: Mapping[str, str]) -> Iterable[str]:
    """The keys by which LinkedIn knows a person: the hashes of the address, the device, and the employer."""
    address = "".join(person.get("email", "").lower().split())
    if address:
        yield f"email:{hashlib.sha256(address.encode()).hexdigest()}"
        yield f"email512:{hashlib.sha512(address.encode()).hexdigest()}"
    if person.get("mobile_ad_id"):
        yield f"mobile_ad_id:{person['mobile_ad_id']}"
    if person.get("company_domain"):
        yield f"domain:{person['company_domain'].strip().lower()}"
    if person.get("organization_urn"):
        yield f"organization:urn:li:organization:{person['organization_urn'].rpartition(':')[2].strip()}"


def complaint(element: Any, companies: bool) -> str:
    """Why LinkedIn does not take an element; '' when it does."""
    if not isinstance(element, dict):
        return "The element is not a record"
    unknown = set(element) - (COMPANY_FIELDS if companies else USER_FIELDS)
    if unknown:
        return f"Unrecognized field: {min(unknown)}"
    if element.get("action") not in {"ADD", "REMOVE"}:
        return "Invalid action"
    country = element.get("country")
    if country is not None and not re.fullmatch(r"[A-Z]{2}", str(country)):
        return "Invalid country code"
    return _company_complaint(element) if companies else _user_complaint(element)


def _user_complaint(element: Element) -> str:
    ids = element.get("userIds") or []
    if not ids and not (element.get("firstName") and element.get("lastName")):
        return "At least one user id, or first and last name, is required"
    long = [name for name, most in LENGTHS.items() if len(str(element.get(name, ""))) > most]
    if long:
        return f"{long[0]} is too long"
    return next(filter(None, (_id_complaint(one) for one in ids)), "")


def _id_complaint(one: Any) -> str:
    sort, value = (one.get("idType"), str(one.get("idValue", ""))) if isinstance(one, dict) else (None, "")
    if sort in HEX:
        return "" if HEX[sort].fullmatch(value) else f"Invalid value for {sort}"
    if sort == "GOOGLE_AID":
        return "" if DEVICE.fullmatch(value) else "Invalid value for GOOGLE_AID"
    return "Unsupported idType"


def _company_complaint(element: Element) -> str:
    named = ("companyName", "organizationUrn", "companyWebsiteDomain", "companyEmailDomain", "companyPageUrl")
    if not any(element.get(name) for name in named):
        return "At least one of name, organization, domain or page is required"
    for name, rule in (
        ("companyWebsiteDomain", DOMAIN),
        ("companyEmailDomain", DOMAIN),
        ("organizationUrn", ORGANIZATION),
    ):
        if element.get(name) and not rule.fullmatch(str(element[name])):
            return f"Invalid value for {name}"
    return "Too many industries" if len(element.get("industries", [])) > 3 else ""  # noqa: PLR2004 - published limit


def keys_of(element: Element, companies: bool) -> list[str]:
    """The match keys of an element that was taken."""
    if companies:
        domains = {element.get("companyWebsiteDomain"), element.get("companyEmailDomain")}
        organization = element.get("organizationUrn")
        return [f"domain:{name}" for name in sorted(filter(None, domains))] + (
            [f"organization:{organization}"] if organization else []
        )
    prefixes = {"SHA256_EMAIL": "email", "SHA512_EMAIL": "email512", "GOOGLE_AID": "mobile_ad_id"}
    return [f"{prefixes[one['idType']]}:{one['idValue']}" for one in element.get("userIds", [])]


def split(elements: Sequence[Element], companies: bool) -> tuple[list[list[str]], list[list[str]]]:
    """The rows to add and the rows to remove."""
    rows: dict[str, list[list[str]]] = {"ADD": [], "REMOVE": []}
    for element in elements:
        rows[element["action"]].append(keys_of(element, companies))
    return rows["ADD"], rows["REMOVE"]
