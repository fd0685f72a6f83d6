"""Why something cannot be used or did not work, in the few words that fit beside it. The whole story is in the alerts catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connectors.problems import Code
from segsync.rules.catalogue import CATALOGUE


@dataclass(frozen=True)
class Reason:
    """`short` follows a status ("Failed · sign-in expired"); `help` is a sentence that says who can do what.

    `link` names a page of the channel in `Capabilities.links`; '' where none helps.
    """

    short: str
    help: str
    link: str = ""


_RECONNECT = "Whoever it runs on has to reconnect."

REASONS: Final[Mapping[str, Reason]] = {
    Code.SIGNIN_EXPIRED: Reason("sign-in expired", _RECONNECT),
    Code.SIGNIN_REVOKED: Reason("sign-in revoked", _RECONNECT),
    Code.SIGNIN_CHECKPOINT: Reason("sign-in needs a check", "Pass the check on the channel's own pages, then reconnect."),
    Code.SIGNIN_PASSWORD_CHANGED: Reason("password changed", _RECONNECT),
    Code.SIGNIN_TWO_STEP: Reason("two-step sign-in needed", "Switch on two-step sign-in at the channel, then reconnect."),
    Code.SIGNIN_NO_ADS_USER: Reason("no ads account", "This sign-in has no ads account at all. Use another, or make one there."),
    Code.SCOPE_MISSING: Reason("permission missing", "Reconnect and leave every permission ticked."),
    Code.CONSENT_REFUSED: Reason("not allowed at the channel", "Connect again and allow it."),
    Code.ACCOUNT_NO_ROLE: Reason("no role in the ad account", "You have no role in it. Ask its admin for one.", "permissions"),
    Code.ACCOUNT_VIEW_ONLY: Reason(
        "view only", "You can only view it. Ask its admin for a role that manages audiences.", "permissions"
    ),
    Code.ACCOUNT_GONE: Reason("ad account gone", "The channel does not know this ad account any more. Choose another."),
    Code.ACCOUNT_CLOSED: Reason("ad account closed", "It was closed. Its admin can open it again.", "account"),
    Code.ACCOUNT_DISABLED: Reason("ad account disabled", "The channel disabled it. Its admin can ask why.", "account"),
    Code.ACCOUNT_UNPAID: Reason("unpaid bill", "It has an unpaid bill. Its admin can settle it.", "account"),
    Code.ACCOUNT_MANAGER: Reason("manager account", "A manager account holds no audiences. Choose one of the accounts below it."),
    Code.ACCOUNT_WRONG_MANAGER: Reason(
        "not reached through this manager", "It is no longer below the manager account it was reached through. Read the list again."
    ),
    Code.ACCOUNT_NO_BUSINESS: Reason(
        "belongs to no business", "It belongs to no business portfolio, so it takes no customer lists. Its admin can add it to one.", "account"
    ),
    Code.ACCOUNT_NOT_ELIGIBLE: Reason(
        "not eligible for customer lists", "The channel does not let it use customer lists yet. Its admin can look up why.", "account"
    ),
    Code.ACCOUNT_POLITICAL: Reason(
        "declaration missing", "The channel wants to know whether it shows political ads. Its admin has to say so.", "account"
    ),
    Code.ACCOUNT_BLOCKED: Reason("blocked by the channel", "The channel restricted it. Its admin can ask for a review.", "account"),
    Code.TERMS_NOT_ACCEPTED: Reason(
        "terms not accepted", "The channel's terms for customer lists are not accepted yet. They can be accepted there.", "terms"
    ),
    Code.TERMS_BUSINESS: Reason(
        "terms not accepted by the business", "The business that owns it has not accepted the terms. One of its admins can.", "terms"
    ),
    Code.AUDIENCE_GONE: Reason("audience deleted there", "Somebody deleted the audience at the channel."),
    Code.AUDIENCE_EXPIRED: Reason("audience expired", "It was not used for long, and the channel let it expire."),
    Code.AUDIENCE_CLOSED: Reason("audience closed", "The audience was closed at the channel."),
    Code.AUDIENCE_NAME: Reason("name not accepted", "The channel does not accept the audience's name. Rename the segment."),
    Code.AUDIENCE_NOT_OURS: Reason("audience not ours", "An audience that we did not make is in the way."),
    Code.AUDIENCE_FLAGGED: Reason("audience flagged", "The channel flagged it. Use a neutral name, or appeal there.", "audience"),
    Code.AUDIENCE_IN_USE: Reason("audience in use", "A campaign still uses it."),
    Code.AUDIENCE_TOO_SMALL: Reason("audience too small", "The channel takes only larger audiences."),
    Code.AUDIENCE_LIMIT: Reason("too many audiences", "The ad account has as many audiences as it may. Delete some there.", "account"),
    Code.AUDIENCE_KIND: Reason("another kind of audience", "The channel does not take this kind of members."),
    Code.AUDIENCE_FAILED: Reason("audience could not be built", "The channel could not build it."),
    Code.REMOVAL_TOO_SMALL: Reason("removal refused", "The channel refuses removals that would leave too few. They stay due."),
    Code.ROW_NO_IDENTIFIER: Reason("no identifier", "Nothing that the channel takes."),
    Code.ROW_BAD_FORMAT: Reason("not in the channel's format", "The channel did not accept how it was written."),
    Code.ROW_NO_CONSENT: Reason("no consent", "The channel asks for a consent that is missing."),
    Code.ROW_REFUSED: Reason("rows refused", "The channel did not take some rows."),
    Code.APP_WRONG: Reason("set-up of the application", "Whoever runs this installation has to correct its settings."),
    Code.APP_NOT_APPROVED: Reason("application not approved", "The channel has not approved this installation's application yet."),
    Code.APP_DISABLED: Reason("application disabled", "The channel disabled this installation's application."),
    Code.APP_VERSION: Reason("out of date", "This installation has to be updated: the channel ended this version."),
    Code.APP_CLOCK: Reason("clock is wrong", "The clock of this installation is wrong."),
    Code.RATE_LIMIT: Reason("waits for the channel's limit", "It goes on by itself."),
    Code.DAILY_LIMIT: Reason("waits for the daily limit", "It goes on by itself."),
    "redis.absent": Reason("waits for a part of this installation", "Redis does not answer. Whoever runs this installation has to start it again."),
    Code.OUTAGE: Reason("channel not available", "The channel does not answer. It is tried again by itself."),
    Code.TIMEOUT: Reason("channel too slow", "The channel did not answer in time. It is tried again by itself."),
    Code.CONFLICT: Reason("changed at the same time", "It is tried again by itself."),
    Code.TOO_NEW: Reason("waits for the new audience", "The channel is still setting it up. It goes on by itself."),
    Code.LOCKED: Reason("waits for the channel", "The channel is busy with the audience. It goes on by itself."),
    Code.BAD_REQUEST: Reason("request refused", "The channel did not understand us. Tell whoever runs this installation."),
    Code.UNEXPECTED: Reason("unexpected answer", "The channel gave an answer that is not known. Tell whoever runs this installation."),
    "bug.broken": Reason("something broke here", "Try again. If it breaks again, tell whoever runs this installation."),
    "segment.deleted": Reason("segment deleted", "Restore the segment, or delete the sync."),
    "removal.waits": Reason("somebody could not be taken out", "See to what stands in the way, or do it on the channel's own page."),
    "segment.asks_for_deleted": Reason("segment asks for a deleted one", "Restore that one, or take it out of the rules."),
    "signin.soon": Reason("must sign in again soon", _RECONNECT),
    "run.held": Reason("held for an administrator", "It would have removed too many. An administrator releases it, or the cause is set right."),
    "ledger.unreadable": Reason("records cannot be read", "Tell whoever runs this installation."),
    "warehouse.unreachable": Reason("warehouse does not answer", "Look whether it runs, and whether its address is right."),
    "warehouse.signin": Reason("warehouse refuses the sign-in", "Enter the connection's address anew, with a sign-in that works."),
    "warehouse.off_limits": Reason("address not allowed", "Whoever runs this installation has to list this machine or folder."),
    "warehouse.not_offered": Reason("engine not installed", "Whoever runs this installation has to install what it needs."),
    "warehouse.query": Reason("query not understood", "The warehouse refuses it. Its own words are below."),
    "warehouse.slow": Reason("warehouse too slow", "It did not give the members in time. It is tried again by itself."),
    "warehouse.broke": Reason("warehouse broke off", "It stopped in the middle. Nothing was sent; it is tried again by itself."),
    "warehouse.column_gone": Reason("column gone", "A column that is read is no longer there. Say anew which column is what."),
    "warehouse.type_changed": Reason("column of another type", "A column has another type than it had. Say anew which column is what."),
    "warehouse.no_key": Reason("rows without a key", "Every row needs a key."),
    "warehouse.key_twice": Reason("key not unique", "One key stands in several rows."),
    "warehouse.keys_collide": Reason("keys not told apart", "Add a column to the key."),
    "warehouse.schema": Reason("schema not usable", "Tables cannot be laid down there. Runs go on: members are streamed and compared here."),
    "warehouse.words": Reason("letters written otherwise", "The warehouse writes letters otherwise than channels ask for."),
    "disk.full": Reason("disk full", "Tell whoever runs this installation."),
}  # fmt: skip

_UNKNOWN = Reason("something unexpected", "Tell whoever runs this installation.")


def reason_for(code: str | None) -> Reason:
    """The words for a code: those above, else the catalogue's title, else plain ones for a code of another version."""
    known = REASONS.get(code or "")
    if known is not None:
        return known
    entry = CATALOGUE.get(code or "")
    return Reason(entry.title[:1].lower() + entry.title[1:], _UNKNOWN.help) if entry else _UNKNOWN
