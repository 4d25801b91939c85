"""What a credential may hand on: a key gives nobody more than it has itself, not even itself."""

from datetime import datetime
from typing import Protocol

from gateway.auth.identity import ApiKey, User
from gateway.auth.revalidation import is_current
from gateway.auth.scope import includes_all
from gateway.auth.store import IdentityStore
from gateway.auth.token import credentials_error
from penstock_kit.context import Caller
from penstock_kit.errors import PermissionDenied
from penstock_kit.role import scopes_text


class KeyLimits(Protocol):
    """What is known of the limits on keys."""

    async def is_limited(self, caller: Caller) -> bool:
        """Whether a policy or a budget limits the key of `caller`; raise Unavailable when nobody can tell."""
        ...


class Delegation:
    """Says whether a caller may manage keys and users, and until when what it makes may live.

    Users who have logged in may do what their scopes say. Keys may be copied, so for them there is more: a secret
    that was replaced changes nothing, a key with a policy or a budget makes nothing that would escape it, and what a
    key with an end makes ends with it.
    """

    def __init__(self, *, store: IdentityStore, limits: KeyLimits) -> None:
        self._store = store
        self._limits = limits

    async def require_current_key(self, caller: Caller) -> ApiKey | None:
        """Return the caller's key, None for a user who has logged in; raise PermissionDenied (KEY_SECRET_EXPIRED) for
        a secret that only counts for the rest of its grace."""
        if not caller.key_id:
            return None
        key = await self._store.key(caller.tenant_id, caller.key_id)
        if key is None:
            raise credentials_error()
        if not is_current(caller, key):
            message = "this secret was replaced by a rotation and changes no keys or users; use the new one"
            raise PermissionDenied(message, reason="KEY_SECRET_EXPIRED")
        return key

    async def require_unlimited_key(self, caller: Caller) -> ApiKey | None:
        """Return the caller's key likewise; raise PermissionDenied (KEY_LIMITS_DENIED) for one with limits."""
        key = await self.require_current_key(caller)
        if key is not None and await self._limits.is_limited(caller):
            message = "a key with a policy or a budget cannot make or change what would escape them; log in instead"
            raise PermissionDenied(message, reason="KEY_LIMITS_DENIED")
        return key


def check_end(expire_time: datetime | None, maker: ApiKey | None) -> None:
    """Raise PermissionDenied (EXPIRE_TIME_DENIED) when something of that end would outlive the key that reaches it."""
    if maker is None or maker.expire_time is None:
        return
    if expire_time is None or expire_time > maker.expire_time:
        message = f"this key ends at {maker.expire_time.isoformat()}, and nothing it gives away may live longer"
        raise PermissionDenied(message, reason="EXPIRE_TIME_DENIED")


def check_reach(caller: Caller, user: User) -> None:
    """Raise PermissionDenied (USER_DENIED) when `user` may do what `caller` may not."""
    if not includes_all(caller.scopes, user.scopes):
        beyond = scopes_text(scope for scope in user.scopes if not includes_all(caller.scopes, (scope,)))
        raise PermissionDenied(f"the user {user.id!r} has {beyond}, which you do not have", reason="USER_DENIED")
