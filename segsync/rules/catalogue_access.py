"""The alert catalogue, first part: sign-ins, ad accounts and terms. What people have to set right at a channel."""

from __future__ import annotations

from connectors.problems import Code
from segsync.rules.catalogue_entry import Entry, Retry
from segsync.rules.terms import Acts

_RECONNECT = "Open Integrations, choose {channel} and press Reconnect."
_GOES_ON = "Nothing else is needed: the syncs that wait go on by themselves."
_PROBED = "Nothing else is needed here: it is looked at once a day, and Sync now looks at once."

SIGNINS = (
    Entry(
        Code.SIGNIN_EXPIRED,
        "Sign-in expired",
        "{person}'s sign-in at {channel} has run out. {person} has to reconnect.",
        Acts.PERSON,
        Retry.PERSON,
        (_RECONNECT, "Sign in at {channel} as the same person as before.", _GOES_ON),
        "integrations",
    ),
    Entry(
        Code.SIGNIN_REVOKED,
        "Sign-in no longer accepted",
        "{channel} no longer accepts {person}'s sign-in: access was withdrawn at {channel}, or the sign-in was disconnected here. "
        "{person} has to reconnect.",
        Acts.PERSON,
        Retry.PERSON,
        (_RECONNECT, "Allow everything that the consent page asks for.", _GOES_ON),
        "integrations",
    ),
    Entry(
        Code.SIGNIN_CHECKPOINT,
        "The channel wants a check first",
        "{channel} stopped {person}'s sign-in until {person} passes a security check there.",
        Acts.PERSON,
        Retry.PERSON,
        ("Sign in at {channel} in a browser and follow what it asks.", _RECONNECT, _GOES_ON),
        "integrations",
    ),
    Entry(
        Code.SIGNIN_PASSWORD_CHANGED,
        "Password changed at the channel",
        "{person} changed the password at {channel}, which ended the sign-in here. {person} has to reconnect.",
        Acts.PERSON,
        Retry.PERSON,
        (_RECONNECT, _GOES_ON),
        "integrations",
    ),
    Entry(
        Code.SIGNIN_TWO_STEP,
        "Two-step verification is missing",
        "{channel} takes changes only from people with two-step verification, and {person} has none there yet.",
        Acts.PERSON,
        Retry.PERSON,
        ("Turn on two-step verification in your account at {channel}.", _RECONNECT, _GOES_ON),
        "integrations",
    ),
    Entry(
        Code.SIGNIN_NO_ADS_USER,
        "This sign-in has no ad account",
        "{person} signed in at {channel} with an address that belongs to no ad account.",
        Acts.PERSON,
        Retry.PERSON,
        (
            "Reconnect with the address that you use for ads at {channel}, or ask the admin of an ad account to invite the address that you used.",
        ),
        "integrations",
    ),
    Entry(
        Code.SCOPE_MISSING,
        "Permission missing",
        "{person}'s sign-in at {channel} lacks {scope}.",
        Acts.PERSON,
        Retry.PERSON,
        (_RECONNECT, "On the consent page of {channel}, leave every permission ticked.", _GOES_ON),
        "integrations",
    ),
    Entry(
        Code.CONSENT_REFUSED,
        "Access was not given",
        "{person} said no on the consent page of {channel}, so nothing was connected.",
        Acts.PERSON,
        Retry.PERSON,
        (_RECONNECT, "Press Allow on the consent page when you are ready."),
        "integrations",
    ),
    Entry(
        "signin.soon",
        "Reconnect soon",
        "{person}'s sign-in at {channel} ends {days}, on {day}. Until then everything goes on.",
        Acts.PERSON,
        Retry.PERSON,
        (_RECONNECT, "It takes a minute, and no sync is interrupted."),
        "integrations",
        several="run on it",
    ),
)

_OTHERS = "Or hand the work to a colleague who can: they resume the sync with their own sign-in."

ACCOUNTS = (
    Entry(
        Code.ACCOUNT_NO_ROLE,
        "No access to the ad account",
        "{person} has no access to {account} at {channel} any more.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of {account} to give {person} a role that manages audiences.", _PROBED, _OTHERS),
        "permissions",
    ),
    Entry(
        Code.ACCOUNT_VIEW_ONLY,
        "Only viewing is allowed",
        "{person} can look at {account} at {channel} and change nothing.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of {account} for a role that manages campaigns or audiences.", _PROBED, _OTHERS),
        "permissions",
    ),
    Entry(
        Code.ACCOUNT_GONE,
        "Ad account not found",
        "{channel} does not find {account}, or does not show it to {person}.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        (
            "Look whether {account} is still there when {person} signs in at {channel}.",
            "Ask its admin for access, or create the sync in another ad account.",
            _PROBED,
        ),
        "account",
    ),
    Entry(
        Code.ACCOUNT_CLOSED,
        "Ad account closed",
        "{account} was closed at {channel}. Its audiences take no changes any more.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of {account} to open it again, or delete the sync and create one in another ad account.",),
        "account",
    ),
    Entry(
        Code.ACCOUNT_DISABLED,
        "Ad account disabled",
        "{channel} has disabled {account}.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of {account} to see at {channel} why, and to ask for a review.", _PROBED),
        "account",
    ),
    Entry(
        Code.ACCOUNT_UNPAID,
        "Ad account unpaid",
        "{channel} waits for a payment for {account} and takes no changes until then.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of {account} to settle the bill, or the means of payment, at {channel}.", _PROBED),
        "account",
    ),
    Entry(
        Code.ACCOUNT_MANAGER,
        "A manager account holds no audiences",
        "{account} is a manager account: audiences live in the ad accounts below it.",
        Acts.OWNER,
        Retry.PERSON,
        ("Create the sync in one of the ad accounts below {account}.",),
        "account",
    ),
    Entry(
        Code.ACCOUNT_WRONG_MANAGER,
        "Reached through the wrong manager account",
        "{person} reaches {account} through a manager account that is not linked to it any more.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        (
            "Ask an admin of {account} whether it moved to another manager account.",
            "Open Integrations and refresh the ad accounts of {channel}; then create the sync again.",
        ),
        "permissions",
    ),
    Entry(
        Code.ACCOUNT_NO_BUSINESS,
        "Ad account without a business",
        "{channel} allows customer lists only in ad accounts that belong to a business, and {account} belongs to none.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of {account} to add it to a business at {channel}.", _PROBED),
        "permissions",
    ),
    Entry(
        Code.ACCOUNT_NOT_ELIGIBLE,
        "Customer lists are not allowed here",
        "{channel} does not allow {account} to use customer lists.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        (
            "Ask an admin of {account} to read the conditions of {channel}: age of the account, payments and policy all count.",
            "Use another ad account until then.",
        ),
        "terms",
    ),
    Entry(
        Code.ACCOUNT_POLITICAL,
        "A declaration is missing",
        "{channel} wants to know whether {account} runs political ads before it takes changes.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of {account} to make the declaration at {channel}.", _PROBED),
        "account",
    ),
    Entry(
        Code.ACCOUNT_BLOCKED,
        "Blocked by the channel",
        "{channel} blocks changes in {account} for a reason of policy.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of {account} to look at its account quality at {channel} and to ask for a review.", _PROBED),
        "quality",
    ),
    Entry(
        Code.TERMS_NOT_ACCEPTED,
        "Terms not accepted",
        "The terms for customer lists are not accepted for {account} at {channel}.",
        Acts.PERSON,
        Retry.PERSON,
        ("Open the terms at {channel}, choose {account} and accept them.", _PROBED),
        "terms",
    ),
    Entry(
        Code.TERMS_BUSINESS,
        "Terms of the business not accepted",
        "The business that {account} belongs to has not accepted the terms for customer lists at {channel}.",
        Acts.ACCOUNT_ADMIN,
        Retry.PERSON,
        ("Ask an admin of the business to accept them; a person who only uses {account} cannot.", _PROBED),
        "terms",
    ),
)

ENTRIES = SIGNINS + ACCOUNTS
