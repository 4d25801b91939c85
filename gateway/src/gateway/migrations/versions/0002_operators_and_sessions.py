"""Epochs of sessions; the first administrator becomes the installation's operator."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DEFAULT_TENANT = "default"
_FIRST_KEY = "first start"

_users = sa.table(
    "gateway_users", sa.column("id"), sa.column("tenant_id"), sa.column("scopes"), sa.column("create_time")
)
_keys = sa.table("gateway_api_keys", sa.column("id"), sa.column("user_id"), sa.column("name"), sa.column("scopes"))


def upgrade() -> None:
    """Add the columns, and the scope operator to whom the first start made and to the key it wrote to a file.

    Up to here administrators of the tenant ``default`` could do what is now the operator's. Of them the oldest is
    the one that the first start made, for it makes one only where there is no user at all; the others are
    administrators of their tenant. Other keys of the operator stay what they are: a new one is made with more.
    """
    for table in ("gateway_users", "gateway_refresh_tokens"):
        op.add_column(table, sa.Column("session_epoch", sa.BigInteger, nullable=False, server_default="0"))
    connection = op.get_bind()
    oldest = sa.select(_users.c.id, _users.c.scopes).where(_users.c.tenant_id == _DEFAULT_TENANT)
    for user_id, scopes in connection.execute(oldest.order_by(_users.c.create_time, _users.c.id)).all():
        if "admin" not in scopes.split(","):
            continue
        connection.execute(sa.update(_users).where(_users.c.id == user_id).values(scopes=_with_operator(scopes)))
        first = sa.and_(_keys.c.user_id == user_id, _keys.c.name == _FIRST_KEY)
        for key_id, held in connection.execute(sa.select(_keys.c.id, _keys.c.scopes).where(first)).all():
            if "admin" in held.split(","):
                connection.execute(sa.update(_keys).where(_keys.c.id == key_id).values(scopes=_with_operator(held)))
        break


def downgrade() -> None:
    """Drop the columns and take the scope away."""
    connection = op.get_bind()
    for table in (_users, _keys):
        for row_id, scopes in connection.execute(sa.select(table.c.id, table.c.scopes)).all():
            if "operator" in scopes.split(","):
                kept = ",".join(scope for scope in scopes.split(",") if scope != "operator")
                connection.execute(sa.update(table).where(table.c.id == row_id).values(scopes=kept))
    op.drop_column("gateway_refresh_tokens", "session_epoch")
    op.drop_column("gateway_users", "session_epoch")


def _with_operator(scopes: str) -> str:
    return ",".join(sorted({*filter(None, scopes.split(",")), "operator"}))
