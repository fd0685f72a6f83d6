"""What Google takes, as data, and how members become Google's identifiers.

Light on purpose: the web and the command line read it, so neither Ibis nor Google's libraries are imported at run time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.contract import Applies, Capabilities, Key, Kind, Shape, State, Statement
from connectors.protocols import Words

if TYPE_CHECKING:
    import ibis.expr.types as ir

# https://developers.google.com/data-manager/api/devguides/concepts/formatting
# Mobile advertising ids need an audience of their own (upload key type MOBILE_ID, with the app's id), and a list's key
# type can never change. This connector keeps contact lists (CONTACT_ID), so `mobile_ad_id` is not sent to Google.
ADDRESS = ("givenName", "familyName", "regionCode", "postalCode")

PEOPLE = Shape(
    keys=(
        Key("emailAddress", ("emailAddress",), ("email",), hashed=True),
        Key("phoneNumber", ("phoneNumber",), ("phone",), hashed=True),
        Key("address", ADDRESS, ("first_name", "last_name", "country", "postal_code"), hashed=True),
    ),
    expression="1",
)

# Gmail ignores dots and everything from a plus; no other provider is known to, so theirs stay.
GMAIL = ("gmail.com", "googlemail.com")

CAPABILITIES = Capabilities(
    name="google",
    label="Google",
    shapes={Kind.PEOPLE: PEOPLE},
    batch_rows=10_000,
    applies=Applies.LATER,
    smallest_audience=100,
    settles_in=timedelta(hours=24),
    # Members leave 540 days after they were last added; sending everybody again also heals what only Google can see.
    resend_after=timedelta(days=25),
    forgets_after=timedelta(days=540),
    consents=("ad_user_data", "ad_personalization"),
    statements=(
        Statement(
            name="customer_match",
            text=(
                "These contacts gave their data to us directly, our privacy policy tells them that we share it for advertising, "
                "and we accept Google's Customer Match policy for this ad account."
            ),
            link="https://support.google.com/adspolicy/answer/6299717",
        ),
    ),
    tells_rows=True,
    poll_after=timedelta(minutes=30),
    account_word="Google Ads account",
    # Sizes and what is needed to serve: https://support.google.com/google-ads/answer/7476585
    afterwards={
        State.NOT_KNOWN: "Google matches what was sent to people it knows. That usually takes 6 to 24 hours.",
        State.BUILDING: (
            "Google matches people and works out sizes. Matching usually takes up to a day, sizes up to two. From 100 people on "
            "who were active in the last 30 days it can show ads."
        ),
        State.UPDATING: (
            "Google knows its size, and does not let ads be shown to it yet. That usually changes within a day; where it does "
            "not, the audience's own page at Google says what is missing."
        ),
        State.READY: (
            "The audience can be used: campaigns on Search, YouTube and Display can include or exclude it. What changes here "
            "usually takes up to a day to count there."
        ),
        State.TOO_SMALL: (
            "Google shows ads only from 100 people on who were active in the last 30 days. It works sizes out anew within two "
            "days; more members help, and more identifiers for each."
        ),
    },
    links={
        "audience": "https://ads.google.com/aw/audiences/management?__e={account}",
        "account": "https://ads.google.com/aw/overview?__e={account}",
        "terms": "https://support.google.com/adspolicy/answer/6299717",
        "permissions": "https://ads.google.com/aw/accountaccess/users?__e={account}",
    },
)


def identifiers(members: ir.Table, words: Words) -> ir.Table:
    """People as Google takes them: the columns of `PEOPLE` added, everything else kept."""
    return members.mutate(
        emailAddress=words.sha256_hex(_email(members.email, words)),
        phoneNumber=words.sha256_hex(words.blank_to_null(members.phone)),
        **_address(members, words),
    )


def _email(email: ir.StringValue, words: Words) -> ir.StringValue:
    domain = words.after(email, "@")
    local = words.delete_chars(words.before(words.before(email, "@"), "+"), ".")
    # Nothing may be left of an address like "+tag@gmail.com"; null says that there is nothing to send.
    gmail = words.blank_to_null(local) + "@" + domain
    return domain.isin(GMAIL).ifelse(gmail, words.blank_to_null(email))


def _address(members: ir.Table, words: Words) -> dict[str, ir.StringValue]:
    """An address with a part missing makes Google refuse the whole request, so all four are there or none."""
    given, family, region, postal = (
        words.blank_to_null(words.strip(part))
        for part in (members.first_name, members.last_name, members.country, members.postal_code)
    )
    complete = given.notnull() & family.notnull() & region.notnull() & postal.notnull()
    values = (
        words.sha256_hex(_lower(given, words)),
        words.sha256_hex(_lower(family, words)),
        words.upper(region),
        postal,
    )
    return {name: complete.ifelse(value, None) for name, value in zip(ADDRESS, values, strict=True)}


def _lower(name: ir.StringValue, words: Words) -> ir.StringValue:
    """Lower case as Google's utilities write it: engines leave out two letters of Unicode's special casing.

    https://www.unicode.org/Public/UCD/latest/ucd/SpecialCasing.txt: a dotted capital I keeps its dot, and a capital sigma that
    ends a word becomes the final one.
    """
    dotted = words.replace(name + " ", "İ", "i̇")
    final = words.replace(words.replace(dotted, "Σ ", "ς "), "Σ-", "ς-")
    return words.strip(words.lower(final))
