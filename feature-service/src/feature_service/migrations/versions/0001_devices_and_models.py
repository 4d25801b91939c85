"""Devices, their fields, and data models."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "device",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("device_code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("device_type", sa.Text, nullable=False),
        sa.Column("model_code", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("first_seen", sa.BigInteger),
        sa.Column("last_seen", sa.BigInteger),
    )
    op.create_index("device_by_type", "device", ["tenant_id", "device_type", "device_code"])
    op.create_index("device_by_model", "device", ["tenant_id", "model_code", "device_code"])
    op.create_table(
        "device_field",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("device_code", sa.Text, primary_key=True),
        sa.Column("field_code", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "device_code"], ["device.tenant_id", "device.device_code"], ondelete="CASCADE"
        ),
    )
    op.create_table(
        "type_field",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("device_type", sa.Text, primary_key=True),
        sa.Column("field_code", sa.Text, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
    )
    op.create_table(
        "data_model",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("model_code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("device_type", sa.Text, nullable=False),
        sa.Column("model_type", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("label_field", sa.Text, nullable=False),
        sa.Column("defaults", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    op.create_index("data_model_by_type", "data_model", ["tenant_id", "model_type", "active"])
    op.create_index(
        "active_data_model",
        "data_model",
        ["tenant_id", "model_code"],
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "model_field",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("model_code", sa.Text, primary_key=True),
        sa.Column("field_code", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "model_code"], ["data_model.tenant_id", "data_model.model_code"], ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("model_field", "data_model", "type_field", "device_field", "device"):
        op.drop_table(table)
