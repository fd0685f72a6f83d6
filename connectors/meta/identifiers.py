"""What Meta takes and how it wants people written. Light: imports neither Ibis nor the vendor's SDK.

Rules: https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences#hash
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.contract import Applies, Capabilities, Key, Kind, Qualifier, Shape, State, Statement

if TYPE_CHECKING:
    from collections.abc import Callable

    import ibis.expr.types as ir

    from connectors.protocols import Words

SHAPE = Shape(
    keys=(
        Key("email", ("EMAIL",), ("email",), hashed=True),
        Key("phone", ("PHONE",), ("phone",), hashed=True),
        Key("mobile_ad_id", ("MADID",), ("mobile_ad_id",), hashed=False),
        Key("external_id", ("EXTERN_ID",), ("external_id",), hashed=False),
    ),
    qualifiers=(
        Qualifier("FN", ("first_name",), hashed=True),
        Qualifier("LN", ("last_name",), hashed=True),
        Qualifier("CT", ("city",), hashed=True),
        Qualifier("ST", ("region", "country"), hashed=True),
        Qualifier("ZIP", ("postal_code", "country"), hashed=True),
        Qualifier("COUNTRY", ("country",), hashed=True),
        Qualifier("GEN", ("gender",), hashed=True),
        Qualifier("DOBY", ("birth_date",), hashed=True),
        Qualifier("DOBM", ("birth_date",), hashed=True),
        Qualifier("DOBD", ("birth_date",), hashed=True),
    ),
    expression="1",
)

TERMS_LINK = "https://business.facebook.com/ads/manage/customaudiences/tos/?act={account}"

STATEMENTS = (
    Statement(
        "customer_file_source",
        "These people's data was collected by us from them directly, with all rights and permissions that are needed to use "
        "it for advertising. (Meta is told: USER_PROVIDED_ONLY.)",
        "https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences",
    ),
    Statement(
        "custom_audience_terms",
        "We accepted Meta's Custom Audience Terms for the business that owns this ad account.",
        TERMS_LINK,
    ),
)

CAPABILITIES = Capabilities(
    name="meta",
    label="Meta",
    shapes={Kind.PEOPLE: SHAPE},
    # Meta takes 10,000; connectors have met a limit on the size of a body before it was reached.
    batch_rows=5000,
    applies=Applies.AT_ONCE,
    smallest_audience=100,
    settles_in=timedelta(hours=24),
    # Memberships do not end by themselves, but what an external id stands for is forgotten after 90 days.
    resend_after=timedelta(days=25),
    statements=STATEMENTS,
    # Health and money are what Meta looks for: operation_status 471.
    flagged_words=(
        "bankrupt", "cancer", "credit score", "debt", "depression", "diabetes", "diagnosis", "disability", "disease",
        "foreclosure", "health", "hiv", "income", "insurance claim", "loan", "low income", "medical", "medication", "mortgage",
        "overdraft", "patient", "pregnan", "prescription", "symptom", "therapy", "treatment",
    ),
    name_length=200,
    # https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences
    afterwards={
        State.NOT_KNOWN: "Meta matches what was sent. That usually takes up to a day.",
        State.BUILDING: "Meta still fills it, which usually takes up to a day. Ad sets can use it already.",
        State.UPDATING: "Meta works a change in, which usually takes up to a day.",
        State.READY: "The audience can be used: ad sets can include or exclude it. What changes here usually takes up to a day to count there.",
        State.TOO_SMALL: (
            "Meta shows ads only from about 100 matched people on. More members help, and more identifiers for each; a change "
            "usually counts within a day."
        ),
        State.ARCHIVED: "Meta calls it out of date, because no ad set has used it for 30 days. An ad set that uses it brings it back.",
    },
    links={
        "account": "https://adsmanager.facebook.com/adsmanager/manage/campaigns?act={account}",
        "audience": "https://adsmanager.facebook.com/adsmanager/audiences?act={account}&selected_audience_ids={audience}",
        "terms": TERMS_LINK,
        "permissions": "https://business.facebook.com/settings/ad-accounts",
        "quality": "https://www.facebook.com/accountquality",
    },
)  # fmt: skip

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
WHITE_SPACE = (
    " \t\n\r\v\f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
DIGEST = "^[a-f0-9]{64}$"
EARLIEST_BIRTH = "1900-01-01"

# United States: states, the district, territories and the armed forces' addresses.
US_STATES = {
    "alabama": "al", "alaska": "ak", "arizona": "az", "arkansas": "ar", "california": "ca", "colorado": "co",
    "connecticut": "ct", "delaware": "de", "florida": "fl", "georgia": "ga", "hawaii": "hi", "idaho": "id",
    "illinois": "il", "indiana": "in", "iowa": "ia", "kansas": "ks", "kentucky": "ky", "louisiana": "la", "maine": "me",
    "maryland": "md", "massachusetts": "ma", "michigan": "mi", "minnesota": "mn", "mississippi": "ms", "missouri": "mo",
    "montana": "mt", "nebraska": "ne", "nevada": "nv", "newhampshire": "nh", "newjersey": "nj", "newmexico": "nm",
    "newyork": "ny", "northcarolina": "nc", "northdakota": "nd", "ohio": "oh", "oklahoma": "ok", "oregon": "or",
    "pennsylvania": "pa", "rhodeisland": "ri", "southcarolina": "sc", "southdakota": "sd", "tennessee": "tn",
    "texas": "tx", "utah": "ut", "vermont": "vt", "virginia": "va", "washington": "wa", "westvirginia": "wv",
    "wisconsin": "wi", "wyoming": "wy", "districtofcolumbia": "dc", "washingtondc": "dc", "puertorico": "pr", "guam": "gu",
    "americansamoa": "as", "northernmarianaislands": "mp", "usvirginislands": "vi",
}  # fmt: skip
US_CODES = (*sorted(set(US_STATES.values())), "aa", "ae", "ap")


def identifiers(members: ir.Table, kind: Kind, words: Words) -> ir.Table:
    """Members with Meta's columns added: see `connectors.protocols.Connector.identifiers`."""
    if kind is not Kind.PEOPLE:
        raise ValueError("Meta takes people only")
    plain = {
        "EMAIL": (members.email, words.lower(words.strip(members.email))),
        # most have a plus and then digits only
        "PHONE": (members.phone, words.keep_only(words.replace(members.phone, "+", ""), "0-9")),
        "FN": (members.first_name, _name(members.first_name, words)),
        "LN": (members.last_name, _name(members.last_name, words)),
        "CT": (members.city, words.keep_only(words.lower(members.city), "a-z")),
        "ST": (members.region, _state(members, words)),
        "ZIP": (members.postal_code, _zip(members, words)),
        "COUNTRY": (members.country, words.lower(words.strip(members.country))),
        "GEN": (members.gender, words.lower(words.strip(members.gender)).cases(("female", "f"), ("male", "m"))),
    }
    hashed = {column: _digest(given, text, words) for column, (given, text) in plain.items()}
    sent = {
        "MADID": words.blank_to_null(words.lower(words.strip(members.mobile_ad_id))),
        "EXTERN_ID": words.blank_to_null(members.external_id),
        **_birth(members.birth_date, words),
    }
    everything = {**hashed, **sent}
    return members.mutate(**{column: everything[column] for column in SHAPE.columns})


def _digest(given: ir.StringValue, text: ir.StringValue, words: Words) -> ir.StringValue:
    """The hash; what is one already stays, looked at first because a phone's rule would eat it."""
    bare = words.strip(given)
    already = (given.length() >= 64) & bare.re_search(DIGEST)  # noqa: PLR2004 - SHA-256 in hex
    hashed = already.ifelse(bare, words.sha256_hex(words.blank_to_null(text)))
    return given.isnull().ifelse(
        None, hashed
    )  # most people have few of these fields, and a rule takes its time also over nothing


def _name(text: ir.StringValue, words: Words) -> ir.StringValue:
    """Letters of every alphabet stay: 山田 is a name, José keeps his accent."""
    return words.delete_chars(words.lower(text), PUNCTUATION + WHITE_SPACE)


def _state(members: ir.Table, words: Words) -> ir.StringValue:
    """In the United States the two-letter code or nothing; elsewhere the name without what is no letter."""
    bare = _name(members.region, words)
    code = bare.cases(*US_STATES.items(), *((code, code) for code in US_CODES))
    return _american(members).ifelse(code, bare)


def _zip(members: ir.Table, words: Words) -> ir.StringValue:
    """In the United States the first five; a ZIP+4 is one also where nobody told the country."""
    bare = words.delete_chars(words.lower(members.postal_code), WHITE_SPACE)
    american = _american(members) | (members.country.isnull() & bare.re_search("^[0-9]{5}-[0-9]{4}$"))
    return american.ifelse(words.left(bare, 5), bare)


def _american(members: ir.Table) -> ir.BooleanValue:
    return members.country.fill_null("") == "US"


def _birth(date: ir.StringValue, words: Words) -> dict[str, ir.StringValue]:
    """Year, month and day, each hashed; none of them for a date that Meta does not take."""
    known = (date >= EARLIEST_BIRTH).ifelse(date, None)
    part: Callable[[int, int], ir.StringValue] = lambda start, length: words.sha256_hex(  # noqa: E731 - three of a kind
        words.blank_to_null(words.middle(known, start, length))
    )
    return {"DOBY": part(0, 4), "DOBM": part(5, 2), "DOBD": part(8, 2)}
