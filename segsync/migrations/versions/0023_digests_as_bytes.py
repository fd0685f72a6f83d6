"""Nothing in the tables: from here on files of ledgers and plans hold digests as bytes.

A release from before reads such files without noticing that their keys look otherwise, so it must not start.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Files from before are read as they are."""


def downgrade() -> None:
    """There is no way back but the backup."""
