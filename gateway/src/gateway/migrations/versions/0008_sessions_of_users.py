"""The refresh tokens of a user are found without reading those of everybody."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("gateway_refresh_tokens_user", "gateway_refresh_tokens", ["user_id", "family_id", "create_time"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("gateway_refresh_tokens_user", "gateway_refresh_tokens")
