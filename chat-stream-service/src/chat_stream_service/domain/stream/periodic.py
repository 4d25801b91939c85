"""What has to be done now and then: old streams forgotten, stale readers ended, choices followed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from penstock_kit.logging import get_logger

log = get_logger(__name__)

PeriodicTask = Callable[[], Awaitable[object]]


async def run_periodically(tasks: Sequence[PeriodicTask], stop: asyncio.Event, *, interval: float) -> None:
    """Do the tasks every `interval` seconds until `stop` is set; one that fails is logged and ends nothing."""
    while not stop.is_set():
        try:
            async with asyncio.timeout(interval):
                await stop.wait()
        except TimeoutError:
            for task in tasks:
                await _do(task)


async def _do(task: PeriodicTask) -> None:
    try:
        await task()
    except Exception:
        log.exception("house-keeping failed")
