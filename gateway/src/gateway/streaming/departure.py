"""Notices that the client has left, while a request is being worked on."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive


class ClientLeft(Exception):  # noqa: N818 - nothing went wrong on our side
    """The client closed the connection before the answer was complete; there is nobody to answer."""


class Departure:
    """Interrupts the block with ClientLeft as soon as the client closes the connection.

    ``async with Departure(receive): …`` — the body must have been read before. Whatever the block waits
    for is cancelled, RPCs included.
    """

    __slots__ = ("_left", "_owner", "_receive", "_watcher")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = False
        self._owner: asyncio.Task[object] | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        if not self._left or self._owner is None:
            return
        remaining = self._owner.uncancel()
        if isinstance(error, asyncio.CancelledError) and remaining == 0:
            raise ClientLeft from None

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True
        if self._owner is not None:
            self._owner.cancel()
