"""The table behind the audit log. Times are microseconds since the Unix epoch; `details` is JSON."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from gateway.auth.table import metadata

audit = Table(
    "gateway_audit",
    metadata,
    # On SQLite only an INTEGER counts by itself.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("time", BigInteger, nullable=False),
    Column("tenant_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(256), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("details", Text, nullable=False),
    Index("gateway_audit_tenant", "tenant_id", "id"),
    Index("gateway_audit_action", "action", "time"),
    sqlite_autoincrement=True,
)
