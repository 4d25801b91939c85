"""When a process that has too much to do refuses new calls, and how many."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from penstock_kit.errors import Unavailable
from penstock_kit.overload import LoadShedder
from penstock_kit.telemetry.overload import OverloadMetrics
from penstock_testkit.waiting import HANG_SECONDS

TARGET = 0.3


class Loop:
    """A loop whose timers are late by what the test says, seen by a shedder."""

    def __init__(self) -> None:
        self.shedder = LoadShedder(TARGET)
        self._now = 0.0

    def lag(self, seconds: float, *, during: float) -> None:
        """Be late by `seconds` at every tick for so long."""
        end = self._now + during
        while self._now < end:
            self._now += 0.1 + seconds
            self.shedder.observe(self._now, lag=seconds)

    def refused(self, calls: int = 100) -> int:
        """How many of so many calls are refused."""
        count = 0
        for _ in range(calls):
            try:
                self.shedder.check()
            except Unavailable:
                count += 1
        return count


def test_a_loop_in_time_refuses_nothing() -> None:
    loop = Loop()
    loop.lag(0.01, during=60)
    assert loop.refused() == 0


def test_the_share_stays_while_the_lag_is_between_half_the_target_and_the_target() -> None:
    loop = Loop()
    loop.lag(TARGET * 2, during=5)
    share = loop.shedder.share
    assert share > 0
    loop.lag(TARGET * 0.75, during=2)
    share = loop.shedder.share
    loop.lag(TARGET * 0.75, during=30)
    assert loop.shedder.share == share
    loop.lag(TARGET * 0.25, during=30)
    assert loop.shedder.share < share


def test_one_long_callback_refuses_nothing() -> None:
    loop = Loop()
    loop.lag(0.0, during=5)
    loop.lag(4.0, during=0.1)
    loop.lag(0.0, during=0.5)
    assert loop.refused() == 0


def test_a_lag_that_stands_refuses_a_growing_share_but_never_all() -> None:
    loop = Loop()
    loop.lag(0.5, during=3)
    some = loop.refused()
    loop.lag(0.5, during=30)
    assert 0 < some < loop.refused() < 100


def test_a_greater_lag_refuses_more_sooner() -> None:
    slight, great = Loop(), Loop()
    slight.lag(0.35, during=3)
    great.lag(0.9, during=3)
    assert slight.refused() < great.refused()


def test_when_the_lag_is_gone_everything_is_taken_again() -> None:
    loop = Loop()
    loop.lag(1.0, during=30)
    assert loop.refused() > 50
    loop.lag(0.0, during=10)
    assert loop.refused() == 0


def test_the_refused_are_spread_evenly() -> None:
    shedder = LoadShedder(TARGET)
    shedder.share = 0.5
    verdicts: list[bool] = []
    for _ in range(10):
        try:
            shedder.check()
            verdicts.append(True)
        except Unavailable:
            verdicts.append(False)
    assert verdicts == [True, False] * 5


def test_a_refusal_says_when_to_come_again() -> None:
    shedder = LoadShedder(TARGET)
    shedder.share = 1.0
    with pytest.raises(Unavailable) as caught:
        shedder.check()
    assert (caught.value.reason, caught.value.retry_after) == ("LOAD_LIMIT_EXCEEDED", 1.0)


async def test_a_loop_that_is_kept_busy_is_measured() -> None:
    shedder = LoadShedder(0.001)

    async def keep_busy() -> None:
        loop = asyncio.get_running_loop()
        while not shedder.share:
            end = loop.time() + 0.05
            while loop.time() < end:
                pass
            await asyncio.sleep(0)

    async with shedder.running(), asyncio.timeout(HANG_SECONDS):
        await keep_busy()
    assert shedder.lag > 0.001


async def test_a_service_that_is_slow_to_answer_is_behind() -> None:
    shedder = LoadShedder(0.001)
    asked = asyncio.Event()

    async def slow() -> None:
        asked.set()
        await asyncio.sleep(0.01)

    async with shedder.running(slow), asyncio.timeout(HANG_SECONDS):
        while not shedder.share:
            await asked.wait()
            asked.clear()


async def test_a_service_that_is_away_is_not_behind() -> None:
    shedder = LoadShedder(60)

    async def away() -> None:
        raise Unavailable("nobody listens")

    async with shedder.running(away):
        await asyncio.sleep(0)
    assert shedder.share == 0.0


@pytest.mark.parametrize("is_asked", [False, True], ids=["itself", "another"])
async def test_without_a_target_nothing_is_measured_or_refused(is_asked: bool) -> None:
    async def measure() -> None:
        raise AssertionError("it was asked")

    loop: Any = asyncio.get_running_loop()
    real, delays = loop.call_later, list[float]()
    loop.call_later = lambda delay, *work, **more: (delays.append(delay), real(delay, *work, **more))[1]
    shedder = LoadShedder(0)
    async with shedder.running(measure if is_asked else None):
        for _ in range(3):
            await asyncio.sleep(0)
    assert delays == [], "it waits for no tick"
    shedder.check()
    assert shedder.share == 0.0


def test_the_figures_are_on_metrics() -> None:
    registry, shedder = CollectorRegistry(), LoadShedder(TARGET)
    OverloadMetrics(registry, {"gateway": shedder})
    shedder.share, shedder.lag, shedder.refused = 0.25, 0.4, 7
    labels = {"service": "gateway"}
    assert registry.get_sample_value("penstock_overload_share", labels) == 0.25
    assert registry.get_sample_value("penstock_loop_standing_lag_seconds", labels) == 0.4
    assert registry.get_sample_value("penstock_overload_refused_total", labels) == 7


def test_the_share_rises_with_the_least_lag_of_a_second_and_falls_slowly_by_number() -> None:
    shedder = LoadShedder(0.3)
    shares: list[float] = []
    for now, lag in ((0.0, 0.6), (0.9, 0.6), (1.0, 0.6), (1.1, 0.6), (2.0, 30.0)):
        shedder.observe(now, lag=lag)
        shares.append(round(shedder.share, 6))
    assert shares == [0, 0, 0.2, 0.4, 0.6], "not before a second is known, and not by its peak"
    steep = LoadShedder(0.3)
    for now, share in ((0.0, 0.0), (1.0, 0.3), (2.0, 0.6), (3.0, 0.9), (4.0, 0.95), (5.0, 0.95)):
        steep.observe(now, lag=30.0)
        assert steep.share == pytest.approx(share)
    for now, lag, share in ((6.0, 0.3, 0.95), (7.0, 0.15, 0.95), (8.0, 0.14, 0.935), (9.0, 0.0, 0.92)):
        steep.observe(now, lag=lag)
        assert (steep.lag, steep.share) == (lag, pytest.approx(share))
