"""Refuses new work while the gateway has more than it can do, before anything is read or looked up for it."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from penstock_kit.overload import LoadShedder

# What ends work, or lets people in to see what is wrong, is done however much there is.
_ALWAYS: Final = ("/api/v2/auth/",)
_STOPS: Final = ("/stop", "/ticket")


class Overload:
    """Asks `shedder` about every POST: questions, extractions, ingests. Reading lists, costs and health goes on."""

    def __init__(self, app: ASGIApp, shedder: LoadShedder) -> None:
        self._app = app
        self._shedder = shedder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope. Raises Unavailable (OVERLOADED)."""
        if self._shedder.share and scope["type"] == "http" and scope["method"] == "POST" and _is_work(scope["path"]):
            self._shedder.check()
        await self._app(scope, receive, send)


def _is_work(path: str) -> bool:
    return not path.startswith(_ALWAYS) and not path.endswith(_STOPS)
