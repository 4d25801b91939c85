"""A user's name is unique within its tenant, no longer over all: else one tenant learns the names of another."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Parents first. SQLite can't drop a constraint, and a table that is dropped takes along what refers to it.
_TABLES = ("gateway_users", "gateway_api_keys", "gateway_refresh_tokens")


def upgrade() -> None:
    """Let tenants have users of the same name."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("gateway_users_username_key", "gateway_users", type_="unique")
    else:
        _rebuild(unique=False)
    op.create_index("gateway_users_name", "gateway_users", ["username", "tenant_id"], unique=True)


def downgrade() -> None:
    """Let every name be once. Fails while two tenants have users of one name."""
    op.drop_index("gateway_users_name", "gateway_users")
    if op.get_bind().dialect.name == "postgresql":
        op.create_unique_constraint("gateway_users_username_key", "gateway_users", ["username"])
    else:
        _rebuild(unique=True)


def _rebuild(*, unique: bool) -> None:
    """Make the three tables anew, with what is in them."""
    for table in _TABLES:
        op.execute(f"CREATE TABLE {table}_kept AS SELECT * FROM {table}")  # noqa: S608 - our own names
    for table in reversed(_TABLES):
        op.drop_table(table)
    _create(unique=unique)
    for table in _TABLES:
        columns = ", ".join(column["name"] for column in sa.inspect(op.get_bind()).get_columns(table))
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_kept")  # noqa: S608 - our own names
        op.drop_table(f"{table}_kept")


def _create(*, unique: bool) -> None:
    op.create_table(
        "gateway_users",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("username", sa.String(128), nullable=False, unique=unique),
        sa.Column("password_hash", sa.String(256), nullable=False),
        sa.Column("scopes", sa.String(512), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("session_epoch", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_index("gateway_users_tenant", "gateway_users", ["tenant_id", "id"])
    op.create_table(
        "gateway_api_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), sa.ForeignKey("gateway_users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("prefix", sa.String(32), nullable=False, unique=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("previous_digest", sa.String(64), nullable=False),
        sa.Column("previous_expire_time", sa.BigInteger),
        sa.Column("scopes", sa.String(512), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger),
    )
    op.create_index("gateway_api_keys_user", "gateway_api_keys", ["tenant_id", "user_id"])
    op.create_table(
        "gateway_refresh_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("family_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), sa.ForeignKey("gateway_users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Column("used", sa.Boolean, nullable=False),
        sa.Column("session_epoch", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_index("gateway_refresh_tokens_family", "gateway_refresh_tokens", ["family_id"])
    op.create_index("gateway_refresh_tokens_expiry", "gateway_refresh_tokens", ["expire_time"])
