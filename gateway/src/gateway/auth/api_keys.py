"""API keys over their life: made, listed, rotated, deleted."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.auth.authenticator import Authenticator
from gateway.auth.delegation import Delegation, check_end, check_reach
from gateway.auth.identity import ApiKey
from gateway.auth.scope import check_scopes, includes_all
from gateway.auth.secret import new_key
from gateway.auth.store import IdentityStore
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.errors import Aborted, FieldViolation, InvalidArgument, NotFound, PermissionDenied, ResourceExhausted
from penstock_kit.ids import new_id

MAX_KEYS: Final = 10_000
"""Keys of a tenant: they are listed whole, and all lie in the database that every tenant signs in by."""
MAX_OWN_KEYS: Final = 1_000
"""Those of a user who is no administrator, so that the others of the tenant can still make some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKeyRequest:
    """What a new key should be. Empty scopes: the granter's; no user: the granter; no end: the granter's, if any."""

    name: str
    scopes: frozenset[str] = frozenset()
    expire_time: datetime | None = None
    user_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A key with its text, at the only moment when the text exists."""

    key: ApiKey
    text: str


class ApiKeyService:
    """The API keys of a tenant, as far as a caller reaches: administrators all, others their own, and nobody a key
    with a scope that the caller lacks."""

    def __init__(
        self, *, store: IdentityStore, authenticator: Authenticator, delegation: Delegation, clock: Clock
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._delegation = delegation
        self._clock = clock

    async def create(
        self, caller: Caller, request: NewKeyRequest, *, limit: Callable[[str], Awaitable[None]] | None = None
    ) -> IssuedKey:
        """Store a new key and return it with its text, once `limit` has set what limits the key of that id: there is
        no moment at which it could do more.

        A key that is no administrator's can't make keys, nor can one with limits: they would escape them.
        """
        _check_maker(caller)
        maker = await self._delegation.require_unlimited_key(caller)
        now = self._clock.now()
        if request.expire_time is not None and request.expire_time <= now:
            description = f"must be in the future, not {request.expire_time.isoformat()}"
            violation = FieldViolation(field="expire_time", description=description)
            raise InvalidArgument(f"expire_time {description}", reason="EXPIRE_TIME_INVALID", violations=[violation])
        ends = request.expire_time or (None if maker is None else maker.expire_time)
        check_end(ends, maker)
        made = new_key()
        key = ApiKey(
            id=new_id("key"),
            tenant_id=caller.tenant_id,
            user_id=await self._owner(caller, request.user_id),
            name=request.name,
            prefix=made.prefix,
            digest=made.digest,
            scopes=check_scopes(request.scopes or caller.scopes, granter=caller),
            create_time=now,
            expire_time=ends,
        )
        if limit is not None:
            await limit(key.id)
        if not await self._store.add_key(key, most=MAX_KEYS, most_of_user=None if caller.is_admin else MAX_OWN_KEYS):
            raise _too_many(caller)
        return IssuedKey(key=key, text=made.text)

    async def list_keys(self, caller: Caller) -> Sequence[ApiKey]:
        """Return the keys that `caller` may see, newest first."""
        keys = await self._store.keys(caller.tenant_id, "" if caller.is_admin else caller.user_id)
        return [key for key in keys if _reaches(caller, key)]

    async def get(self, caller: Caller, key_id: str) -> ApiKey:
        """Return one key; raise NotFound, also when it is somebody else's or has a scope that the caller lacks."""
        key = await self._store.key(caller.tenant_id, key_id)
        if key is None or not _reaches(caller, key):
            raise NotFound(f"there is no key {key_id!r}; give the id of one", reason="KEY_NOT_FOUND")
        return key

    async def rotate(self, caller: Caller, key_id: str, *, grace: timedelta) -> IssuedKey:
        """Give a key a new secret; the old one goes on for `grace`.

        A key may rotate itself. Another's new secret is as good as a new key, and asks for as much. Of several
        rotations at once one counts: the others raise Aborted (KEY_CONFLICT), for their secrets would never work.
        """
        key = await self.get(caller, key_id)
        if key.id == caller.key_id:
            await self._delegation.require_current_key(caller)
        else:
            _check_maker(caller)
            check_end(key.expire_time, await self._delegation.require_unlimited_key(caller))
            await self._owner(caller, key.user_id)
        made = new_key(key.prefix)
        rotated = replace(
            key,
            digest=made.digest,
            previous_digest=key.digest if grace else "",
            previous_expire_time=self._clock.now() + grace if grace else None,
        )
        if not await self._store.replace_secret(rotated, replaces=key.digest):
            message = f"the key {key_id!r} was rotated or deleted meanwhile; look at it again"
            raise Aborted(message, reason="KEY_CONFLICT")
        self._authenticator.forget()
        return IssuedKey(key=rotated, text=made.text)

    async def delete(self, caller: Caller, key_id: str) -> None:
        """Delete a key; it stops counting at once here, within seconds on other replicas."""
        key = await self.get(caller, key_id)
        await self._delegation.require_current_key(caller)
        await self._store.delete_key(key.tenant_id, key.id)
        self._authenticator.forget()

    async def _owner(self, caller: Caller, user_id: str) -> str:
        if not user_id or user_id == caller.user_id:
            return caller.user_id
        if not caller.is_admin:
            raise PermissionDenied("only administrators make keys for others", reason="SCOPE_REQUIRED")
        user = await self._store.user(user_id)
        if user is None or user.tenant_id != caller.tenant_id:
            raise NotFound(f"there is no user {user_id!r}", reason="USER_NOT_FOUND")
        check_reach(caller, user)
        return user.id


def _too_many(caller: Caller) -> ResourceExhausted:
    own = "" if caller.is_admin else f", and a user who is no administrator {MAX_OWN_KEYS}"
    message = f"a tenant has at most {MAX_KEYS} keys{own}; delete some that are not used any more"
    return ResourceExhausted(message, reason="API_KEYS_LIMIT_EXCEEDED")


def _check_maker(caller: Caller) -> None:
    if caller.key_id and not caller.is_admin:
        message = "keys are made by users who have logged in, or by an administrator's key"
        raise PermissionDenied(message, reason="KEY_CREATION_DENIED")


def _reaches(caller: Caller, key: ApiKey) -> bool:
    own = caller.is_admin or key.user_id == caller.user_id
    return own and includes_all(caller.scopes, key.scopes)
