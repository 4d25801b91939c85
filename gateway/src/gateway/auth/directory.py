"""Users over their life."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.auth.authenticator import Authenticator
from gateway.auth.identity import User
from gateway.auth.password import MIN_LENGTH, Passwords
from gateway.auth.scope import MEMBER_SCOPES, checked_scopes
from gateway.auth.store import IdentityStore
from penstock_kit.clock import Clock
from penstock_kit.context import DEFAULT_TENANT, Caller
from penstock_kit.errors import (
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from penstock_kit.ids import new_id

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserWish:
    """What a new user should be. Empty scopes: everything but administration; no tenant: the caller's."""

    username: str
    password: str
    scopes: frozenset[str] = frozenset()
    tenant_id: str = ""


class Directory:
    """The users of a tenant, for its administrators. Those of the default tenant may open further tenants."""

    def __init__(
        self, *, store: IdentityStore, passwords: Passwords, authenticator: Authenticator, clock: Clock
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._authenticator = authenticator
        self._clock = clock

    async def make(self, caller: Caller, wish: UserWish) -> User:
        """Store a new user; raise AlreadyExists for a taken name, InvalidArgument for a weak password."""
        tenant_id = _tenant(caller, wish.tenant_id)
        _check_password(wish.password)
        user = User(
            id=new_id("user"),
            tenant_id=tenant_id,
            username=wish.username,
            password_hash=await self._passwords.hash(wish.password),
            scopes=checked_scopes(wish.scopes or MEMBER_SCOPES, granter=caller),
            active=True,
            create_time=self._clock.now(),
        )
        if not await self._store.add_user(user):
            raise AlreadyExists(f"the username {wish.username!r} is taken", reason="USERNAME_TAKEN")
        return user

    async def listed(self, caller: Caller) -> Sequence[User]:
        """Return the users of the caller's tenant."""
        return await self._store.users(caller.tenant_id)

    async def delete(self, caller: Caller, user_id: str) -> None:
        """Delete a user with all keys and sessions."""
        if user_id == caller.user_id:
            raise FailedPrecondition("you cannot delete yourself", reason="OWN_USER")
        if not await self._store.delete_user(caller.tenant_id, user_id):
            raise NotFound(f"there is no user {user_id!r}", reason="USER_NOT_FOUND")
        self._authenticator.forget()

    async def change_password(self, caller: Caller, *, current: str, new: str) -> None:
        """Replace the caller's own password; raise PermissionDenied when `current` is not it."""
        user = await self._store.user(caller.user_id)
        if user is None or not await self._passwords.verify(current, user.password_hash):
            raise PermissionDenied("the current password is wrong", reason="PASSWORD_WRONG")
        _check_password(new)
        await self._store.set_password(user.id, await self._passwords.hash(new))


def _tenant(caller: Caller, asked: str) -> str:
    if not asked or asked == caller.tenant_id:
        return caller.tenant_id
    if caller.tenant_id != DEFAULT_TENANT:
        message = f"only administrators of the tenant {DEFAULT_TENANT!r} make users of other tenants"
        raise PermissionDenied(message, reason="TENANT_FOREIGN")
    if not _TENANT.fullmatch(asked):
        description = "must be 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit"
        violation = FieldViolation(field="tenant_id", description=description)
        raise InvalidArgument(f"tenant_id {description}", reason="TENANT_INVALID", violations=[violation])
    return asked


def _check_password(password: str) -> None:
    if len(password) < MIN_LENGTH:
        description = f"must have at least {MIN_LENGTH} characters, not {len(password)}"
        violation = FieldViolation(field="password", description=description)
        raise InvalidArgument(f"password {description}", reason="PASSWORD_WEAK", violations=[violation])
