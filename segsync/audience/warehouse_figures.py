"""Counting a warehouse's members there: how many there are, and how many of them each channel can be sent, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connectors.contract import Capabilities, Key, Kind
from segsync.audience.reach import Reach
from segsync.rules.warehouse_forms import CONSENTS, Columns, Meaning

if TYPE_CHECKING:
    from segsync.audience.engines import Engine


def sql(engine: Engine, query: str, columns: Columns, channels: Mapping[str, tuple[Capabilities, Meaning]]) -> str:
    """Counts, as texts: `members`, and for each channel `<channel>_usable`, `_unsubscribed`, `_unconsented` and each of its keys."""
    counts = {"members": "count(*)"}
    for name, (capabilities, meaning) in channels.items():
        away = _refuses(engine, columns, "subscription", counts=meaning.unknown_subscription_counts)
        no = " or ".join(
            _refuses(engine, columns, each, counts=meaning.unknown_consent_counts) for each in meaning.needed
        )
        keys = {key.name: _has(engine, columns, key) for key in capabilities.shapes[Kind.PEOPLE].keys}
        may = f"not ({away}) and not ({no or '1 = 0'})"
        counts[f"{name}_unsubscribed"] = _number(away)
        counts[f"{name}_unconsented"] = _number(f"not ({away}) and ({no or '1 = 0'})")
        counts[f"{name}_usable"] = _number(f"{may} and ({' or '.join(keys.values())})")
        counts |= {f"{name}_{key}": _number(f"{may} and ({has})") for key, has in keys.items()}
    told = ", ".join(f"cast({count} as {engine.text}) as {engine.named(name)}" for name, count in counts.items())
    return f"select {told} from ({query}) as asked"


def reach(figures: Mapping[str, Any], name: str, capabilities: Capabilities) -> Reach:
    """What was counted, for one channel. Cells are looked at for being there only: the run leaves out those that are not clean."""
    members, usable = int(figures["members"]), int(figures[f"{name}_usable"])
    unsubscribed, unconsented = int(figures[f"{name}_unsubscribed"]), int(figures[f"{name}_unconsented"])
    keys = capabilities.shapes[Kind.PEOPLE].keys
    return Reach(
        kind=Kind.PEOPLE,
        members=members,
        usable=usable,
        no_identifier=members - usable - unsubscribed - unconsented,
        not_subscribed=unsubscribed,
        no_consent=unconsented,
        excluded=0,  # the lists are not taken there: a run counts whom they keep out
        keys={key.name: int(figures.get(f"{name}_{key.name}", 0)) for key in keys},
    )


def _number(condition: str) -> str:
    return f"count(case when {condition} then 1 end)"


def _has(engine: Engine, columns: Columns, key: Key) -> str:
    if not all(field in columns.fields for field in key.made_of):
        return "1 = 0"
    return " and ".join(f"{_text(engine, columns.fields[field])} <> ''" for field in key.made_of)


def _refuses(engine: Engine, columns: Columns, name: str, *, counts: bool) -> str:
    yes, no = CONSENTS[name]
    if name not in columns.consents:
        return "1 = 0" if counts else "1 = 1"
    said = f"lower(trim({_text(engine, columns.consents[name])}))"
    words = ", ".join(f"'{word}'" for word in (no if counts else yes))
    return f"{said} in ({words})" if counts else f"{said} not in ({words})"


def _text(engine: Engine, column: str) -> str:
    return f"coalesce(cast({engine.named(column)} as {engine.text}), '')"
