"""Authentication and authorisation of every route."""

from collections.abc import Awaitable, Callable

from fastapi import Request

from gateway.auth.authenticator import Authenticator, Headers
from penstock_kit.context import Caller, current_context, set_context
from penstock_kit.role import require_scope

CallerOf = Callable[[Request], Awaitable[Caller]]


class Guard:
    """Authenticates a request, checks its scope and sets the caller of the current context, which every RPC carries."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def admit(self, headers: Headers, scope: str = "") -> Caller:
        """Return the caller behind `headers`; raise Unauthenticated or PermissionDenied."""
        return self.enter(await self._authenticator.caller(headers), scope)

    def enter(self, caller: Caller, scope: str = "") -> Caller:
        """Set `caller`, who was authenticated by a ticket, as that of the current context; raise PermissionDenied."""
        # First: what is refused is recorded with who asked for it.
        set_context(current_context().of_caller(caller))
        require_scope(caller, scope)
        return caller

    def needs(self, scope: str = "") -> CallerOf:
        """Return a FastAPI dependency that admits only callers with `scope`."""

        async def admit(request: Request) -> Caller:
            return await self.admit(request.headers.raw, scope)

        return admit
