"""The alert catalogue, fourth part: members that are read from the customer's own engine. Nothing is ever sent or removed by half."""

from __future__ import annotations

from segsync.rules.catalogue_entry import Entry, Retry
from segsync.rules.terms import Acts

_SAFE = "Nothing was sent and nobody was removed."
_MAP = "Open {segment}, look at the warehouse again, and say which column is what."
_NOW = "Then press Sync now on the sync."

ENTRIES = (
    Entry(
        "warehouse.unreachable",
        "Warehouse does not answer",
        "{warehouse} cannot be reached. " + _SAFE,
        Acts.ADMIN,
        Retry.ITSELF,
        (
            "See whether it runs, and whether it lets this installation in: firewall, address, name of the database.",
            "Test the connection under Warehouses.",
        ),
    ),
    Entry(
        "warehouse.signin",
        "Warehouse refuses the sign-in",
        "{warehouse} no longer accepts the sign-in of the connection. " + _SAFE,
        Acts.ADMIN,
        Retry.PERSON,
        ("Enter the connection's address anew under Warehouses, with a user and password that work.", _NOW),
    ),
    Entry(
        "warehouse.off_limits",
        "Warehouse address not allowed",
        "{warehouse} is a machine or folder that is not called from here: it is not public, and nobody has listed it.",
        Acts.OPERATOR,
        Retry.PERSON,
        (
            "If it is meant, list the machine in SEGSYNC_WAREHOUSE_HOSTS, or the file's folder in SEGSYNC_WAREHOUSE_FOLDERS, and restart.",
            _NOW,
        ),
    ),
    Entry(
        "warehouse.not_offered",
        "Engine not installed",
        "{engine} cannot be used in this installation: what it needs is not installed.",
        Acts.OPERATOR,
        Retry.PERSON,
        ("Install the extra “spark” and Java 17, and restart the workers.", _NOW),
    ),
    Entry(
        "warehouse.query",
        "Warehouse refuses the query",
        "{warehouse} does not carry out the query of {segment}. Most often a table was renamed or the right to read it was taken. "
        + _SAFE,
        Acts.OWNER,
        Retry.PERSON,
        ("Try the query in the warehouse with the sign-in of the connection.", "Correct the query of {segment}.", _NOW),
        "segment",
    ),
    Entry(
        "warehouse.slow",
        "Warehouse too slow",
        "{warehouse} did not give the members of {segment} in time. " + _SAFE,
        Acts.ADMIN,
        Retry.ITSELF,
        (
            "Make the query quicker: ask a table that is worked out beforehand instead of a view.",
            "Whoever runs this installation can allow more time with SEGSYNC_WAREHOUSE_SECONDS.",
        ),
        "segment",
    ),
    Entry(
        "warehouse.broke",
        "Warehouse broke off",
        "{warehouse} stopped in the middle of giving the members of {segment}. What came was thrown away. " + _SAFE,
        Acts.ADMIN,
        Retry.ITSELF,
        ("If it happens again, look into the log of the warehouse at the time of the run.",),
        "segment",
    ),
    Entry(
        "warehouse.column_gone",
        "Column gone from the warehouse",
        "{segment} reads {column}, which is no longer there. " + _SAFE,
        Acts.OWNER,
        Retry.PERSON,
        ("Bring the column back, or: " + _MAP[:1].lower() + _MAP[1:], _NOW),
        "segment",
    ),
    Entry(
        "warehouse.type_changed",
        "Column of another type",
        "{segment} reads {column}, which was {before} and is now {now}. " + _SAFE,
        Acts.OWNER,
        Retry.PERSON,
        ("See whether the column still means the same.", _MAP, _NOW),
        "segment",
    ),
    Entry(
        "warehouse.no_key",
        "Rows without a key",
        "{count} of {segment} have no key, so their members cannot be told apart. " + _SAFE,
        Acts.OWNER,
        Retry.PERSON,
        ("Leave these rows out in the query, or choose another key.", _NOW),
        "segment",
    ),
    Entry(
        "warehouse.key_twice",
        "Key not unique",
        "{count} of {segment} have a key that another row has too, so it is not clear which holds. " + _SAFE,
        Acts.OWNER,
        Retry.PERSON,
        ("Make the query give one row for each key, or add a column to the key.", _NOW),
        "segment",
    ),
    Entry(
        "warehouse.keys_collide",
        "Keys not told apart",
        "Two different keys of {segment} look the same to us. It is a coincidence that hardly ever happens. " + _SAFE,
        Acts.OWNER,
        Retry.PERSON,
        ("Add a column to the key of {segment}: every member is then known anew, and all are sent once more.", _NOW),
        "segment",
    ),
    Entry(
        "warehouse.schema",
        "Schema in the warehouse not usable",
        "{warehouse} has a schema named for segsync, but tables cannot be laid down there as they have to be. Members are streamed and "
        "compared here meanwhile: what is sent is the same, only more travels.",
        Acts.ADMIN,
        Retry.ITSELF,
        (
            "Read under Warehouses what the warehouse says, and give the sign-in of the connection the rights that stand beside the form.",
            "In DuckDB nobody else may have the file open while segsync writes.",
            "Or empty the schema's name on the connection.",
        ),
    ),
    Entry(
        "warehouse.words",
        "Warehouse writes people otherwise",
        "{warehouse} lowers, compares or hashes letters otherwise than channels ask for, so members are not compared there. They are "
        "streamed and compared here: what is sent is the same, only more travels.",
        Acts.ADMIN,
        Retry.ITSELF,
        (
            "In PostgreSQL, use a database in UTF8 whose collation knows letters outside ASCII, such as C.UTF-8.",
            "Or empty the schema's name on the connection.",
        ),
    ),
)
