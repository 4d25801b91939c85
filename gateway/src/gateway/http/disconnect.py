"""Interrupts a response when its client disconnects, or when the gateway has to stop."""

import asyncio
from types import TracebackType
from typing import Final, Self

from starlette.types import Receive

from penstock_kit.errors import Unavailable

STOPPING: str = "GATEWAY_UNAVAILABLE"
# Nobody looks before: most answers that are quick are complete by then, and a look costs a task.
_LOOK_AFTER_SECONDS: Final = 0.02


class ClientDisconnected(Exception):  # noqa: N818 - nothing went wrong on our side
    """The client closed the connection before its response was complete."""


class ActiveResponses:
    """The responses under way, which the gateway interrupts when it stops and its grace time is over."""

    def __init__(self) -> None:
        self._live: set[DisconnectGuard] = set()

    def add(self, guard: "DisconnectGuard") -> None:
        """Remember a response."""
        self._live.add(guard)

    def discard(self, guard: "DisconnectGuard") -> None:
        """Forget a response that is complete."""
        self._live.discard(guard)

    def interrupt(self) -> int:
        """End every response under way with Unavailable (GATEWAY_UNAVAILABLE); return how many there were."""
        live = list(self._live)
        for guard in live:
            guard.interrupt()
        return len(live)


class DisconnectGuard:
    """Interrupts its block with ClientDisconnected soon after the client closes the connection.

    ``async with DisconnectGuard(receive, active): …`` — the body must have been read before. Whatever the block
    waits for is cancelled, RPCs included. When the gateway stops, it ends with Unavailable (GATEWAY_UNAVAILABLE).
    """

    __slots__ = ("_active", "_disconnected", "_owner", "_receive", "_stopping", "_timer", "_watcher")

    def __init__(self, receive: Receive, active: ActiveResponses) -> None:
        self._receive = receive
        self._active = active
        self._disconnected = False
        self._stopping = False
        self._owner: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_AFTER_SECONDS, self._look)
        self._active.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._active.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._owner is None or not (self._disconnected or self._stopping):
            return
        remaining = self._owner.uncancel()
        if not isinstance(error, asyncio.CancelledError) or remaining > 0:
            return
        if self._disconnected:
            raise ClientDisconnected from None
        message = "the gateway is shutting down; connect again"
        raise Unavailable(message, reason=STOPPING, retry_after=1.0) from None

    def interrupt(self) -> None:
        """End the block because the gateway stops."""
        self._cancel_owner(disconnected=False)

    def _look(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._cancel_owner(disconnected=True)

    def _cancel_owner(self, *, disconnected: bool) -> None:
        if self._owner is None or self._disconnected or self._stopping:
            return
        self._disconnected, self._stopping = disconnected, not disconnected
        self._owner.cancel()
