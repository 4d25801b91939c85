"""Work in a thread that ends soon after its caller has gone."""

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

_Result = TypeVar("_Result")


class _Abandoned(Exception):  # noqa: N818
    """Nobody waits for the result."""


@contextmanager
def abandonable() -> Generator[Callable[[], None]]:
    """Give a check for threads to call now and then, which ends what they do once this caller was cancelled."""
    gone = threading.Event()

    def check() -> None:
        if gone.is_set():
            raise _Abandoned

    try:
        yield check
    except (asyncio.CancelledError, GeneratorExit):
        gone.set()
        raise


async def run_abandonable(work: Callable[[Callable[[], None]], _Result]) -> _Result:
    """Return what `work` returns in a thread. It is given a check to call now and then, which ends it when the
    caller was cancelled.
    """
    with abandonable() as check:
        return await asyncio.to_thread(work, check)
