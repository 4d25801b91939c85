"""What a data set is to be made of, and how often that was begun, so that another process can begin it again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the defaults are for replicas of the version before, whose jobs nobody can begin again."""
    op.add_column("dataset", sa.Column("plan", sa.Text, nullable=False, server_default=""))
    op.add_column("dataset", sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("dataset", "attempts")
    op.drop_column("dataset", "plan")
