"""The tables behind alerts. Times are microseconds since the Unix epoch; `definition` is JSON."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from gateway.auth.table import metadata

alarms = Table(
    "gateway_alarms",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("definition", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index("gateway_alarms_tenant", "tenant_id", "id"),
)

channels = Table(
    "gateway_channels",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("definition", Text, nullable=False),  # encrypted: addresses of robots are secrets
    Column("create_time", BigInteger, nullable=False),
    Index("gateway_channels_tenant", "tenant_id", "id"),
)

alert_states = Table(
    "gateway_alert_states",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("rule_id", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("definition", Text, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Index("gateway_alert_states_tenant", "tenant_id", "status"),
)

deliveries = Table(
    "gateway_deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("channel_id", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_time", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("error", String(512), nullable=False),
    Column("message", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index("gateway_deliveries_due", "status", "next_time"),
)

leases = Table(
    "gateway_leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
)
