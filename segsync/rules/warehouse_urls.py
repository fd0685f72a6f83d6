"""The address of a warehouse: which engine it names, and what of it may be shown. Addresses are Ibis's own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Engine:
    """An engine as people and the parser of queries know it; its words are in `audience.engines`."""

    label: str
    grammar: str


ENGINES: Final = {
    "duckdb": Engine("DuckDB", "duckdb"),
    "postgres": Engine("PostgreSQL", "postgres"),
    "spark": Engine("Spark", "spark"),
}
_SCHEMES: Final = {"duckdb": "duckdb", "postgres": "postgres", "postgresql": "postgres", "pyspark": "spark"}
EXAMPLES: Final = (
    "postgresql://reader:password@warehouse.example.com/shop?sslmode=require",
    "duckdb:///srv/exports/shop.duckdb",
    "pyspark://?spark.master=spark://spark.example.com:7077",
)
_POSTGRES_SAYS: Final = frozenset({"sslmode", "connect_timeout", "application_name", "channel_binding", "host", "user"})
"""What an address may say to PostgreSQL's client. The rest reads files of this machine or turns safeguards off."""
_SPARK_SAYS: Final = (
    "spark.master",
    "spark.sql.catalog.",
    "spark.sql.warehouse.dir",
    "spark.executor.",
    "spark.cores.max",
    "spark.app.name",
)


class BadAddress(ValueError):  # noqa: N818 - read aloud as "bad address"
    """An address that cannot be used. The message is a sentence for whoever typed it, and holds nothing of it."""


@dataclass(frozen=True)
class Address:
    """An address, read. `place` is what people may see of it: neither who signs in nor how."""

    engine: str
    url: str = field(repr=False)
    host: str
    port: int
    path: str
    says: dict[str, str] = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def place(self) -> str:
        """Where it is."""
        if self.engine == "spark":
            return self.says["spark.master"]
        return f"{self.host}{self.path}" if self.engine == "postgres" else self.path


def read(url: str) -> Address:
    """Takes an address apart. Raises BadAddress."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
        says = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        raise BadAddress(
            "This address cannot be read. Special letters in a password are written as %40 and the like."
        ) from None
    engine = _SCHEMES.get(parts.scheme)
    if engine is None or "://" not in url:
        raise BadAddress("The address begins with what engine it is: duckdb://, postgresql:// or pyspark://.")
    address = Address(
        engine=engine,
        url=url,
        host=unquote(parts.hostname or ""),
        port=port or (5432 if engine == "postgres" else 0),
        path=unquote(parts.path),
        says=says,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
    return {"postgres": _postgres, "duckdb": _duckdb, "spark": _spark}[engine](address)


def _postgres(address: Address) -> Address:
    unknown = sorted(set(address.says) - _POSTGRES_SAYS)
    if unknown:
        raise BadAddress(f"“{unknown[0]}” cannot be said in this address. Use: {', '.join(sorted(_POSTGRES_SAYS))}.")
    if not address.path.strip("/"):
        raise BadAddress("The address ends with the name of the database: postgresql://user:password@host/database.")
    host = address.host or address.says.get("host", "")
    if not host:
        raise BadAddress("The address names the machine: postgresql://user:password@host/database.")
    if "," in host:
        raise BadAddress("Name one machine only.")
    return _replaced(address, host=host)


def _duckdb(address: Address) -> Address:
    path = address.host + address.path
    if address.says or not path.startswith("/"):
        raise BadAddress(
            "The address of a DuckDB file is duckdb:// and its whole path, such as duckdb:///srv/exports/shop.duckdb."
        )
    return _replaced(address, host="", path=path)


def _spark(address: Address) -> Address:
    wrong = [name for name in address.says if not name.startswith(_SPARK_SAYS)]
    if wrong:
        raise BadAddress(f"“{wrong[0]}” cannot be said in this address. Use: {', '.join(_SPARK_SAYS)}.")
    master = address.says.get("spark.master", "")
    if not master:
        raise BadAddress("The address names Spark's master: pyspark://?spark.master=spark://host:7077.")
    parts = urlsplit(master)
    if parts.scheme == "spark" and parts.hostname and parts.port:
        return _replaced(address, host=parts.hostname, port=parts.port)
    return _replaced(address, host=master, port=0)


def _replaced(address: Address, **values: str | int) -> Address:
    return replace(address, **values)  # type: ignore[arg-type]  # each by its own name
