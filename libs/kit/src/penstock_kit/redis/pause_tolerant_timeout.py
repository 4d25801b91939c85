"""How long to wait for a server, without blaming it for pauses of our own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

_TICKS: Final = 4


@asynccontextmanager
async def pause_tolerant_timeout(seconds: float) -> AsyncGenerator[None]:
    """Raise TimeoutError when the block takes longer than `seconds` of a running event loop.

    The time is counted in ticks, so a loop that stood still (a long garbage collection, a machine that sleeps) adds one
    tick at most: an answer that came meanwhile is still read.
    """
    loop = asyncio.get_running_loop()
    left = _TICKS

    def tick() -> None:
        nonlocal left, timer
        left -= 1
        if left:
            timer = loop.call_later(seconds / _TICKS, tick)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(seconds / _TICKS, tick)
        try:
            yield
        finally:
            timer.cancel()
