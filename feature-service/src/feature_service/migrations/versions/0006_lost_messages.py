"""Messages of a broker that were lost, by minute."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "lost_messages",
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("loss", sa.Text, primary_key=True),
        sa.Column("messages", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("lost_messages")
