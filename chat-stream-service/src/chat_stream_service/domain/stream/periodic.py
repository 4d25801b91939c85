"""What has to be done now and then: old streams forgotten, stale readers ended, choices followed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from penstock_kit.logging import get_logger

log = get_logger(__name__)

Chore = Callable[[], Awaitable[object]]


async def keep_house(chores: Sequence[Chore], stop: asyncio.Event, *, interval: float) -> None:
    """Do the chores every `interval` seconds until `stop` is set; one that fails is logged and ends nothing."""
    while not stop.is_set():
        try:
            async with asyncio.timeout(interval):
                await stop.wait()
        except TimeoutError:
            for chore in chores:
                await _do(chore)


async def _do(chore: Chore) -> None:
    try:
        await chore()
    except Exception:
        log.exception("house-keeping failed")
