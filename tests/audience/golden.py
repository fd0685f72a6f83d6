"""The golden vectors of every channel as whole tables, so that each engine is asked once for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.contract import Kind
from connectors.registry import CHANNELS
from tests.connectors import test_google_identifiers as google
from tests.connectors import test_linkedin_identifiers as linkedin
from tests.connectors import test_meta_identifiers as meta
from tests.connectors.google_at_hand import sha

Member = Mapping[str, str | None]
WORDS = [
    ("lower", "ÄÉŁ JOSÉ", (), "äéł josé"),
    ("lower", "İPEK ΝΙΚΟΣ", (), "ipek νικοσ"),
    ("upper", "äéł", (), "ÄÉŁ"),
    ("strip", "\t Ada \n", (), "Ada"),
    ("delete_chars", "o'ne-[il]\\", ("'-[]\\",), "oneil"),
    ("keep_only", "Zürich 8001", ("a-z0-9",), "rich8001"),
    ("before", "a.b@mail@x", ("@",), "a.b"),
    ("before", "a.b@mail@x", (".",), "a"),
    ("before", "nothing", ("@",), "nothing"),
    ("after", "a.b@mail@x", ("@",), "mail@x"),
    ("after", "nothing", ("@",), ""),
    ("after", "山田@例", ("@",), "例"),
    ("replace", "a.b.c", (".", "-"), "a-b-c"),
    ("left", "山田太郎", (2,), "山田"),
    ("left", "a", (5,), "a"),
    ("middle", "1990-02-28", (5, 2), "02"),
    ("blank_to_null", "", (), None),
    ("blank_to_null", " ", (), " "),
    ("sha256_hex", "José 山田", (), sha("José 山田")),
    ("matches", "José 山田", ("[^ 0-9]+ [^\\x00-\\x20]{2}",), True),
    ("matches", "José 山田\n", ("[^ 0-9]+ [^\\x00-\\x20]{2}|José",), False),
]
"""A word of the vocabulary, a text, what else it is told, and what it says."""

NOTHING_OF_NOTHING = {
    "sha256_hex": (),
    "lower": (),
    "upper": (),
    "strip": (),
    "blank_to_null": (),
    "matches": ("a",),
    "delete_chars": ("x",),
    "keep_only": ("a-z",),
    "before": ("@",),
    "after": ("@",),
    "replace": ("a", "b"),
    "left": (1,),
    "middle": (0, 1),
}


@dataclass(frozen=True)
class Golden:
    """Members of one kind at one channel, and some of the columns that each must come out with."""

    channel: str
    kind: Kind
    vectors: Sequence[tuple[Member, Member]]

    @property
    def fields(self) -> tuple[str, ...]:
        """What the channel takes of them."""
        return CHANNELS[self.channel].capabilities.shapes[self.kind].fields

    @property
    def columns(self) -> tuple[str, ...]:
        """What it is sent."""
        return CHANNELS[self.channel].capabilities.shapes[self.kind].columns


def _google() -> list[tuple[Member, Member]]:
    home = {"country": "DE", "postal_code": " 10115 "}
    addresses = [({"email": text}, {"emailAddress": sha(normal)}) for text, normal in google.ADDRESSES]
    names = [
        (
            {"first_name": first, "last_name": last, **home},
            dict(zip(google.ADDRESS, (sha(given), sha(family), "DE", "10115"), strict=True)),
        )
        for first, last, given, family in google.NAMES
    ]
    parts = {"email": "emailAddress", "phone": "phoneNumber", "first_name": "givenName", "last_name": "familyName"}
    official = {field: google.OFFICIAL[column][0] for field, column in parts.items()}
    digests = {column: google.OFFICIAL[column][1] for column in parts.values()}
    nothing = dict.fromkeys(google.PEOPLE.columns)
    return [
        *addresses,
        *names,
        ({**official, "country": "US", "postal_code": "94045"}, {**digests, "regionCode": "US"}),
        ({"email": "+shop@gmail.com"}, {"emailAddress": None}),
        ({}, nothing),
        (dict.fromkeys(google.PEOPLE.fields, ""), nothing),
    ]


def _linkedin() -> list[tuple[Member, Member]]:
    pairs = [*linkedin.KNOWN, *linkedin.BY_HAND]
    people: list[tuple[Member, Member]] = [({"email": text}, {"SHA256_EMAIL": digest}) for text, digest in pairs]
    return [*people, ({"country": "de"}, {"countryCode": "DE", "SHA256_EMAIL": None})]


def _companies() -> list[tuple[Member, Member]]:
    return [
        *[({"organization_urn": text}, {"organizationUrn": urn}) for text, urn in linkedin.ORGANIZATIONS],
        *[({"company_domain": text}, {"companyWebsiteDomain": domain}) for text, domain in linkedin.DOMAINS],
    ]


def _meta() -> list[tuple[Member, Member]]:
    return [(person, {column: expected}) for column, person, expected in [*meta.PUBLISHED, *meta.READ]]


GOLDEN = (
    Golden("google", Kind.PEOPLE, _google()),
    Golden("linkedin", Kind.PEOPLE, _linkedin()),
    Golden("linkedin", Kind.COMPANIES, _companies()),
    Golden("meta", Kind.PEOPLE, _meta()),
)
