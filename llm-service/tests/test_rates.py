"""The rates of a key as one process sees them."""

from datetime import UTC, datetime

import pytest

from llm_service.domain.billing.rate_limiter import LocalRates, Rate
from penstock_testkit.clock import ManualClock


def rate(*, kind: str = "tokens", key_id: str = "k1", limit: int = 60) -> Rate:
    return Rate(tenant_id="acme", key_id=key_id, kind=kind, limit=limit)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=datetime(2026, 11, 21, tzinfo=UTC))


@pytest.fixture
def rates(clock: ManualClock) -> LocalRates:
    return LocalRates(clock)


async def test_what_is_used_up_comes_back_evenly(rates: LocalRates, clock: ManualClock) -> None:
    assert await rates.take(rate(), 50) == 0
    assert await rates.take(rate(), 20) == 10
    clock.advance(10)
    assert await rates.take(rate(), 20) == 0


async def test_kinds_and_keys_have_rates_of_their_own(rates: LocalRates) -> None:
    await rates.take(rate(), 60)
    assert await rates.take(rate(), 1) > 0
    assert await rates.take(rate(kind="requests"), 1) == 0
    assert await rates.take(rate(key_id="k2"), 60) == 0


async def test_more_than_a_minutes_worth_is_a_debt(rates: LocalRates, clock: ManualClock) -> None:
    assert await rates.take(rate(), 120) == 0
    assert await rates.take(rate(), 1) == 61
    clock.advance(61)
    assert await rates.take(rate(), 1) == 0


async def test_a_correction_takes_more_or_gives_back(rates: LocalRates) -> None:
    await rates.take(rate(), 60)
    rates.correct(rate(), -30)
    assert await rates.take(rate(), 30) == 0
    rates.correct(rate(), 60)
    assert await rates.take(rate(), 1) == 61


async def test_a_new_limit_begins_anew(rates: LocalRates) -> None:
    await rates.take(rate(), 60)
    assert await rates.take(rate(limit=30), 30) == 0
