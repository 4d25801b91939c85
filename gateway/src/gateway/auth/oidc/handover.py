"""From the callback, which is a navigation, to the page, which keeps the tokens: a cookie that is used once."""

import secrets
from typing import Final

from gateway.auth.identity import User
from gateway.auth.oidc.sealed import SealedCookies
from gateway.auth.store import IdentityStore
from gateway.auth.used_tickets import UsedTickets
from penstock_kit.errors import InvalidArgument

LIFE_SECONDS: Final = 60
_KIND: Final = "handover"


class Handover:
    """Says in a sealed cookie who signed in, for a minute, so that no address ever holds a token."""

    def __init__(self, *, cookies: SealedCookies, used: UsedTickets, store: IdentityStore) -> None:
        self._cookies = cookies
        self._used = used
        self._store = store

    def issue(self, user: User) -> str:
        """Return the cookie's value for `user`."""
        values = {"user": user.id, "epoch": user.session_epoch, "id": secrets.token_urlsafe(16)}
        return self._cookies.seal(_KIND, values, seconds=LIFE_SECONDS)

    async def redeem(self, text: str) -> User:
        """Return who signed in, and use the cookie up; raise InvalidArgument (SIGN_IN_INVALID) for any other."""
        found = self._cookies.unseal(_KIND, text)
        if found is None or not await self._used.mark_used(f"sso:{found['id']}", LIFE_SECONDS):
            raise _invalid()
        user = await self._store.user(str(found["user"]))
        if user is None or not user.active or user.session_epoch != found["epoch"]:
            raise _invalid()
        return user


def _invalid() -> InvalidArgument:
    message = f"there is no sign-in of this browser to take up, or it is older than {LIFE_SECONDS} s; begin again"
    return InvalidArgument(message, reason="SIGN_IN_INVALID")
