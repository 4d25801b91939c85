"""Users over their life."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.auth.admin_files import AdminFiles
from gateway.auth.authenticator import Authenticator
from gateway.auth.cluster_attempts import ClusterAttempts, Tally, attempt
from gateway.auth.delegation import Delegation, check_end, check_reach
from gateway.auth.identity import User
from gateway.auth.login_attempts import AttemptLimiter
from gateway.auth.look_alikes import looks_of
from gateway.auth.password import Passwords
from gateway.auth.password_policy import check_password
from gateway.auth.scope import MEMBER_SCOPES, check_scopes
from gateway.auth.store import IdentityStore
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger

log = get_logger(__name__)

MAX_USERS: Final = 10_000
"""Users of a tenant: they are listed whole, and a new name is compared with all of them."""
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUserRequest:
    """What a new user should be. Empty scopes: everything but administration; no tenant: the caller's."""

    username: str
    password: str
    scopes: frozenset[str] = frozenset()
    tenant_id: str = ""


class UserService:
    """The users of a tenant, for its administrators, and of every tenant, for operators."""

    def __init__(
        self,
        *,
        store: IdentityStore,
        passwords: Passwords,
        authenticator: Authenticator,
        delegation: Delegation,
        clock: Clock,
        cluster: ClusterAttempts | None = None,
        files: AdminFiles | None = None,
    ) -> None:
        self._cluster = cluster
        self._files = files
        self._delegation = delegation
        self._attempts = AttemptLimiter(clock=clock)
        self._store = store
        self._passwords = passwords
        self._authenticator = authenticator
        self._clock = clock

    async def create(self, caller: Caller, request: NewUserRequest) -> User:
        """Store a new user; raise AlreadyExists for a taken name, InvalidArgument for a weak password,
        ResourceExhausted (USERS_LIMIT_EXCEEDED) for one more than MAX_USERS.

        A name that looks like another one is taken, too.
        """
        tenant_id = _tenant(caller, request.tenant_id)
        check_end(None, await self._delegation.require_unlimited_key(caller))  # a user has no end and no limits
        check_password(request.password, username=request.username)
        users = require_room(await self._store.users(tenant_id))
        looks = looks_of(request.username)
        same = [user.username for user in users if not looks.isdisjoint(looks_of(user.username))]
        if same:
            raise AlreadyExists(f"the username {same[0]!r} is taken", reason="USER_EXISTS")
        user = User(
            id=new_id("user"),
            tenant_id=tenant_id,
            username=request.username,
            password_hash=await self._passwords.hash(request.password),
            scopes=check_scopes(request.scopes or MEMBER_SCOPES, granter=caller),
            active=True,
            create_time=self._clock.now(),
        )
        seen = {each.id for each in users}

        def is_taken(other: User) -> bool:
            """Whether somebody who came meanwhile has a name that looks the same."""
            return other.id not in seen and not looks.isdisjoint(looks_of(other.username))

        if not await self._store.add_user(user, is_taken=is_taken):
            raise AlreadyExists(f"the username {request.username!r} is taken", reason="USER_EXISTS")
        return user

    async def list_users(self, caller: Caller, tenant_id: str = "") -> Sequence[User]:
        """Return the users of the caller's tenant; an operator may name another."""
        return await self._store.users(_tenant(caller, tenant_id))

    async def get(self, caller: Caller, user_id: str) -> User:
        """Return a user whom `caller` may manage; raise NotFound for another tenant's, PermissionDenied
        (USER_DENIED) for one who may do more."""
        user = await self._store.user(user_id)
        if user is None or not (caller.is_operator or user.tenant_id == caller.tenant_id):
            raise NotFound(f"there is no user {user_id!r}; give the id of one", reason="USER_NOT_FOUND")
        check_reach(caller, user)
        return user

    async def delete(self, caller: Caller, user_id: str) -> tuple[User, Sequence[str]]:
        """Delete a user with all keys and sessions; return who it was, with the ids of the keys."""
        if user_id == caller.user_id:
            raise FailedPrecondition("you cannot delete yourself", reason="OWN_USER_CONFLICT")
        user = await self.get(caller, user_id)
        await self._delegation.require_current_key(caller)
        keys = await self._store.keys(user.tenant_id, user.id)
        if not await self._store.delete_user(user.tenant_id, user_id):
            raise NotFound(f"there is no user {user_id!r}", reason="USER_NOT_FOUND")
        self._authenticator.forget()
        return user, [key.id for key in keys]

    async def change_password(self, caller: Caller, *, current: str, new: str) -> None:
        """Replace the caller's own password and end all the caller's sessions; a file of the home that holds the old
        one says from then on that it was changed.

        Raises PermissionDenied (CURRENT_PASSWORD_INVALID) when `current` is not it, and after some of these
        ResourceExhausted (ATTEMPTS_LIMIT_EXCEEDED), as at a login: who found an open session must not find out the
        password by it. Of several changes at once one counts; the others raise Aborted (PASSWORD_CONFLICT).
        """
        allowed = partial(self._attempts.check, caller.user_id)
        tally = Tally(kind="password", subject=caller.user_id, limiter=self._attempts)
        if self._cluster is not None:
            await self._cluster.learn([tally])
        allowed()
        user = await self._store.user(caller.user_id)
        stored = user.password_hash if user is not None else ""
        guess = partial(attempt, self._cluster, [tally], check=allowed)
        if not await self._passwords.verify(current, stored, attempt=guess) or user is None:
            raise PermissionDenied("the current password is wrong", reason="CURRENT_PASSWORD_INVALID")
        self._attempts.record_success(caller.user_id)
        if self._cluster is not None:
            await self._cluster.record_success(tally)
        check_password(new, username=user.username)
        hashed = await self._passwords.hash(new)
        if not await self._store.set_password(user.id, hashed, replaces=user.password_hash):
            message = "the password was changed meanwhile; log in with the one that counts now"
            raise Aborted(message, reason="PASSWORD_CONFLICT")
        self._authenticator.forget()
        if self._files is not None and new != current:
            await asyncio.to_thread(self._withdraw, self._files, current)

    def _withdraw(self, files: AdminFiles, password: str) -> None:
        try:
            files.withdraw(password)
        except FailedPrecondition as error:  # the password is changed all the same
            log.warning("the file of the first administrator holds a password that was changed", error=error.message)


def require_room(users: Sequence[User]) -> Sequence[User]:
    """Return the `users` of a tenant; raise ResourceExhausted (USERS_LIMIT_EXCEEDED) when there may be no more."""
    if len(users) >= MAX_USERS:
        message = f"a tenant has at most {MAX_USERS} users; delete some that are not needed any more"
        raise ResourceExhausted(message, reason="USERS_LIMIT_EXCEEDED")
    return users


def _tenant(caller: Caller, requested: str) -> str:
    if not requested or requested == caller.tenant_id:
        return caller.tenant_id
    if not caller.is_operator:
        message = "only operators see and make users of other tenants"
        raise PermissionDenied(message, reason="TENANT_DENIED")
    if not _TENANT.fullmatch(requested):
        description = "must be 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit"
        violation = FieldViolation(field="tenant_id", description=description)
        raise InvalidArgument(f"tenant_id {description}", reason="TENANT_INVALID", violations=[violation])
    return requested
