"""How long a server that restarts is waited for, by a loop whose clock the test moves."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from penstock_kit.database.reconnect_window import ReconnectWindow
from penstock_testkit.waiting import HANG_SECONDS


class Engine:
    """Refuses `failures` connections, then makes them."""

    def __init__(self) -> None:
        self.failures = 0
        self.attempts = 0
        self.asked = asyncio.Event()

    def connect(self) -> "Engine":
        return self

    async def __aenter__(self) -> "Engine":
        self.attempts += 1
        self.asked.set()
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError("nobody listens")
        return self

    async def __aexit__(self, *_: object) -> None: ...


@pytest.fixture
async def advance() -> Callable[[float], None]:
    """Move the loop's clock."""
    loop: Any = asyncio.get_running_loop()
    real, ahead = loop.time, [0.0]
    loop.time = lambda: real() + ahead[0]

    def move(seconds: float) -> None:
        ahead[0] += seconds

    return move


async def connect(window: ReconnectWindow, engine: Engine) -> None:
    untyped: Any = engine
    async with window.connect(untyped):
        pass


async def test_a_second_outage_gets_the_whole_patience(advance: Callable[[float], None]) -> None:
    window, engine = ReconnectWindow(60), Engine()
    engine.failures = 1
    await connect(window, engine)
    advance(100)
    engine.failures = 1
    await connect(window, engine)
    assert engine.attempts == 4


async def test_an_outage_is_borne_no_longer_than_the_patience(advance: Callable[[float], None]) -> None:
    window, engine = ReconnectWindow(60), Engine()
    engine.failures = 2
    waiting = asyncio.ensure_future(connect(window, engine))
    async with asyncio.timeout(HANG_SECONDS):
        await engine.asked.wait()
    advance(61)
    with pytest.raises(ConnectionRefusedError):
        await waiting
    assert engine.attempts == 2


async def test_during_an_outage_later_callers_share_the_patience_of_the_first(
    advance: Callable[[float], None],
) -> None:
    window, engine = ReconnectWindow(60), Engine()
    engine.failures = 100
    waiting = asyncio.ensure_future(connect(window, engine))
    async with asyncio.timeout(HANG_SECONDS):
        await engine.asked.wait()
    advance(61)
    attempts = engine.attempts
    with pytest.raises(ConnectionRefusedError):
        await connect(window, engine)
    assert engine.attempts == attempts + 1
    with pytest.raises(ConnectionRefusedError):
        await waiting
