"""Asking a channel from a page: the question is recorded, a worker answers, and the page polls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segsync.actions import asks
from segsync.models import Ask
from segsync.rules.terms import AskState
from segsync.web.frame import actor, db, runtime


def asked(kind: str, params: Mapping[str, Any]) -> Ask:
    """Asks, unless the same question is under way or could not be answered a moment ago: then that one is told."""
    last = asks.last(db(), actor(), kind, params)
    if last is not None and (under_way(last) or asks.failed_lately(runtime(), last)):
        return last
    question = asks.ask(runtime(), db(), actor(), kind, params)
    db().commit()
    runtime().queue.wake_ask(question.id)
    return question


def under_way(question: Ask | None) -> bool:
    """Whether an answer is still to come."""
    return question is not None and question.state in {AskState.QUEUED, AskState.WORKING}
