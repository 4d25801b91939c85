"""Whom an issuer of single sign-on means by whom."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "gateway_external_identities",
        sa.Column("issuer", sa.String(512), primary_key=True),
        sa.Column("subject", sa.String(255), primary_key=True),
        sa.Column("user_id", sa.String(64), sa.ForeignKey("gateway_users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
    )
    op.create_index("gateway_external_identities_user", "gateway_external_identities", ["user_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("gateway_external_identities")
