"""Data sets and their jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "dataset",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("dataset_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("model_code", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Column("train_samples", sa.BigInteger, nullable=False),
        sa.Column("val_samples", sa.BigInteger, nullable=False),
        sa.Column("feature_names", sa.Text, nullable=False),
        sa.Column("class_distribution", sa.Text, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("dataset_by_request", "dataset", ["tenant_id", "request_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("dataset")
