"""What LinkedIn counts: requests of each member in a minute, and of each member and application in a day.

The daily figures are not published; an application's own stand in the Developer Portal under Analytics. LinkedIn tells neither
what is left nor when to come back. https://learn.microsoft.com/linkedin/shared/api-guide/concepts/rate-limits
"""

from __future__ import annotations

import re

from connectors.limits import DAY, EVERY_CALL, MINUTE, Call, Limit, Per

MEMBERS, PERSON_DAY, APPLICATION_DAY = "members_a_minute", "person_a_day", "application_a_day"
# What a first refusal is about is seen by what helps: a minute, more, and in the end the next day.
PAUSES = (MINUTE, 2 * MINUTE, 4 * MINUTE)
SENDING = {Call.ADD: 1.0, Call.REMOVE: 1.0, Call.ERASE: 1.0}
LIMITS = (
    # LinkedIn takes 600 requests a minute for people and 300 for companies; nobody needs more than the smaller.
    Limit(MEMBERS, Per.PERSON, 300, MINUTE, SENDING, pauses=PAUSES, until_day_end=True),
    Limit(PERSON_DAY, Per.PERSON, 0, DAY, EVERY_CALL, pauses=PAUSES, until_day_end=True),
    Limit(APPLICATION_DAY, Per.APPLICATION, 0, DAY, EVERY_CALL, pauses=PAUSES, until_day_end=True),
)


def named(message: str) -> str:
    """The limit that a refusal is about: its message says MEMBER DAY or APPLICATION DAY, and nothing for the minute."""
    if re.search(r"application.{0,3}\bday\b", message, re.IGNORECASE):
        return APPLICATION_DAY
    return PERSON_DAY if re.search(r"\bday\b|\bdaily\b", message, re.IGNORECASE) else MEMBERS
