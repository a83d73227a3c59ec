"""What rules remembered, put aside every few hours for looks back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table; older instants are looked at from the beginning, as before."""
    op.create_table(
        "checkpoints",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("instances", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "at_us", name=op.f("pk_checkpoints")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_checkpoints_at_us"), "checkpoints", ["at_us"], unique=False)
