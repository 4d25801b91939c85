"""The door of every route: who calls, and may they."""

from collections.abc import Awaitable, Callable

from fastapi import Request

from gateway.auth.authenticator import Authenticator, Headers
from gateway.auth.scope import require
from penstock_kit.context import Caller, current_context, set_context

CallerOf = Callable[[Request], Awaitable[Caller]]


class Guard:
    """Admits callers and makes them the callers of the current context, so that every RPC carries them."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def admit(self, headers: Headers, scope: str = "") -> Caller:
        """Return the caller behind `headers`; raise Unauthenticated or PermissionDenied."""
        return self.enter(await self._authenticator.caller(headers), scope)

    def enter(self, caller: Caller, scope: str = "") -> Caller:
        """Make a caller who was recognised some other way (a ticket) the current one."""
        require(caller, scope)
        set_context(current_context().of_caller(caller))
        return caller

    def needs(self, scope: str = "") -> CallerOf:
        """Return a FastAPI dependency that admits only callers with `scope`."""

        async def admitted(request: Request) -> Caller:
            return await self.admit(request.headers.raw, scope)

        return admitted
