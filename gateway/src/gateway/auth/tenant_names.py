"""The names of a tenant's users while one is given: nobody else gives one there at the same moment."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select

from gateway.auth.identity import User
from gateway.auth.row import user_from_row
from gateway.auth.table import users
from penstock_kit.database.asynchronous import AsyncConnection

# "name" in ASCII: the advisory lock of who gives a tenant's names.
_LOCK: Final = 0x6E616D65


async def lock_names(connection: AsyncConnection, tenant_id: str) -> Sequence[User]:
    """Return the users of a tenant, to which no other transaction that asks for them adds one before this one ends.

    On SQLite a transaction that writes is alone anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(tenant_id))))
    found = await connection.execute(select(users).where(users.c.tenant_id == tenant_id))
    rows: Sequence[Any] = found.mappings().all()
    return [user_from_row(row) for row in rows]
