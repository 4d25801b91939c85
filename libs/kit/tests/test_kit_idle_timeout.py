"""A wait that starts anew with each item of a stream."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from penstock_kit.idle_timeout import IdleTimeout


async def test_a_wait_that_takes_too_long_expires() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as timeout:
            with IdleTimeout(timeout) as idle:
                idle.start(0.01)
                await asyncio.Event().wait()


async def test_an_expiry_that_was_not_delivered_is_taken_back_by_a_pause() -> None:
    """The timer fired while what was waited for had come already: that is no timeout."""
    async with asyncio.timeout(None) as timeout:
        with IdleTimeout(timeout) as idle:
            idle.start(0.0)
            # The timer is due and looks; the timeout's own callback comes a turn later.
            while timeout.when() is None:  # noqa: ASYNC110 - a turn of the loop at a time
                await asyncio.sleep(0)
            idle.pause()
            await asyncio.sleep(0.02)
    assert not timeout.expired()


async def test_a_pause_lasts_as_long_as_it_lasts_and_the_rest_of_the_wait_follows() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as timeout:
            with IdleTimeout(timeout) as idle:
                idle.start(0.01)
                idle.pause()
                begun = loop.time()
                await asyncio.sleep(0.05)
                idle.start(0.01)
                await asyncio.Event().wait()
    assert loop.time() - begun >= 0.06


async def test_no_start_moves_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as timeout:
            with IdleTimeout(timeout, deadline=loop.time() + 0.03) as idle:
                while True:
                    idle.start(60)
                    await asyncio.sleep(0.001)


async def test_behind_its_block_no_timer_of_a_wait_is_left() -> None:
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    async with asyncio.timeout(None) as timeout:
        with IdleTimeout(timeout) as idle:
            idle.start(0.2)
            idle.start(0.1)
            await asyncio.sleep(0)
    await asyncio.sleep(0.25)
    assert complaints == []


@pytest.fixture
async def advance() -> Callable[[float], Awaitable[None]]:
    """Move the loop's clock, and let it do what is due by then."""
    loop: Any = asyncio.get_running_loop()
    real, ahead = loop.time, [0.0]
    loop.time = lambda: real() + ahead[0]

    async def move(seconds: float) -> None:
        ahead[0] += seconds
        for _ in range(5):
            await asyncio.sleep(0)

    return move


async def test_a_wait_that_was_started_anew_lasts_as_long_as_its_last_start_says(
    advance: Callable[[float], Awaitable[None]],
) -> None:
    has_lasted = False
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as timeout:
            with IdleTimeout(timeout) as idle:
                for ahead, seconds in ((0, 2_000), (1_000, 3_000), (2_500, 10_000), (9_000, 5_000)):
                    await advance(ahead)
                    idle.start(seconds)
                await advance(4_000)
                has_lasted = True
                await advance(2_000)
    assert has_lasted


async def test_a_wait_that_was_never_started_never_ends(advance: Callable[[float], Awaitable[None]]) -> None:
    async with asyncio.timeout(None) as timeout:
        with IdleTimeout(timeout) as idle:
            idle.resume()
            await advance(1_000_000)
    assert not timeout.expired()
