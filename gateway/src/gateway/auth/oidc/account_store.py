"""The users of issuers in SQLite or PostgreSQL."""

from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.auth.identity import ExternalIdentity, User
from gateway.auth.look_alikes import looks_of
from gateway.auth.oidc.group_rules import Grant
from gateway.auth.row import micros, user_from_row, user_to_row
from gateway.auth.table import api_keys, external_identities, refresh_tokens, users
from gateway.auth.tenant_names import lock_names
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection


class ExternalAccountStore:
    """Which user an identity of an issuer's is. Each change is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def user(self, identity: ExternalIdentity) -> User | None:
        """Return the user that an identity is bound to."""
        same = (external_identities.c.issuer == identity.issuer) & (external_identities.c.subject == identity.subject)
        query = select(users).join(external_identities, external_identities.c.user_id == users.c.id).where(same)
        async with self._database.read() as connection:
            row: Any = (await connection.execute(query)).mappings().first()
        return None if row is None else user_from_row(row)

    async def add(self, identity: ExternalIdentity, user: User) -> bool:
        """Store a user and whose it is; False when the name, or one that looks like it, is taken, or the identity has
        a user."""
        bound = {
            "issuer": identity.issuer,
            "subject": identity.subject,
            "user_id": user.id,
            "create_time": micros(user.create_time),
        }
        try:
            async with self._database.write() as connection:
                if await _is_taken(connection, user.tenant_id, user.username):
                    return False
                await connection.execute(insert(users).values(**user_to_row(user)))
                await connection.execute(insert(external_identities).values(**bound))
        except IntegrityError:
            return False
        return True

    async def set_scopes(self, user_id: str, scopes: frozenset[str]) -> None:
        """Give a user other scopes."""
        async with self._database.write() as connection:
            changed = update(users).where(users.c.id == user_id).values(scopes=",".join(sorted(scopes)))
            await connection.execute(changed)

    async def move(self, user_id: str, username: str, grant: Grant) -> bool:
        """Move a user to another tenant and end all that the user has in the one so far: sessions and API keys.

        False when the name, or one that looks like it, is taken there.
        """
        values = {"tenant_id": grant.tenant_id, "username": username, "scopes": ",".join(sorted(grant.scopes))}
        try:
            async with self._database.write() as connection:
                if await _is_taken(connection, grant.tenant_id, username):
                    return False
                await _end(connection, user_id, values)
        except IntegrityError:
            return False
        return True

    async def withdraw(self, user_id: str) -> None:
        """Take everything that a user may, and end the user's sessions; API keys reach nothing any more."""
        async with self._database.write() as connection:
            await _end(connection, user_id, {"scopes": ""}, with_keys=False)


async def _end(connection: AsyncConnection, user_id: str, values: dict[str, str], *, with_keys: bool = True) -> None:
    changed = update(users).where(users.c.id == user_id)
    await connection.execute(changed.values(session_epoch=users.c.session_epoch + 1, **values))
    await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.user_id == user_id))
    if with_keys:
        await connection.execute(delete(api_keys).where(api_keys.c.user_id == user_id))


async def _is_taken(connection: AsyncConnection, tenant_id: str, username: str) -> bool:
    looks = looks_of(username)
    return any(not looks.isdisjoint(looks_of(other.username)) for other in await lock_names(connection, tenant_id))
