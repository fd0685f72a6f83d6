"""The alert catalogue, third part: waiting, the operator's causes, and what the product says about itself."""

from __future__ import annotations

from connectors.problems import Code
from segsync.rules.catalogue_entry import Entry, Retry
from segsync.rules.terms import Acts

_NOTHING = "Nothing to do: it goes on by itself."
_LASTS = "If it lasts for more than a day, look at {channel}'s status page."

WAITING = (
    Entry(
        Code.RATE_LIMIT,
        "Slowed down by the channel",
        "{channel} takes only so many requests at a time. The run waits until {until} and goes on.",
        Acts.NOBODY,
        Retry.ITSELF,
        (_NOTHING,),
    ),
    Entry(
        Code.DAILY_LIMIT,
        "Daily limit of the channel reached",
        "{channel} takes no more requests today. The run waits until {until} and goes on.",
        Acts.NOBODY,
        Retry.ITSELF,
        (_NOTHING, "If it happens daily, refresh large segments less often."),
    ),
    Entry(
        Code.OUTAGE,
        "The channel has an outage",
        "{channel} answers with errors of its own. What is due stays due and is sent when it is back.",
        Acts.NOBODY,
        Retry.ITSELF,
        (_NOTHING, _LASTS),
    ),
    Entry(
        Code.TIMEOUT,
        "The channel does not answer",
        "{channel} did not answer in time. The same is sent again, which does no harm.",
        Acts.NOBODY,
        Retry.ITSELF,
        (_NOTHING, _LASTS),
    ),
    Entry(
        Code.CONFLICT,
        "Changed by somebody at the same time",
        "Something else changed the same audience at {channel} at this moment.",
        Acts.NOBODY,
        Retry.ITSELF,
        (_NOTHING, "If it keeps happening, look whether another tool fills the same audience."),
    ),
    Entry(
        Code.TOO_NEW,
        "Audience too new",
        "{channel} made the audience of {segment} but does not take members for it yet. That takes minutes, at most a day.",
        Acts.NOBODY,
        Retry.ITSELF,
        (_NOTHING,),
    ),
    Entry(
        Code.LOCKED,
        "Audience locked for a moment",
        "{channel} is working on the audience of {segment} and takes no changes meanwhile.",
        Acts.NOBODY,
        Retry.ITSELF,
        (_NOTHING,),
    ),
)

_OPERATOR = "Ask whoever runs this installation."

OPERATION = (
    Entry(
        Code.APP_WRONG,
        "Application set up wrongly",
        "{channel} does not accept this installation's application: its id, secret or return address is wrong.",
        Acts.OPERATOR,
        Retry.PERSON,
        (
            "Compare the settings of {channel} with the application registered there (docs/channels.md).",
            "Restart afterwards.",
        ),
    ),
    Entry(
        Code.APP_NOT_APPROVED,
        "Application not approved yet",
        "{channel} has not approved this installation's application for customer lists.",
        Acts.OPERATOR,
        Retry.PERSON,
        (
            "Ask {channel} for the approval (docs/channels.md says which).",
            "It is looked at once a day and goes on by itself.",
        ),
    ),
    Entry(
        Code.APP_DISABLED,
        "Application switched off",
        "{channel} has switched off this installation's application, or the API is not enabled for it.",
        Acts.OPERATOR,
        Retry.PERSON,
        ("Sign in at {channel}'s developer pages and see why.", "It is looked at once a day and goes on by itself."),
    ),
    Entry(
        Code.APP_VERSION,
        "Version of the channel's API has ended",
        "{channel} no longer serves {version} of its API that this release speaks.",
        Acts.OPERATOR,
        Retry.PERSON,
        ("Install the newest release, or name a version that still lives in the channel's settings.",),
    ),
    Entry(
        Code.APP_CLOCK,
        "Clock is wrong",
        "{channel} refuses requests because the clock of this installation is wrong.",
        Acts.OPERATOR,
        Retry.PERSON,
        ("Set the machine's clock (`segsync check` compares it).",),
    ),
    Entry(
        "ledger.unreadable",
        "Ledger cannot be read",
        "The books of what was sent for {segment} cannot be read. Nothing is sent until they can, so that nobody is taken out by mistake.",
        Acts.OPERATOR,
        Retry.PERSON,
        (
            "Look whether the data folder is the right one and complete (`segsync check`).",
            "Put it back from the backup where it is not.",
            "Where it is lost, an administrator or whoever the sync runs as presses Rebuild on the sync; its page says what that does.",
        ),
    ),
    Entry(
        "disk.full",
        "Disk full",
        "There is no room left in the data folder, or nothing may be written there. What is due stays due.",
        Acts.OPERATOR,
        Retry.ITSELF,
        (
            "Make room, or give the data folder a larger disk.",
            (
                "Where there is room: see that the disk is not mounted read-only, that the account which segsync runs under may write in the "
                "folder, and that no limit is set on the size of files."
            ),
        ),
    ),
    Entry(
        "worker.absent",
        "No worker is running",
        "Nobody does the work: no worker has given a sign of life since {since}. Syncs wait.",
        Acts.OPERATOR,
        Retry.ITSELF,
        ("Start `segsync worker`.", "What is due is done then."),
    ),
    Entry(
        "scheduler.absent",
        "No scheduler is running",
        "Nothing is started on time: no scheduler has given a sign of life since {since}.",
        Acts.OPERATOR,
        Retry.ITSELF,
        ("Start `segsync scheduler`.", "What is overdue is started then."),
    ),
    Entry(
        "redis.absent",
        "Redis does not answer",
        "Redis wakes workers and counts what channels are asked, and has given no sign of life since {since}. Nothing is sent "
        "meanwhile. No limit of a channel is used up, and nothing is lost.",
        Acts.OPERATOR,
        Retry.ITSELF,
        ("Start Redis again (`segsync check` says whether it answers).", "Everything goes on from where it was."),
    ),
    Entry(
        Code.BAD_REQUEST,
        "The channel did not understand us",
        "{channel} refused a request of ours as malformed. That is a mistake in this product.",
        Acts.OPERATOR,
        Retry.ITSELF,
        (_OPERATOR, "Report it with the sync ID and the reference below."),
    ),
    Entry(
        "bug.broken",
        "Something broke here",
        "This product failed at {segment} in a way that it does not know. Nothing was lost. It is tried again on schedule.",
        Acts.OPERATOR,
        Retry.ITSELF,
        (_OPERATOR, "The log of the worker names the place; report that with the sync ID."),
        "sync",
    ),
    Entry(
        Code.UNEXPECTED,
        "An answer that we do not know",
        "{channel} answered something that this release does not understand. It is tried again on schedule.",
        Acts.OPERATOR,
        Retry.ITSELF,
        (_OPERATOR, "Report it with the sync ID and the reference below."),
    ),
)

OURS = (
    Entry(
        "limit.near",
        "Contracted limit is near",
        "{used} of {contracted} contracted syncs are in use.",
        Acts.ADMIN,
        Retry.NONE,
        ("See who uses them, and switch off what nobody needs, or ask for a higher limit in good time.",),
        "limit",
    ),
    Entry(
        "limit.reached",
        "Contracted limit reached",
        "{used} of {contracted} contracted syncs are in use: nothing new can start or resume. What runs goes on.",
        Acts.ADMIN,
        Retry.NONE,
        ("Switch off or delete a sync: its place is free at once.", "Or ask for a higher limit."),
        "limit",
    ),
    Entry(
        "sync.overdue",
        "Overdue",
        "A sync should have run to its end a whole interval ago and has not.",
        Acts.ADMIN,
        Retry.ITSELF,
        (
            "See on the page of the sync whether its run waits for a limit of the channel: then nothing is left to do.",
            "Where several are late, look whether workers, the scheduler or Redis are missing: each has an alert of its own.",
            "What is overdue goes on by itself; Sync now puts one in front of others.",
        ),
        "sync",
        "are overdue",
    ),
    Entry(
        "run.held",
        "Large removal held",
        "The run of {segment} would have taken {removals} of {held} out of the audience at {channel} ({share}). "
        "{likely} Nothing was sent.",
        Acts.ADMIN,
        Retry.ITSELF,
        (
            "Look at what lies behind it: a changed rule, an import or a consent is quickly set right.",
            "If they are meant to go, an administrator looks at the figures and releases the removals; they are sent at once.",
            "If not, set the cause right: the next run is planned anew and goes through. Or switch the sync off.",
        ),
        "release",
    ),
    Entry(
        "sync.lapsing",
        "Members close to being forgotten",
        "No run of {segment} has ended well for so long that {channel} will begin to let go of members {days}.",
        Acts.OWNER,
        Retry.ITSELF,
        (
            "See on the sync what its runs wait for: the other alerts say who has to act.",
            "A sync that runs only by hand renews nobody by itself: press Sync now, or give it a schedule.",
            "The next run that ends well renews everybody who is due.",
        ),
        "sync",
    ),
    Entry(
        "run.everybody",
        "Everybody is sent again",
        "The whole of {segment} is sent to {channel} again: {why}.",
        Acts.NOBODY,
        Retry.NONE,
        ("Nothing to do. Matched figures at {channel} may move for a day.",),
        "sync",
    ),
    Entry(
        "person.deactivated",
        "Person deactivated",
        "{person} was deactivated, and syncs still run on {person}'s sign-in at {channel}.",
        Acts.ADMIN,
        Retry.PERSON,
        ("Let a colleague with access to {account} resume these syncs, or switch them off.",),
        "sync",
    ),
)

ENTRIES = WAITING + OPERATION + OURS
