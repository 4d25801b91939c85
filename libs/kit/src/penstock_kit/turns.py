"""Waits for the event loop as often as a call does."""

import asyncio
from typing import Final

# What a small completion takes in each of the services it passes through, about.
TURNS: Final = 10


async def take_turns(turns: int = TURNS) -> None:
    """Return after so many turns of the event loop: when it has much to do, each takes long."""
    for _ in range(turns):
        await asyncio.sleep(0)
