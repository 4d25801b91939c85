"""The rates of a key as one process sees them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from llm_service.domain.billing.admission import Admission
from llm_service.domain.billing.key_policy import KeyPolicy
from llm_service.domain.billing.ledger import LedgerRow
from llm_service.domain.billing.rate_limiter import LocalRateLimiter, Rate
from llm_service.domain.model.usage import Usage
from llm_service.testing import ledger_row
from penstock_kit.context import Caller
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.clock import ManualClock


def rate(*, kind: str = "tokens", key_id: str = "k1", limit: int = 60) -> Rate:
    return Rate(tenant_id="acme", key_id=key_id, kind=kind, limit=limit)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=datetime(2026, 11, 21, tzinfo=UTC))


@pytest.fixture
def rates(clock: ManualClock) -> LocalRateLimiter:
    return LocalRateLimiter(clock)


async def test_what_is_used_up_comes_back_evenly(rates: LocalRateLimiter, clock: ManualClock) -> None:
    assert await rates.take(rate(), 50) == 0
    assert await rates.take(rate(), 20) == 10
    clock.advance(9)
    assert await rates.take(rate(), 20) == 1
    clock.advance(1)
    assert await rates.take(rate(), 20) == 0
    clock.advance(3600)
    assert await rates.take(rate(), 60) == 0
    assert await rates.take(rate(), 1) == 1, "an hour saves up no more than a minute's worth"


async def test_kinds_and_keys_have_rates_of_their_own(rates: LocalRateLimiter) -> None:
    await rates.take(rate(), 60)
    assert await rates.take(rate(), 1) > 0
    assert await rates.take(rate(kind="requests"), 1) == 0
    assert await rates.take(rate(key_id="k2"), 60) == 0
    assert await rates.take(replace(rate(), tenant_id="other"), 60) == 0, "a key of the same id"


async def test_more_than_a_minutes_worth_is_a_debt(rates: LocalRateLimiter, clock: ManualClock) -> None:
    assert await rates.take(rate(), 120) == 0
    assert await rates.take(rate(), 1) == 61
    clock.advance(61)
    assert await rates.take(rate(), 1) == 0


async def test_a_correction_takes_more_or_gives_back(rates: LocalRateLimiter) -> None:
    await rates.take(rate(), 60)
    rates.correct(rate(), -30)
    assert await rates.take(rate(), 30) == 0
    rates.correct(rate(), 60)
    assert await rates.take(rate(), 1) == 61


async def test_a_call_counts_as_many_tokens_as_it_had_in_the_end(rates: LocalRateLimiter) -> None:
    policy = KeyPolicy(tenant_id="acme", key_id="k1", tokens_per_minute=60)
    caller = Caller(user_id="ann", tenant_id="acme", key_id="k1")
    settled: list[LedgerRow] = []
    for guess, usage, left in (
        (50, Usage(input=6, cache_read=2, output=1, reasoning=1), 50),
        (10, Usage(input=35), 15),
    ):
        with Admission(rates, caller, policy) as admission:
            await admission.take(guess)
            settle = admission.with_correction(settled.append)
        settle(ledger_row(usage=usage))
        assert await rates.take(rate(), left) == 0
        assert await rates.take(rate(), 1) == 1
        rates.correct(rate(), -left)
    assert len(settled) == 2


async def test_a_call_that_was_not_made_counts_nothing(rates: LocalRateLimiter) -> None:
    policy = KeyPolicy(tenant_id="acme", key_id="k1", tokens_per_minute=60, requests_per_minute=60)
    with (
        pytest.raises(ValueError),
        Admission(rates, Caller(user_id="ann", tenant_id="acme", key_id="k1"), policy) as it,
    ):
        await it.take(60)
        raise ValueError
    assert await rates.take(rate(), 60) == 0
    assert await rates.take(rate(kind="requests"), 60) == 0


async def test_a_call_that_would_fit_in_half_a_second_is_refused_until_then_and_takes_nothing(
    rates: LocalRateLimiter, clock: ManualClock
) -> None:
    policy = KeyPolicy(tenant_id="acme", key_id="k1", tokens_per_minute=60, requests_per_minute=60)
    caller = Caller(user_id="ann", tenant_id="acme", key_id="k1")
    await rates.take(rate(), 60)
    clock.advance(0.5)
    with pytest.raises(ResourceExhausted, match="60 tokens a minute") as caught:
        await Admission(rates, caller, policy).take(1)
    assert (caught.value.reason, caught.value.retry_after) == ("KEY_RATE_LIMIT_EXCEEDED", 0.5)
    assert await rates.take(rate(kind="requests"), 60) == 0, "the request was given back"
    clock.advance(0.5)
    assert await rates.take(rate(), 1) == 0


async def test_a_new_limit_begins_anew(rates: LocalRateLimiter) -> None:
    await rates.take(rate(), 60)
    assert await rates.take(rate(limit=30), 30) == 0
