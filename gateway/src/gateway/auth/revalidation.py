"""Revalidates callers who were admitted earlier against what the store holds now."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from gateway.auth.identity import ApiKey, User
from gateway.auth.scope import within
from gateway.auth.secret import version
from penstock_kit.context import Caller


def revalidate(
    caller: Caller, *, user: User | None, key: ApiKey | None, sessions: Collection[str], now: datetime
) -> Caller | None:
    """Return `caller` with the scopes it has now, None when its credentials no longer count.

    `user` and `key` are what the store has under the caller's ids, `sessions` the open ones among those asked for. A
    signed-in user's session ends with a logout or a change of the password, a key's with its end, its deletion, or
    the end of the secret that was shown.
    """
    if user is None or not user.active or user.tenant_id != caller.tenant_id:
        return None
    if not caller.key_id:
        current = user.session_epoch == caller.credential_version
        is_open = not caller.session_id or caller.session_id in sessions
        return replace(caller, scopes=within(caller.scopes, user.scopes)) if current and is_open else None
    if key is None or (key.tenant_id, key.user_id) != (caller.tenant_id, caller.user_id) or key.expired(now):
        return None
    if not is_current(caller, key) and not _in_grace(caller, key, now):
        return None
    return replace(caller, scopes=within(key.scopes, user.scopes))


def is_current(caller: Caller, key: ApiKey) -> bool:
    """Whether `caller` showed the key's present secret, not one that was replaced."""
    return caller.credential_version == version(key.digest)


def _in_grace(caller: Caller, key: ApiKey, now: datetime) -> bool:
    end = key.previous_expire_time
    return end is not None and now < end and caller.credential_version == version(key.previous_digest)
