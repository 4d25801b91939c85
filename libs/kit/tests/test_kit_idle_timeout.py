"""A wait that starts anew with each item of a stream."""

import asyncio

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
