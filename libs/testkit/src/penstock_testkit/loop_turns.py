"""How long one turn of an event loop keeps all others waiting, whatever else the machine does."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class LoopTurns:
    """`longest` is the most seconds of processor time that the loop's thread took between two looks."""

    longest: float = 0.0


@asynccontextmanager
async def watch_turns() -> AsyncGenerator[LoopTurns]:
    """Look at each turn of the running loop until the block ends; for tests whose servers run in the same loop."""
    turns = LoopTurns()

    async def look() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            turns.longest = max(turns.longest, now - last)
            last = now

    looking = asyncio.create_task(look())
    try:
        yield turns
    finally:
        looking.cancel()
