"""Interrupts what is being worked on when the client leaves, or when the gateway itself has to go."""

import asyncio
from types import TracebackType
from typing import Final, Self

from starlette.types import Receive

from penstock_kit.errors import Unavailable

GOING: str = "GATEWAY_UNAVAILABLE"
# Nobody looks before: most answers that are quick are complete by then, and a look costs a task.
_LOOK_AFTER_SECONDS: Final = 0.02


class ClientLeft(Exception):  # noqa: N818 - nothing went wrong on our side
    """The client closed the connection before the answer was complete; there is nobody to answer."""


class Running:
    """The answers under way, so that they can be told when the gateway can wait for them no longer."""

    def __init__(self) -> None:
        self._live: set[Departure] = set()

    def add(self, departure: "Departure") -> None:
        """Remember an answer."""
        self._live.add(departure)

    def discard(self, departure: "Departure") -> None:
        """Forget an answer that is complete."""
        self._live.discard(departure)

    def interrupt(self) -> int:
        """End every answer under way with Unavailable (GATEWAY_UNAVAILABLE); return how many there were."""
        live = list(self._live)
        for departure in live:
            departure.interrupt()
        return len(live)


class Departure:
    """Interrupts its block with ClientLeft as soon as the client closes the connection, after a moment at the earliest.

    ``async with Departure(receive, running): …`` — the body must have been read before. Whatever the block
    waits for is cancelled, RPCs included. When the gateway goes, the block ends with Unavailable (GATEWAY_UNAVAILABLE).
    """

    __slots__ = ("_going", "_left", "_owner", "_receive", "_running", "_timer", "_watcher")

    def __init__(self, receive: Receive, running: Running) -> None:
        self._receive = receive
        self._running = running
        self._left = False
        self._going = False
        self._owner: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_AFTER_SECONDS, self._look)
        self._running.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._owner is None or not (self._left or self._going):
            return
        remaining = self._owner.uncancel()
        if not isinstance(error, asyncio.CancelledError) or remaining > 0:
            return
        if self._left:
            raise ClientLeft from None
        message = "the gateway is shutting down; connect again"
        raise Unavailable(message, reason=GOING, retry_after=1.0) from None

    def interrupt(self) -> None:
        """End the block because the gateway goes."""
        self._cancel_owner(left=False)

    def _look(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._cancel_owner(left=True)

    def _cancel_owner(self, *, left: bool) -> None:
        if self._owner is None or self._left or self._going:
            return
        self._left, self._going = left, not left
        self._owner.cancel()
