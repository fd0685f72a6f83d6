"""Whose turn it is: until when limits of channels are closed, and which ad account had a slice last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from segsync.db import Base


class LimitScope(Base):
    """A limit of a channel that runs waited for, for one application, person or ad account. Counted is in Redis; here stands until when."""

    __tablename__ = "limit_scope"

    name: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str]
    per: Mapped[str]
    """Whose calls the channel counts together: `connectors.limits.Per`."""
    code: Mapped[str]
    opens_at: Mapped[datetime]


class AccountTurn(Base):
    """When an ad account last had a slice: the one that waits longest is next."""

    __tablename__ = "account_turn"

    channel: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
