"""The ledger.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the ledger."""
    op.create_table(
        "llm_ledger",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("key_id", sa.String(128), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("operation", sa.String(16), nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("model", sa.String(256), nullable=False),
        sa.Column("requested_model", sa.String(256), nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost_pico", sa.BigInteger, nullable=True),
        sa.Column("price_source", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("error_kind", sa.String(64), nullable=False),
        sa.Column("finish_reason", sa.String(24), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.Column("duration", sa.Float, nullable=False),
        sa.Column("time_to_first_token", sa.Float, nullable=True),
        sa.Column("surface", sa.String(32), nullable=False),
        sa.Column("end_user", sa.String(256), nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
    )
    op.create_index("llm_ledger_by_time", "llm_ledger", ["tenant_id", "create_time"])
    op.create_index("llm_ledger_by_user", "llm_ledger", ["tenant_id", "user_id", "create_time"])
    op.create_index("llm_ledger_by_key", "llm_ledger", ["tenant_id", "key_id", "create_time"])


def downgrade() -> None:
    """Drop the ledger."""
    op.drop_table("llm_ledger")
