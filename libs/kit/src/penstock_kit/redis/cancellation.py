"""Cancellations that must not get lost."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def propagate_cancellation() -> Generator[None]:
    """Raise at the end of the block a cancellation that came, and was swallowed, inside it.

    redis-py sends with ``asyncio.wait_for``, which before Python 3.12 drops a cancellation that arrives together with
    the result.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    yield
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
