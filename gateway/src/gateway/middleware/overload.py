"""Refuses new work while there is more than can be done, before anything is read or looked up for it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from penstock_kit.overload import LoadShedder

# What ends work, or lets people in to see what is wrong, is done however much there is.
_ALWAYS: Final = ("/api/v2/auth/",)
_STOPS: Final = ("/stop", "/ticket")
# Requests under way from which on it is worth asking whether the service behind keeps up.
_BUSY: Final = 16


class BusyService:
    """A service behind the paths that begin with `prefix`: while much is asked of it, `ask` shows how far behind it is.

    Its measuring runs within the block of :meth:`running`.
    """

    def __init__(self, prefix: str, ask: Callable[[], Awaitable[object]], *, target: float) -> None:
        self.prefix = prefix
        self.under_way = 0
        self.shedder = LoadShedder(target)
        self._ask = ask

    def running(self) -> AbstractAsyncContextManager[None]:
        """Measure until the block ends."""
        return self.shedder.running(self._measure)

    async def _measure(self) -> None:
        if self.under_way >= _BUSY:
            await self._ask()


class Overload:
    """Asks the gateway's `own` shedder, and that of the service behind, about every POST: questions, extractions,
    ingests. Reading lists, costs and health goes on.
    """

    def __init__(self, app: ASGIApp, own: LoadShedder, behind: Sequence[BusyService]) -> None:
        self._app = app
        self._own = own
        self._behind = behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope. Raises Unavailable (LOAD_LIMIT_EXCEEDED)."""
        if scope["type"] != "http" or scope["method"] != "POST" or not _is_work(scope["path"]):
            await self._app(scope, receive, send)
            return
        self._own.check()
        service = next((each for each in self._behind if scope["path"].startswith(each.prefix)), None)
        if service is None:
            await self._app(scope, receive, send)
            return
        service.shedder.check()
        service.under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            service.under_way -= 1


def _is_work(path: str) -> bool:
    return not path.startswith(_ALWAYS) and not path.endswith(_STOPS)
