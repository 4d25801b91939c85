"""Series, their rows in partitions of time, and the series whose rows are still to be deleted."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    """
    CREATE TABLE telemetry_series (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant_id text NOT NULL,
        device_code text NOT NULL,
        fields text[] NOT NULL,
        kinds text[] NOT NULL,
        UNIQUE (tenant_id, device_code)
    )
    """,
    """
    CREATE TABLE telemetry_rows (
        series_id bigint NOT NULL,
        ts timestamptz NOT NULL,
        numbers float8[],
        texts text[],
        PRIMARY KEY (series_id, ts)
    ) PARTITION BY RANGE (ts)
    """,
    "CREATE TABLE telemetry_dropped (series_id bigint PRIMARY KEY)",
)


def upgrade() -> None:
    """Create the tables; partitions of ``telemetry_rows`` are made as rows arrive."""
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables."""
    for table in ("telemetry_dropped", "telemetry_rows", "telemetry_series"):
        op.execute(f"DROP TABLE {table}")
