"""Work in a thread that ends soon after its caller has gone."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")


class _Abandoned(Exception):  # noqa: N818
    """Nobody waits for the result."""


async def run_abandonable(work: Callable[[Callable[[], None]], _Result]) -> _Result:
    """Return what `work` returns in a thread. It is given a check to call now and then, which ends it when the
    caller was cancelled.
    """
    gone = threading.Event()

    def check() -> None:
        if gone.is_set():
            raise _Abandoned

    try:
        return await asyncio.to_thread(work, check)
    except asyncio.CancelledError:
        gone.set()
        raise
