"""What LinkedIn takes: its capabilities, and how contact and company fields become its identifiers.

Light on purpose: the web process reads the capabilities, so nothing heavy is imported.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.contract import Applies, Capabilities, Key, Kind, Qualifier, Retire, Shape, State

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from connectors.protocols import Words

# LinkedIn hashes an address without any white space, inside it too, not only at its ends.
WHITE_SPACE = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
ORGANIZATION = "urn:li:organization:"

# First name, last name, title and company of a person travel in clear at LinkedIn (only e-mails are hashed), so they are
# never sent. There is no phone identifier, and Apple's advertising id was removed in September 2025.
# https://learn.microsoft.com/linkedin/marketing/matched-audiences/create-and-manage-segment-users
PEOPLE = Shape(
    keys=(
        Key("SHA256_EMAIL", ("SHA256_EMAIL",), ("email",), hashed=True),
        Key("GOOGLE_AID", ("GOOGLE_AID",), ("mobile_ad_id",), hashed=False),
    ),
    qualifiers=(Qualifier("countryCode", ("country",), hashed=False),),
)

# https://learn.microsoft.com/linkedin/marketing/matched-audiences/create-and-manage-segment-companies
COMPANIES = Shape(
    keys=(
        Key("companyWebsiteDomain", ("companyWebsiteDomain",), ("company_domain",), hashed=False),
        Key("organizationUrn", ("organizationUrn",), ("organization_urn",), hashed=False),
    ),
    qualifiers=(
        Qualifier("companyName", ("name",), hashed=False),
        Qualifier("countryCode", ("country",), hashed=False),
    ),
)

CAPABILITIES = Capabilities(
    name="linkedin",
    label="LinkedIn",
    shapes={Kind.PEOPLE: PEOPLE, Kind.COMPANIES: COMPANIES},
    batch_rows=5_000,
    applies=Applies.AT_ONCE,
    smallest_audience=300,
    settles_in=timedelta(hours=48),
    # An audience that nobody touches is archived after 30 days and lost after 90.
    resend_after=timedelta(days=25),
    forgets_after=timedelta(days=90),
    rebuilds_expired=True,
    tells_rows=True,
    # LinkedIn can neither replace nor list members, so it cannot empty an audience by itself: the product takes out
    # what its own ledger holds.
    retire=frozenset({Retire.LEAVE, Retire.DELETE}),
    # The longest name is not published; this length is accepted everywhere.
    name_length=100,
    account_word="ad account",
    # https://learn.microsoft.com/linkedin/marketing/matched-audiences/create-and-manage-segment-destinations
    afterwards={
        State.NOT_KNOWN: "LinkedIn begins to match once it has taken members. That usually takes up to 48 hours.",
        State.BUILDING: (
            "LinkedIn matches, which usually takes up to 48 hours. It can be put into a campaign already, and shows no ads before that."
        ),
        State.UPDATING: "The audience can be used. LinkedIn works the last change in, which usually takes up to a day.",
        State.READY: (
            "The audience can be used: in Campaign Manager it stands under Plan, Audiences. LinkedIn archives what nothing has used or "
            "changed for 30 days."
        ),
        State.TOO_SMALL: (
            "LinkedIn shows ads only from 300 matched members on. More members help, and more identifiers for each; a change "
            "usually counts within 48 hours."
        ),
        State.ARCHIVED: (
            "LinkedIn has put it away, because nothing used or changed it for 30 days. A campaign that uses it brings it back, "
            "which usually takes up to 48 hours."
        ),
    },
    links={
        "account": "https://www.linkedin.com/campaignmanager/accounts/{account}",
        "audience": "https://www.linkedin.com/campaignmanager/accounts/{account}",
        "permissions": "https://www.linkedin.com/help/lms/answer/a425731",
    },
)


def identifiers(members: ir.Table, kind: Kind, words: Words) -> ir.Table:
    """Members with the columns of LinkedIn's shape added, null where nothing is sent."""
    columns = _company(members, words) if kind is Kind.COMPANIES else _person(members, words)
    return members.mutate(**columns)


def _person(members: ir.Table, words: Words) -> dict[str, ir.Value]:
    # Dots and plus-tags of Gmail addresses stay: LinkedIn does not ask for their removal.
    address = words.lower(words.delete_chars(members["email"], WHITE_SPACE))
    return {
        "SHA256_EMAIL": words.sha256_hex(words.blank_to_null(address)),
        "GOOGLE_AID": words.blank_to_null(words.strip(members["mobile_ad_id"])),
        "countryCode": _country(members, words),
    }


def _company(members: ir.Table, words: Words) -> dict[str, ir.Value]:
    return {
        "companyWebsiteDomain": _domain(members["company_domain"], words),
        "organizationUrn": _organization(members["organization_urn"], words),
        "companyName": words.blank_to_null(words.strip(members["name"])),
        "countryCode": _country(members, words),
    }


def _domain(text: ir.StringValue, words: Words) -> ir.StringValue:
    """Bare: no scheme, no `www.`, no path. LinkedIn's own samples look so."""
    address = words.lower(words.delete_chars(text, WHITE_SPACE))
    for scheme in ("https://", "http://"):
        address = words.replace(address, scheme, "")
    host = words.before(address, "/")
    return words.blank_to_null((words.left(host, 4) == "www.").ifelse(words.middle(host, 4, 250), host))


def _organization(text: ir.StringValue, words: Words) -> ir.StringValue:
    """`1035`, `URN:LI:organization:1035` and a prefix given twice all become `urn:li:organization:1035`."""
    rest = words.replace(words.lower(words.delete_chars(text, WHITE_SPACE)), ORGANIZATION, "")
    number = words.blank_to_null(words.keep_only(rest, "0-9"))
    return ORGANIZATION + (number == rest).ifelse(number, None)


def _country(members: ir.Table, words: Words) -> ir.StringValue:
    return words.blank_to_null(words.upper(words.strip(members["country"])))
