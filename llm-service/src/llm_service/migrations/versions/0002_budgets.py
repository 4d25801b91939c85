"""Budgets, policies of keys, prices set at run time and what prompt caches saved.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.add_column("llm_ledger", sa.Column("savings_pico", sa.BigInteger, nullable=True))
    op.create_table(
        "llm_budget",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("limit_pico", sa.BigInteger, nullable=False),
    )
    op.create_index("llm_budget_by_tenant", "llm_budget", ["tenant_id", "id"])
    op.create_table(
        "llm_budget_use",
        sa.Column("budget_id", sa.String(64), primary_key=True),
        sa.Column("period_start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("spent_pico", sa.BigInteger, nullable=False),
        sa.Column("reserved_pico", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "llm_budget_hold",
        sa.Column("hold_id", sa.String(64), primary_key=True),
        sa.Column("budget_id", sa.String(64), primary_key=True),
        sa.Column("period_start", sa.BigInteger, nullable=False),
        sa.Column("amount_pico", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
    )
    op.create_index("llm_budget_hold_by_time", "llm_budget_hold", ["expire_time"])
    op.create_table(
        "llm_key_policy",
        sa.Column("tenant_id", sa.String(128), primary_key=True),
        sa.Column("key_id", sa.String(128), primary_key=True),
        sa.Column("allowed_models", sa.JSON, nullable=False),
        sa.Column("tokens_per_minute", sa.BigInteger, nullable=False),
        sa.Column("requests_per_minute", sa.BigInteger, nullable=False),
        sa.Column("semantic_cache", sa.Boolean, nullable=False),
    )
    op.create_table(
        "llm_price",
        sa.Column("provider", sa.String(64), primary_key=True),
        sa.Column("model", sa.String(256), primary_key=True),
        sa.Column("input", sa.String(40), nullable=False),
        sa.Column("output", sa.String(40), nullable=False),
        sa.Column("cache_read", sa.String(40), nullable=True),
        sa.Column("cache_write", sa.String(40), nullable=True),
        sa.Column("since", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("llm_price", "llm_key_policy", "llm_budget_hold", "llm_budget_use", "llm_budget"):
        op.drop_table(name)
    op.drop_column("llm_ledger", "savings_pico")
