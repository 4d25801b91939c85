"""A new password and key for an administrator who lost them, by whoever may write the home and the database."""

import secrets
from pathlib import Path

from gateway.auth.admin_files import AdminFiles
from gateway.auth.bootstrap import ADMIN, FIRST_KEY, build_admin, build_key
from gateway.auth.identity import User
from gateway.auth.login_name import parse_login_name
from gateway.auth.password import Passwords
from gateway.auth.secret import new_key
from gateway.auth.store import IdentityStore
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument, NotFound


async def reset_admin(
    *, store: IdentityStore, passwords: Passwords, clock: Clock, home: Path, username: str = ADMIN
) -> int:
    """Give the user a new password and API key, left in the home's files; return how many old keys count no more.

    Those are the ones that the first start or an earlier reset made; keys that the user made go on. The user `admin`
    is made anew when it was deleted; ``tenant/name`` names one of several. Raises NotFound (USER_NOT_FOUND) for another
    user that is not there, InvalidArgument (USER_INVALID) for a name that is in several tenants.
    """
    password, key = secrets.token_urlsafe(18), new_key()
    user = await _named(store, username)
    if user is None and username != ADMIN:
        raise NotFound(f"there is no user {username!r}; without --user it is {ADMIN!r}", reason="USER_NOT_FOUND")
    hashed = await passwords.hash(password)
    if user is None:
        user = build_admin(hashed, clock)
        await store.add_user(user)
    else:
        await store.set_password(user.id, hashed)
    old = [each for each in await store.keys(user.tenant_id, user.id) if each.name == FIRST_KEY]
    await store.add_key(build_key(user, key, clock))
    for each in old:
        await store.delete_key(user.tenant_id, each.id)
    AdminFiles(home).write(password=password, key=key.text)
    return len(old)


async def _named(store: IdentityStore, username: str) -> User | None:
    name, tenant_id = parse_login_name(username)
    if not tenant_id and name == ADMIN:
        return await store.user_by_name(ADMIN)
    found = await store.users_by_name(name, tenant_id=tenant_id)
    if len(found) > 1:
        listed = ", ".join(f"{user.tenant_id}/{user.username}" for user in found)
        raise InvalidArgument(f"{name!r} is in several tenants; name one of: {listed}", reason="USER_INVALID")
    return found[0] if found else None
