"""Logging, set up once for a process: text for people or JSON for programs, with a last net under personal data.

Nothing personal should ever be given to a log; this net is for the day when something is.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

NETS: Final = (
    # no more stands before the @, and without that limit a long word would be looked at again from each of its letters
    (re.compile(r"[^\s@<>\"(),;]{1,64}@[^\s@<>\"'(),;=]+\.[^\s@<>\"'(),;=]+"), "[e-mail]"),
    (re.compile(r"\b[0-9a-fA-F]{64}\b"), "[hash]"),
    (re.compile(r"(?<![\w.])\+\d{7,15}\b"), "[phone]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 [token]"),
    (re.compile(r"(?i)\b(access_token|refresh_token|client_secret|code|password)=[^&\s]+"), r"\1=[secret]"),
    # long, and of capitals, small letters and digits: what tokens look like and words do not
    (re.compile(r"(?<![\w.-])(?=[\w.-]*\d)(?=[\w.-]*[a-z])(?=[\w.-]*[A-Z])[\w.-]{32,}=*"), "[token]"),
)
LOUD: Final = ("rq.worker", "rq.job", "urllib3", "alembic", "werkzeug", "google", "facebook_business")
"""Libraries whose lines are worth reading only when something is wrong."""


def set_up(level: str, form: str) -> None:
    """Everything that is logged in this process, by us or by libraries, goes to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        catch_personal_data,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def catch_personal_data(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replaces what looks like an e-mail, a phone, a hash or a token in every value."""
    return {name: value if name in {"timestamp", "_record"} else _clean(value) for name, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, instead in NETS:
            value = pattern.sub(instead, value)
        return value
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean(str(value))
