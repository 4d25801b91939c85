"""The tables of llm-service."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

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
    Column("savings_pico", BigInteger, nullable=True),
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

budget: Final = Table(
    "llm_budget",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(128), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("period", String(16), nullable=False),
    Column("limit_pico", BigInteger, nullable=False),
    Index("llm_budget_by_tenant", "tenant_id", "id"),
)

# What is spent and set aside in one period of a budget.
budget_use: Final = Table(
    "llm_budget_use",
    metadata,
    Column("budget_id", String(64), primary_key=True),
    Column("period_start", BigInteger, primary_key=True, autoincrement=False),
    Column("spent_pico", BigInteger, nullable=False),
    Column("reserved_pico", BigInteger, nullable=False),
)

# What one call under way has set aside (of nothing: it expired); given back at its end, or when its process died.
budget_hold: Final = Table(
    "llm_budget_hold",
    metadata,
    Column("hold_id", String(64), primary_key=True),
    Column("budget_id", String(64), primary_key=True),
    Column("period_start", BigInteger, nullable=False),
    Column("amount_pico", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    Index("llm_budget_hold_by_time", "expire_time"),
)

key_policy: Final = Table(
    "llm_key_policy",
    metadata,
    Column("tenant_id", String(128), primary_key=True),
    Column("key_id", String(128), primary_key=True),
    Column("allowed_models", JSON, nullable=False),
    Column("tokens_per_minute", BigInteger, nullable=False),
    Column("requests_per_minute", BigInteger, nullable=False),
    Column("semantic_cache", Boolean, nullable=False),
)

# Prices as decimal text, USD per million tokens.
price: Final = Table(
    "llm_price",
    metadata,
    Column("provider", String(64), primary_key=True),
    Column("model", String(256), primary_key=True),
    Column("input", String(40), nullable=False),
    Column("output", String(40), nullable=False),
    Column("cache_read", String(40), nullable=True),
    Column("cache_write", String(40), nullable=True),
    Column("since", BigInteger, nullable=False),
)

# Answers under the idempotency keys of callers (digests); without a value one is being made, by `owner`.
kept_answer: Final = Table(
    "llm_kept_answer",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    Column("value", LargeBinary, nullable=True),
    Index("llm_kept_answer_by_time", "expire_time"),
)
