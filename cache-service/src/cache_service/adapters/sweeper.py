"""Clears expired values away while nothing is written that would do it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

_BATCH: Final = 500
_PERIOD_SECONDS: Final = 5.0


class Sweepable(Protocol):
    """Something that holds values past their end until it is swept."""

    def sweep(self, limit: int) -> int:
        """Clear away at most `limit` expired values, and return how many it were."""
        ...


async def sweep_periodically(
    targets: Sequence[Sweepable], stop: asyncio.Event, *, period: float = _PERIOD_SECONDS
) -> None:
    """Sweep all `targets` every `period` seconds until `stop`, 500 values at a time so that calls get their turn."""
    while not stop.is_set():
        for target in targets:
            await _sweep(target)
        with suppress(TimeoutError):
            async with asyncio.timeout(period):
                await stop.wait()


async def _sweep(target: Sweepable) -> None:
    # No event tells of the end of a turn: giving the loop to the calls that wait is the point.
    while target.sweep(_BATCH) == _BATCH:  # noqa: ASYNC110
        await asyncio.sleep(0)
