"""Files and the like that are opened in a thread, and closed whatever becomes of the one who waits for them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TypeVar

Value = TypeVar("Value")


@asynccontextmanager
async def opened_in_thread(make: Callable[[], AbstractContextManager[Value]]) -> AsyncGenerator[Value]:
    """Enter what `make` returns, which runs in a thread; it is closed, too, when the caller was cancelled meanwhile."""
    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        made = await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(_close)
        raise
    with made as value:
        yield value


def _close(making: "asyncio.Future[AbstractContextManager[Value]]") -> None:
    if not making.cancelled() and making.exception() is None:
        with making.result():
            pass
