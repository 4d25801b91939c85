"""The tables of llm-service."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

metadata: Final = MetaData()

# Times are microseconds since 1970 in UTC, money is 1e-12 USD: integers sum exactly on every store.
ledger: Final = Table(
    "llm_ledger",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("create_time", BigInteger, nullable=False),
    Column("tenant_id", String(128), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("key_id", String(128), nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("operation", String(16), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("model", String(256), nullable=False),
    Column("requested_model", String(256), nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("cost_pico", BigInteger, nullable=True),
    Column("price_source", String(16), nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("error_kind", String(64), nullable=False),
    Column("finish_reason", String(24), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("cached", Boolean, nullable=False),
    Column("duration", Float, nullable=False),
    Column("time_to_first_token", Float, nullable=True),
    Column("surface", String(32), nullable=False),
    Column("end_user", String(256), nullable=False),
    Column("labels", JSON, nullable=False),
    Index("llm_ledger_by_time", "tenant_id", "create_time"),
    Index("llm_ledger_by_user", "tenant_id", "user_id", "create_time"),
    Index("llm_ledger_by_key", "tenant_id", "key_id", "create_time"),
)
