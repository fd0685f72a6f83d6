"""What a warehouse may be asked: a table, or one SELECT. A parser decides, not a search for words, and what it read is what runs."""

from __future__ import annotations

import logging
import re
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

# it would log what it cannot read, and a query may name people
logging.getLogger("sqlglot").setLevel(logging.ERROR)

LONGEST: Final = 20_000
_TABLE: Final = re.compile(r"""[^\s()"'`;]+|(?:["`][^"`]+["`])(?:\.["`][^"`]+["`])*""")
_WRITES: Final = (
    exp.Alter,
    exp.Attach,
    exp.Command,
    exp.Copy,
    exp.Create,
    exp.DDL,
    exp.Delete,
    exp.Detach,
    exp.DML,
    exp.Drop,
    exp.Insert,
    exp.Into,
    exp.Lock,
    exp.Merge,
    exp.Pragma,
    exp.QueryTransform,
    exp.Set,
    exp.Update,
    exp.Use,
)
"""What changes something, or may, wherever in a statement it stands."""
_ACTING: Final = re.compile(
    r"(pg_(?!typeof$|column_|size_|database_|relation_|table_|total_).*|lo_.*|dblink.*|query_to_xml.*|(set|current)_setting|set_config"
    r"|nextval|setval|reflect|java_method|try_reflect|read_.*|.*_scan|glob|getenv|sniff_csv|query|query_table"
    r"|read_files|cloud_files|input_file_.*)"
)
"""Functions that read files, reach other machines, wait or change something."""
_FILES: Final = frozenset({"csv", "json", "parquet", "orc", "text", "binaryfile", "avro", "delta", "iceberg"})
"""What Spark takes for a kind of file when it stands before a table's name."""


class NotARead(ValueError):  # noqa: N818 - read aloud as "not a read"
    """What was given is no table and no single SELECT. The message is a sentence for whoever typed it."""


def checked(query: str, grammar: str) -> str:
    """The statement that is asked, in an engine's own grammar and written anew from what was read. Raises NotARead."""
    text = query.strip().rstrip(";").strip()
    if not text:
        raise NotARead("Name a table, or write one SELECT.")
    if len(text) > LONGEST:
        raise NotARead(f"A query can have {LONGEST:,} characters. Make a view of it in the warehouse.")
    statement = _table(text, grammar) if _TABLE.fullmatch(text) else _select(text, grammar)
    _only_reads(statement)
    return statement.sql(dialect=grammar, comments=False)


def _table(text: str, grammar: str) -> exp.Query:
    try:
        return exp.select("*").from_(exp.to_table(text, dialect=grammar))
    except (SqlglotError, ValueError):
        raise NotARead("This is no name of a table. Write it as schema.table, or write a SELECT.") from None


def _select(text: str, grammar: str) -> exp.Query:
    try:
        statements = [one for one in sqlglot.parse(text, dialect=grammar) if one is not None]
    except (SqlglotError, RecursionError):
        raise NotARead("This cannot be read as SQL of this engine. Try it there first.") from None
    if len(statements) != 1:
        raise NotARead("Write one statement only.")
    if not isinstance(statements[0], exp.Query) or isinstance(statements[0], exp.DML):
        raise NotARead("Only a SELECT can be asked: members are read, and nothing in the warehouse is changed.")
    return statements[0]


def _only_reads(statement: exp.Query) -> None:
    for part in statement.walk():
        if isinstance(part, _WRITES):
            raise NotARead("This would change or lock something in the warehouse. Write a SELECT that only reads.")
        if isinstance(part, exp.Func) and _ACTING.fullmatch(_called(part)):
            raise NotARead(f"The function {_called(part)} does more than read columns, so it cannot be used here.")
        if isinstance(part, exp.Table) and _is_file(part):
            raise NotARead("Files cannot be read from here. Make a table or a view of it in the warehouse.")


def _called(function: exp.Func) -> str:
    if isinstance(function, exp.Anonymous):
        return str(function.name).lower()
    return function.sql_name().lower()


def _is_file(table: exp.Table) -> bool:
    if not isinstance(table.this, (exp.Identifier, exp.Func)):
        return True
    name, before = table.name, table.db.lower()
    looks_like_one = "/" in name or re.search(r"\.[a-z]{2,8}(\.gz|\.zst)?$", name.lower()) is not None
    return looks_like_one or before in _FILES
