"""Waiting in tests: for a condition, with a bound that no machine reaches.

A wait ends when what it waits for is there. Its bound only keeps a test that hangs from hanging for ever, so it is the
same everywhere and far beyond what a slow or busy machine takes. A figure of the contract ("readiness off within 1 s")
is asserted by :func:`assert_within`: to the letter where times are meant to hold, with room everywhere else.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Final

# Seconds after which a wait has failed; pytest's own limit for a test is above it.
HANG_SECONDS: Final = 240.0
# How many times a figure of the contract a machine may take that has other work to do.
_ROOM: Final = 20.0
_LOOK_SECONDS: Final = 0.01


async def until(condition: Callable[[], bool], *, seconds: float = HANG_SECONDS) -> float:
    """Return the seconds it took until `condition()` held; raise TimeoutError after `seconds`.

    For what happens outside this process's own events; it looks every 10 ms.
    """
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what happens elsewhere has no event here
            await asyncio.sleep(_LOOK_SECONDS)
    return time.monotonic() - began


async def until_true(condition: Callable[[], Awaitable[bool]], *, seconds: float = HANG_SECONDS) -> float:
    """Return the seconds it took until awaiting `condition()` gave True; raise TimeoutError after `seconds`."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - as above
            await asyncio.sleep(_LOOK_SECONDS)
    return time.monotonic() - began


def bound(seconds: float) -> float:
    """Return the bound to hold a figure of `seconds` to: itself with ``PENSTOCK_EXACT_TIMES=1``, else with room."""
    return seconds if os.environ.get("PENSTOCK_EXACT_TIMES") == "1" else seconds * _ROOM


def assert_within(took: float, seconds: float, what: str = "it") -> None:
    """Assert that what took `took` seconds keeps to the contract's figure of `seconds`; see :func:`bound`."""
    assert took <= bound(seconds), f"{what} took {took:.3f} s, {seconds:g} s are promised"
