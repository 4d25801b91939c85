"""Pictures of questions: their description in the messages, their bytes in a table of their own.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of pictures and add their description to messages."""
    op.add_column("messages", sa.Column("pictures_json", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "pictures",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column(
            "conversation_id", sa.String(64), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_pictures_conversation", "pictures", ["conversation_id"])


def downgrade() -> None:
    """Forget the pictures."""
    op.drop_table("pictures")
    op.drop_column("messages", "pictures_json")
