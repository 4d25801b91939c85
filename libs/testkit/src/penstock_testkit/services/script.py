"""What a fake does, step by step: answer, wait for the test, fail, or never go on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock_kit.errors import PenstockError


@dataclass(frozen=True, slots=True)
class Wait:
    """Goes on when the test sets `event`."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True)
class Fail:
    """Ends the call with `error`."""

    error: PenstockError


@dataclass(frozen=True, slots=True)
class Hang:
    """Never goes on; `left` is set when the caller gives up."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)


Step = Wait | Fail | Hang | Sequence[Any]


async def play(steps: Sequence[Step]) -> AsyncIterator[Sequence[Any]]:
    """Yield the messages of each step, in order, until one fails or hangs."""
    for step in steps:
        match step:
            case Wait(event):
                await event.wait()
            case Fail(error):
                raise error
            case Hang(reached, left):
                reached.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    left.set()
            case _:
                yield step
