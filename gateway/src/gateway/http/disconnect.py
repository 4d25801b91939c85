"""Interrupts a response when its client disconnects, its credentials end, or the gateway has to stop."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Final, Self

from starlette.types import Receive

from penstock_kit.errors import PenstockError, Unavailable

STOPPING: str = "GATEWAY_UNAVAILABLE"
# Nobody looks before: most answers that are quick are complete by then, and a look costs a task.
_LOOK_AFTER_SECONDS: Final = 0.02


class ClientDisconnected(Exception):  # noqa: N818 - nothing went wrong on our side
    """The client closed the connection before its response was complete."""


Interrupt = Callable[[PenstockError], None]
# Calls what it is given, within its block, when the current caller would no longer be admitted.
CredentialWatch = Callable[[Interrupt], AbstractContextManager[object]]


def _watch_nobody(_: Interrupt) -> AbstractContextManager[object]:
    return nullcontext()


class ActiveResponses:
    """The responses under way, which the gateway interrupts when it stops and its grace time is over.

    `watch` looks after the credentials of those that take their time.
    """

    def __init__(self, watch: CredentialWatch = _watch_nobody) -> None:
        self._live: set[DisconnectGuard] = set()
        self.watch = watch

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
            guard.interrupt(
                Unavailable("the gateway is shutting down; connect again", reason=STOPPING, retry_after=1.0)
            )
        return len(live)


class DisconnectGuard:
    """Interrupts its block with ClientDisconnected soon after the client closes the connection.

    ``async with DisconnectGuard(receive, active): …`` — the body must have been read before. Whatever the block
    waits for is cancelled, RPCs included. When the gateway stops, it ends with Unavailable (GATEWAY_UNAVAILABLE), when
    the caller's credentials end, with what `active.watch` says of it.
    """

    __slots__ = ("_active", "_credentials", "_owner", "_receive", "_timer", "_watcher", "_why")

    def __init__(self, receive: Receive, active: ActiveResponses) -> None:
        self._receive = receive
        self._active = active
        self._why: Exception | None = None
        self._credentials: AbstractContextManager[object] | None = None
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
            # Its end has a traceback with this guard in it: a cycle, if the guard kept it.
            self._watcher = None
        if self._credentials is not None:
            self._credentials.__exit__(None, None, None)
        if self._owner is None or self._why is None:
            return
        remaining = self._owner.uncancel()
        if not isinstance(error, asyncio.CancelledError) or remaining > 0:
            return
        raise self._why from None

    def interrupt(self, why: Exception) -> None:
        """End the block with `why`; the first reason counts."""
        if self._owner is None or self._why is not None:
            return
        self._why = why
        self._owner.cancel()

    def _look(self) -> None:
        self._credentials = self._active.watch(self.interrupt)
        self._credentials.__enter__()
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.interrupt(ClientDisconnected())
