"""Invalidations that the cache did not confirm: kept, and sent again before anything is read from it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from penstock_kit.context import CallContext, Caller, current_context, use_context
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger

_MAX_PENDING: Final = 10_000

log = get_logger(__name__)

Send = Callable[[Callable[..., Awaitable[Any]], Any], Awaitable[bool]]


class PendingInvalidations:
    """What was changed in a store while the cache could not be told.

    Without it a value changed during an outage would be served in its old form for all its life. `send` sends a request
    and says whether it was answered; it is called again every `retry_seconds` until all are. Of more than 10,000 the
    oldest are dropped, with a line in the log.
    """

    def __init__(self, send: Send, *, retry_seconds: float) -> None:
        self._send = send
        self._retry_seconds = retry_seconds
        self._pending: dict[tuple[Caller, bytes], tuple[Callable[..., Awaitable[Any]], Any]] = {}
        self._sending: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, method: Callable[..., Awaitable[Any]], request: Any) -> None:
        """Keep a request of the current caller, and begin to send it."""
        caller = current_context().caller
        if len(self._pending) >= _MAX_PENDING:
            self._pending.pop(next(iter(self._pending)))
            log.error("too many invalidations wait for the cache; an old value may be served", pending=_MAX_PENDING)
        self._pending[caller, type(request).__name__.encode() + request.SerializeToString()] = method, request
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
            self._sending.add_done_callback(self._on_done)

    async def _send_all(self) -> None:
        while self._pending:
            key, entry = next(iter(self._pending.items()))
            with use_context(CallContext(request_id=new_id("req"), caller=key[0])):
                answered = await self._send(*entry)
            if not answered:
                await asyncio.sleep(self._retry_seconds)
            elif self._pending.get(key) is entry:  # it was not asked for again meanwhile
                del self._pending[key]

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._sending = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("could not send invalidations again", exc_info=error)
