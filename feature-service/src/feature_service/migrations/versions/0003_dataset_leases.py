"""Who builds a data set, and until when that is believed without another word."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the defaults are for replicas of the version before, which do not know them."""
    op.add_column("dataset", sa.Column("owner", sa.Text, nullable=False, server_default=""))
    op.add_column("dataset", sa.Column("lease_until", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("dataset", "lease_until")
    op.drop_column("dataset", "owner")
