"""The alert catalogue, second part: audiences, their members and segments. What the owner of a sync sets right."""

from __future__ import annotations

from connectors.problems import Code
from segsync.rules.catalogue_entry import Entry, Retry
from segsync.rules.terms import Acts

_AGAIN = "Then press Sync now on the sync."

AUDIENCES = (
    Entry(
        Code.AUDIENCE_GONE,
        "Audience deleted at the channel",
        "The audience of {segment} in {account} is gone: somebody deleted it at {channel}.",
        Acts.OWNER,
        Retry.PERSON,
        (
            "Find out at {channel} who deleted it, and why: campaigns may have used it.",
            "To have it again, press Rebuild on the sync: a new one is made and everybody is sent. To be rid of it, delete the sync.",
        ),
        "account",
    ),
    Entry(
        Code.AUDIENCE_EXPIRED,
        "Audience expired",
        "{channel} lets the audience of {segment} expire because nothing used or changed it for long.",
        Acts.OWNER,
        Retry.PERSON,
        (
            "Where its members are lost, the next run makes a new audience and sends everybody, and says so; give it to the campaigns again.",
            "Where it only expires because no campaign uses it, let one use it, or delete this sync.",
        ),
        "audience",
    ),
    Entry(
        Code.AUDIENCE_CLOSED,
        "Audience closed",
        "The audience of {segment} in {account} was closed at {channel} and takes no new members.",
        Acts.OWNER,
        Retry.PERSON,
        ("Open the audience at {channel} and set it to open.", _AGAIN),
        "audience",
    ),
    Entry(
        Code.AUDIENCE_NAME,
        "Name not accepted",
        "{channel} does not accept the audience's name, and not the one with the sync ID either.",
        Acts.OWNER,
        Retry.PERSON,
        ("Give {segment} a shorter, neutral name.", _AGAIN),
        "segment",
    ),
    Entry(
        Code.AUDIENCE_NOT_OURS,
        "Audience belongs to somebody else",
        "The audience of {segment} in {account} was taken over or shared by another ad account, and cannot be changed from here.",
        Acts.OWNER,
        Retry.PERSON,
        ("Delete this sync and create it once more: a new audience is made. The other one is left as it is.",),
        "audience",
    ),
    Entry(
        Code.AUDIENCE_FLAGGED,
        "Audience flagged",
        "{channel} has flagged the audience of {segment}: it may not be used until that is settled.",
        Acts.OWNER,
        Retry.PERSON,
        (
            "Look at the audience at {channel}: it says what it takes offence at, often words like health or finance.",
            "Rename {segment}, or change who is in it, and ask {channel} for a review.",
        ),
        "audience",
    ),
    Entry(
        Code.AUDIENCE_IN_USE,
        "Audience in use",
        "{channel} refuses this because campaigns or other audiences use the audience of {segment}.",
        Acts.OWNER,
        Retry.PERSON,
        ("Take the audience out of the campaigns at {channel} first.", "Then try again."),
        "audience",
    ),
    Entry(
        Code.AUDIENCE_TOO_SMALL,
        "Too small to be used",
        "{channel} matched fewer people from {segment} than it needs to show ads to them.",
        Acts.OWNER,
        Retry.PERSON,
        (
            "Make {segment} larger: by experience a few hundred members more than the smallest number.",
            "Or add identifiers: more e-mail addresses and phones make more matches.",
            "Large changes need up to two days at the channel before they count.",
        ),
        "segment",
    ),
    Entry(
        Code.AUDIENCE_LIMIT,
        "Too many audiences in the ad account",
        "{account} holds as many audiences as {channel} allows.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Delete audiences at {channel} that nobody uses.", _AGAIN),
        "audience",
    ),
    Entry(
        Code.AUDIENCE_KIND,
        "Audience of another kind",
        "The audience at {channel} takes other identifiers than {segment} has.",
        Acts.OWNER,
        Retry.PERSON,
        ("Delete this sync and create it once more: an audience of the right kind is made.",),
        "audience",
    ),
    Entry(
        Code.AUDIENCE_FAILED,
        "The channel failed to build it",
        "{channel} took the members of {segment} and could not make an audience of them.",
        Acts.OWNER,
        Retry.PERSON,
        (
            "Press Sync now: everybody is sent again.",
            "If it fails again, give the reference below to {channel}'s support.",
        ),
        "sync",
    ),
    Entry(
        Code.REMOVAL_TOO_SMALL,
        "A removal was refused",
        "{channel} refused to take people out of the audience of {segment}, because it would become too small. "
        "They stay in it for now.",
        Acts.OWNER,
        Retry.ITSELF,
        (
            "Nothing is forgotten: the removal is tried again after every addition.",
            "If these people must not see ads today, pause the campaigns that use the audience.",
        ),
        "audience",
    ),
)

ROWS = (
    Entry(
        Code.ROW_NO_IDENTIFIER,
        "No identifier",
        "Nobody in {segment} has an identifier that {channel} takes, so there is nobody to send.",
        Acts.OWNER,
        Retry.ITSELF,
        ("Import e-mail addresses or phones for these people, or choose a segment whose members have them.",),
        "segment",
    ),
    Entry(
        Code.ROW_BAD_FORMAT,
        "Rows in a form that was refused",
        "{channel} refused {count} of {segment} because a value is not in the form that it takes.",
        Acts.OWNER,
        Retry.ITSELF,
        ("Open the run: it counts the refused rows by reason.", "Correct the fields; changed rows are sent again."),
        "sync",
    ),
    Entry(
        Code.ROW_NO_CONSENT,
        "Consent missing",
        "{channel} refused {count} of {segment} because the advertising consent is missing.",
        Acts.OWNER,
        Retry.ITSELF,
        (
            "Record the consent of these people, with its source; changed rows are sent again.",
            "An administrator decides in Settings what an unknown consent means.",
        ),
        "settings",
    ),
    Entry(
        Code.ROW_REFUSED,
        "Partly refused",
        "{channel} took the members of {segment} but refused {count}. Everybody else is in step.",
        Acts.OWNER,
        Retry.ITSELF,
        ("Open the run: it counts the refused rows by reason.", "Correct the contacts; changed rows are sent again."),
        "sync",
    ),
)

PEOPLE = (
    Entry(
        "removal.waits",
        "Somebody could not be taken out",
        "A person opted out or is to be erased, and {channel} has not taken them out of the audience of {segment} in {account}.",
        Acts.ADMIN,
        Retry.PERSON,
        (
            "The removal says which problem stands in the way. See to it, and the removal is sent by itself.",
            "Or take the person out on the page of {channel} itself, and choose Done by hand on the page of the removal.",
        ),
        "audience",
    ),
)

SEGMENTS = (
    Entry(
        "segment.deleted",
        "Segment deleted",
        "{by} deleted {segment}. The audience at {channel} keeps its members and goes stale.",
        Acts.OWNER,
        Retry.PERSON,
        (
            "Restore the segment, and the sync goes on by itself, or delete the sync and choose whether the audience is left, emptied or deleted at {channel}.",
        ),
        "sync",
    ),
    Entry(
        "segment.asks_for_deleted",
        "Segment asks for a deleted one",
        "The rules of {segment} ask for {asked}, which was deleted. Nobody is sent or removed, so the audience at {channel} goes stale.",
        Acts.OWNER,
        Retry.PERSON,
        ("Restore {asked}, or take it out of the rules of {segment}.", "Then choose Sync now."),
        "sync",
    ),
    Entry(
        "segment.empty",
        "Segment empty",
        "{segment} has no members, so the audience at {channel} is empty too.",
        Acts.OWNER,
        Retry.ITSELF,
        (
            "See whether a field, a tag or an import changed, and with it who the rules mean.",
            "Switch the sync off if nobody is meant.",
        ),
        "segment",
    ),
    Entry(
        "segment.unusual",
        "Unusual size",
        "{segment} has {size} that can be sent to {channel}, where {usual} were usual in its last runs. "
        "Everything was sent all the same.",
        Acts.OWNER,
        Retry.NONE,
        (
            "See whether the rules, an import or a consent changed, and whether that was meant.",
            "Nothing to do where it was: this ends by itself when the new size has become usual.",
        ),
        "segment",
        "go on",
    ),
)

ENTRIES = AUDIENCES + ROWS + PEOPLE + SEGMENTS
