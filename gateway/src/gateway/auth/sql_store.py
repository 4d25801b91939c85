"""The identity store in SQLite or PostgreSQL."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Delete, Executable, Select, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from gateway.auth.identity import ApiKey, RefreshToken, User
from gateway.auth.row import (
    key_from_row,
    key_to_row,
    micros,
    token_from_row,
    token_to_row,
    user_from_row,
    user_to_row,
)
from gateway.auth.table import api_keys, refresh_tokens, users
from gateway.auth.tenant_names import lock_names
from penstock_kit.context import DEFAULT_TENANT
from penstock_kit.database import Database

# Sessions of a user that one look ends; what is left ends at the next one.
_MOST_ENDED: Final = 500


class SqlIdentityStore:
    """An :class:`~gateway.auth.store.IdentityStore` on SQLAlchemy Core."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ping(self) -> None:
        """Return when the store answers; raise Unavailable otherwise."""
        await self._database.ping()

    async def count_users(self) -> int:
        """Return how many users there are."""
        async with self._database.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(users))).scalar_one())

    async def add_administrator(self, user: User, key: ApiKey) -> bool:
        """Store the first user and its key in one transaction; False when the name is taken."""
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(users).values(**user_to_row(user)))
                await connection.execute(insert(api_keys).values(**key_to_row(key)))
        except IntegrityError:
            return False
        return True

    async def add_user(self, user: User, *, is_taken: Callable[[User], bool] | None = None) -> bool:
        """Store `user`; False when its name is taken in its tenant, or by one of its users that `is_taken` finds: no
        other user of the tenant is stored between that look and the storing, at whatever gateway."""
        try:
            async with self._database.write() as connection:
                if is_taken is not None and any(map(is_taken, await lock_names(connection, user.tenant_id))):
                    return False
                await connection.execute(insert(users).values(**user_to_row(user)))
        except IntegrityError:
            return False
        return True

    async def user(self, user_id: str) -> User | None:
        """Return the user with this id."""
        row = await self._one(select(users).where(users.c.id == user_id))
        return None if row is None else user_from_row(row)

    async def user_by_name(self, username: str, *, tenant_id: str = DEFAULT_TENANT) -> User | None:
        """Return the user of this name in a tenant."""
        row = await self._one(select(users).where(users.c.username == username, users.c.tenant_id == tenant_id))
        return None if row is None else user_from_row(row)

    async def users_by_name(
        self, username: str, *, tenant_id: str = "", active_only: bool = False, limit: int = 8
    ) -> Sequence[User]:
        """Return the users of this name, of one tenant or of all; the oldest first."""
        query = select(users).where(users.c.username == username)
        if tenant_id:
            query = query.where(users.c.tenant_id == tenant_id)
        if active_only:
            query = query.where(users.c.active)
        rows = await self._all(query.order_by(users.c.create_time, users.c.id).limit(limit))
        return [user_from_row(row) for row in rows]

    async def users(self, tenant_id: str) -> Sequence[User]:
        """Return a tenant's users by name."""
        rows = await self._all(select(users).where(users.c.tenant_id == tenant_id).order_by(users.c.username))
        return [user_from_row(row) for row in rows]

    async def users_by_id(self, user_ids: Sequence[str]) -> Sequence[User]:
        """Return those of the users that exist, of any tenant."""
        return [user_from_row(row) for row in await self._all(select(users).where(users.c.id.in_(user_ids)))]

    async def set_password(self, user_id: str, password_hash: str, *, replaces: str | None = None) -> bool:
        """Replace the hash of a user's password, when it is still `replaces`, and end the user's sessions."""
        changed = update(users).where(users.c.id == user_id)
        if replaces is not None:
            changed = changed.where(users.c.password_hash == replaces)
        changed = changed.values(password_hash=password_hash, session_epoch=users.c.session_epoch + 1)
        async with self._database.write() as connection:
            if (await connection.execute(changed)).rowcount == 0:
                return False
            await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.user_id == user_id))
        return True

    async def renew_hash(self, user_id: str, password_hash: str, *, replaces: str) -> bool:
        """Replace the hash of a user by another of the same password, when it is still `replaces`."""
        same = (users.c.id == user_id, users.c.password_hash == replaces)
        return await self._write(update(users).where(*same).values(password_hash=password_hash)) > 0

    async def delete_user(self, tenant_id: str, user_id: str) -> bool:
        """Delete a tenant's user with all keys and tokens; False when there is none."""
        return await self._write(delete(users).where(users.c.tenant_id == tenant_id, users.c.id == user_id)) > 0

    async def add_key(self, key: ApiKey, *, most: int | None = None, most_of_user: int | None = None) -> bool:
        """Store `key`; False when its tenant has `most` keys already, or its user `most_of_user`."""
        row = key_to_row(key)
        chosen = select(*(literal(value, api_keys.c[name].type) for name, value in row.items()))
        count = select(func.count()).select_from(api_keys).where(api_keys.c.tenant_id == key.tenant_id)
        if most is not None:
            chosen = chosen.where(count.scalar_subquery() < most)
        if most_of_user is not None:
            chosen = chosen.where(count.where(api_keys.c.user_id == key.user_id).scalar_subquery() < most_of_user)
        return await self._write(insert(api_keys).from_select(list(row), chosen)) > 0

    async def key_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key that begins so."""
        row = await self._one(select(api_keys).where(api_keys.c.prefix == prefix))
        return None if row is None else key_from_row(row)

    async def key(self, tenant_id: str, key_id: str) -> ApiKey | None:
        """Return a tenant's key."""
        row = await self._one(select(api_keys).where(api_keys.c.tenant_id == tenant_id, api_keys.c.id == key_id))
        return None if row is None else key_from_row(row)

    async def keys_by_id(self, key_ids: Sequence[str]) -> Sequence[ApiKey]:
        """Return those of the keys that exist, of any tenant."""
        return [key_from_row(row) for row in await self._all(select(api_keys).where(api_keys.c.id.in_(key_ids)))]

    async def keys(self, tenant_id: str, user_id: str = "") -> Sequence[ApiKey]:
        """Return a tenant's keys, newest first; only a user's when `user_id` is given."""
        query = select(api_keys).where(api_keys.c.tenant_id == tenant_id).order_by(api_keys.c.id.desc())
        if user_id:
            query = query.where(api_keys.c.user_id == user_id)
        return [key_from_row(row) for row in await self._all(query)]

    async def replace_secret(self, key: ApiKey, *, replaces: str) -> bool:
        """Store the secrets of a rotated key; False when its digest is no longer `replaces`, or it is gone."""
        same = (api_keys.c.tenant_id == key.tenant_id) & (api_keys.c.id == key.id) & (api_keys.c.digest == replaces)
        return await self._write(update(api_keys).where(same).values(**key_to_row(key))) > 0

    async def delete_key(self, tenant_id: str, key_id: str) -> bool:
        """Delete a tenant's key; False when there is none."""
        return await self._write(delete(api_keys).where(api_keys.c.tenant_id == tenant_id, api_keys.c.id == key_id)) > 0

    async def add_token(self, token: RefreshToken) -> None:
        """Store `token`."""
        await self._write(insert(refresh_tokens).values(**token_to_row(token)))

    async def token(self, digest: str) -> RefreshToken | None:
        """Return the refresh token with this digest, used or not."""
        row = await self._one(select(refresh_tokens).where(refresh_tokens.c.digest == digest))
        return None if row is None else token_from_row(row)

    async def replace_token(self, digest: str, following: RefreshToken) -> bool:
        """Mark a token used and store the one that follows, in one transaction; False when it was used or is gone."""
        unused = (refresh_tokens.c.digest == digest) & refresh_tokens.c.used.is_(False)
        async with self._database.write() as connection:
            if (await connection.execute(update(refresh_tokens).where(unused).values(used=True))).rowcount == 0:
                return False
            await connection.execute(insert(refresh_tokens).values(**token_to_row(following)))
        return True

    async def count_family(self, family_id: str) -> int:
        """Return how many tokens a family has, used or not."""
        count = select(func.count()).select_from(refresh_tokens).where(refresh_tokens.c.family_id == family_id)
        async with self._database.read() as connection:
            return int((await connection.execute(count)).scalar_one())

    async def sessions_by_id(self, family_ids: Sequence[str]) -> Collection[str]:
        """Return those of the families that have a token, used or not."""
        found = select(refresh_tokens.c.family_id).where(refresh_tokens.c.family_id.in_(family_ids)).distinct()
        return {row["family_id"] for row in await self._all(found)}

    async def revoke_family(self, family_id: str) -> None:
        """Delete every token of a family, one too that a refresh under way is about to store."""
        family = refresh_tokens.c.family_id == family_id
        async with self._database.write() as connection:
            if not self._database.is_sqlite:  # there a transaction that writes is alone anyway
                await connection.execute(select(refresh_tokens.c.digest).where(family).with_for_update())
            await connection.execute(delete(refresh_tokens).where(family))

    async def end_sessions_beyond(self, most: int, user_id: str) -> int:
        """Delete a user's families but for the `most` that were refreshed last; return how many tokens went."""
        families = select(refresh_tokens.c.family_id).where(refresh_tokens.c.user_id == user_id)
        by_use = func.max(refresh_tokens.c.create_time).desc()
        async with self._database.read() as connection:
            ordered = families.group_by(refresh_tokens.c.family_id).order_by(by_use, refresh_tokens.c.family_id.desc())
            old = (await connection.execute(ordered.offset(most).limit(_MOST_ENDED))).scalars().all()
        return await self._write(delete(refresh_tokens).where(refresh_tokens.c.family_id.in_(old))) if old else 0

    async def drop_expired(self, now: datetime) -> int:
        """Delete the tokens that ended before `now`; return how many."""
        query: Delete = delete(refresh_tokens).where(refresh_tokens.c.expire_time < micros(now))
        return await self._write(query)

    async def _one(self, query: Select[Any]) -> Any:
        async with self._database.read() as connection:
            return (await connection.execute(query)).mappings().first()

    async def _all(self, query: Select[Any]) -> Sequence[Any]:
        async with self._database.read() as connection:
            return (await connection.execute(query)).mappings().all()

    async def _write(self, statement: Executable) -> int:
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount
