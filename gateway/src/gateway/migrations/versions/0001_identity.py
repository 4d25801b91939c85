"""Users, API keys and refresh tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "gateway_users",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("username", sa.String(128), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(256), nullable=False),
        sa.Column("scopes", sa.String(512), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
    )
    op.create_index("gateway_users_tenant", "gateway_users", ["tenant_id", "id"])
    op.create_table(
        "gateway_api_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), sa.ForeignKey("gateway_users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("prefix", sa.String(32), nullable=False, unique=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("previous_digest", sa.String(64), nullable=False),
        sa.Column("previous_expire_time", sa.BigInteger),
        sa.Column("scopes", sa.String(512), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger),
    )
    op.create_index("gateway_api_keys_user", "gateway_api_keys", ["tenant_id", "user_id"])
    op.create_table(
        "gateway_refresh_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("family_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), sa.ForeignKey("gateway_users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Column("used", sa.Boolean, nullable=False),
    )
    op.create_index("gateway_refresh_tokens_family", "gateway_refresh_tokens", ["family_id"])
    op.create_index("gateway_refresh_tokens_expiry", "gateway_refresh_tokens", ["expire_time"])


def downgrade() -> None:
    """Drop the three tables."""
    op.drop_table("gateway_refresh_tokens")
    op.drop_table("gateway_api_keys")
    op.drop_table("gateway_users")
