"""``HEAD`` wherever there is a ``GET``: the same head, no body."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.middleware.request import ENDPOINT_KEY

# What the application notes in its scope for the metrics around it.
_NOTED: Final = ("route", ENDPOINT_KEY)


class HeadRequests:
    """Lets the application answer a HEAD as a GET, and sends the head of that answer alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        start_turn = {**scope, "method": "GET"}
        try:
            await self._app(start_turn, receive, _HeadOnly(send).send)
        finally:
            scope.update({name: start_turn[name] for name in _NOTED if name in start_turn})


class _HeadOnly:
    """Passes the head on and ends the answer with it; what follows, be it a stream, goes nowhere."""

    __slots__ = ("_has_ended", "_send")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_ended = False

    async def send(self, message: Message) -> None:
        if self._has_ended:
            return
        if message["type"] == "http.response.body":
            self._has_ended = True
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)
