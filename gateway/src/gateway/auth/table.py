"""The tables behind the identity store. Times are microseconds since the Unix epoch, scopes comma separated."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

users = Table(
    "gateway_users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("username", String(128), nullable=False),
    Column("password_hash", String(256), nullable=False),
    Column("scopes", String(512), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("session_epoch", BigInteger, nullable=False, server_default="0"),
    Index("gateway_users_tenant", "tenant_id", "id"),
    Index("gateway_users_name", "username", "tenant_id", unique=True),
)

api_keys = Table(
    "gateway_api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("user_id", String(64), ForeignKey("gateway_users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("prefix", String(32), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),
    Column("previous_digest", String(64), nullable=False),
    Column("previous_expire_time", BigInteger),
    Column("scopes", String(512), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("expire_time", BigInteger),
    Index("gateway_api_keys_user", "tenant_id", "user_id"),
)

refresh_tokens = Table(
    "gateway_refresh_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("family_id", String(64), nullable=False),
    Column("user_id", String(64), ForeignKey("gateway_users.id", ondelete="CASCADE"), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    Column("used", Boolean, nullable=False),
    Column("session_epoch", BigInteger, nullable=False, server_default="0"),
    Index("gateway_refresh_tokens_family", "family_id"),
    Index("gateway_refresh_tokens_expiry", "expire_time"),
    Index("gateway_refresh_tokens_user", "user_id", "family_id", "create_time"),
)

external_identities = Table(
    "gateway_external_identities",
    metadata,
    # Whom an issuer of single sign-on means: both are compared as they are, and nothing else is.
    Column("issuer", String(512), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("user_id", String(64), ForeignKey("gateway_users.id", ondelete="CASCADE"), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index("gateway_external_identities_user", "user_id"),
)

kept_answers = Table(
    "gateway_kept_answers",
    metadata,
    # A digest of whose key it is and the key.
    Column("name", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    # 0 while the answer is being made.
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index("gateway_kept_answers_time", "time"),
)
