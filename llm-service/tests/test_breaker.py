"""The circuit breaker."""

import pytest

from llm_service.domain.keys.breaker import Breaker, BreakerRule, BreakerState
from penstock_testkit.clock import ManualClock


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(BreakerRule(calls=4, share=0.5, window=30, open_seconds=10), clock)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.begin()
        breaker.record_failure()


def test_it_opens_when_half_of_enough_calls_failed(breaker: Breaker) -> None:
    breaker.record_success()
    breaker.record_success()
    fail(breaker)
    assert breaker.state is BreakerState.CLOSED
    fail(breaker)
    assert breaker.state is BreakerState.OPEN
    assert breaker.wait() == 10


def test_failures_outside_the_window_do_not_count(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 3)
    clock.advance(31)
    fail(breaker)
    assert breaker.state is BreakerState.CLOSED


def test_half_open_lets_one_call_through_and_its_success_closes(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 4)
    clock.advance(10)
    assert (breaker.state, breaker.wait()) == (BreakerState.HALF_OPEN, 0)
    breaker.begin()
    assert breaker.wait() > 0
    breaker.record_success()
    assert (breaker.state, breaker.wait()) == (BreakerState.CLOSED, 0)


def test_a_failed_trial_opens_it_for_twice_as_long_up_to_a_minute(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 4)
    waits: list[float] = []
    for _ in range(4):
        clock.advance(breaker.wait())
        fail(breaker)
        waits.append(breaker.wait())
    assert waits == [20, 40, 60, 60]


def test_a_trial_whose_caller_left_leaves_it_to_the_next(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 4)
    clock.advance(10)
    breaker.begin()
    breaker.record_abandoned()
    assert (breaker.state, breaker.wait()) == (BreakerState.HALF_OPEN, 0)


def test_calls_from_before_it_opened_do_not_keep_it_open_longer(breaker: Breaker) -> None:
    fail(breaker, 4)
    breaker.record_failure()
    assert breaker.wait() == 10
