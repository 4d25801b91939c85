"""Answers kept under idempotency keys, for all replicas.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "llm_kept_answer",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=True),
    )
    op.create_index("llm_kept_answer_by_time", "llm_kept_answer", ["expire_time"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("llm_kept_answer")
