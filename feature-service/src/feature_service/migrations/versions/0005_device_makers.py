"""Who registered a device: that user deletes it, else an administrator."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of the devices that are there nobody knows who made them."""
    op.add_column("device", sa.Column("created_by", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("device", "created_by")
