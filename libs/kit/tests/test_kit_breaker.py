"""The circuit breaker."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from penstock_kit.breaker import Breaker, BreakerRule, BreakerState, ConsecutiveFailures, FailureRate
from penstock_testkit.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(FailureRate(calls=4, share=0.5, window=30, open_seconds=10), clock)


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


@pytest.mark.parametrize(("answered", "failed", "opens"), [(5, 4, False), (4, 4, True), (9, 4, False), (3, 4, True)])
def test_fewer_than_half_that_failed_leave_it_closed(breaker: Breaker, answered: int, failed: int, opens: bool) -> None:
    for _ in range(answered):
        breaker.record_success()
    fail(breaker, failed)
    assert (breaker.state is BreakerState.OPEN) is opens


def test_the_usual_rule_opens_for_ten_seconds_when_half_of_five_calls_in_half_a_minute_failed(
    clock: ManualClock,
) -> None:
    breaker = Breaker(FailureRate(), clock)
    fail(breaker, 4)
    assert breaker.state is BreakerState.CLOSED
    clock.advance(29.9)
    fail(breaker)
    assert (breaker.state, breaker.wait()) == (BreakerState.OPEN, 10)
    late = Breaker(FailureRate(), clock)
    fail(late, 4)
    clock.advance(30.1)
    fail(late)
    assert late.state is BreakerState.CLOSED


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


@pytest.fixture
def rare(clock: ManualClock) -> Breaker:
    """A breaker for calls that are rare."""
    return Breaker(ConsecutiveFailures(failures=3, open_seconds=10), clock)


def test_failures_in_a_row_open_it_and_the_last_of_them_is_told(rare: Breaker) -> None:
    rare.begin()
    assert [rare.record_failure() for _ in range(4)] == [False, False, True, False]
    assert (rare.state, rare.wait()) == (BreakerState.OPEN, 10)
    assert not rare.try_acquire()


def test_a_success_between_failures_begins_the_row_anew(rare: Breaker) -> None:
    fail(rare, 2)
    rare.record_success()
    fail(rare, 2)
    assert rare.state is BreakerState.CLOSED


def test_one_call_tries_it_each_time_it_was_open_and_its_failure_keeps_it_as_long(
    rare: Breaker, clock: ManualClock
) -> None:
    fail(rare, 3)
    waits: list[float] = []
    for _ in range(3):
        clock.advance(10)
        assert [rare.try_acquire(), rare.try_acquire()] == [True, False]
        assert not rare.record_failure()
        waits.append(rare.wait())
    assert waits == [10, 10, 10]
    clock.advance(10)
    assert rare.try_acquire()
    rare.record_success()
    assert [rare.try_acquire(), rare.try_acquire()] == [True, True]


@pytest.mark.parametrize("rule", [FailureRate(calls=3, open_seconds=10), ConsecutiveFailures(open_seconds=10)])
def test_a_trial_that_says_nothing_leaves_it_to_another_after_as_long_again(
    rule: BreakerRule, clock: ManualClock
) -> None:
    breaker = Breaker(rule, clock)
    fail(breaker, 3)
    clock.advance(10)
    assert breaker.try_acquire()
    clock.advance(9)
    assert not breaker.try_acquire()
    clock.advance(1)
    assert breaker.try_acquire()


class Calls(RuleBasedStateMachine):
    """Calls through a breaker, one after another, with any outcome and any time between."""

    @initialize(rule_of=st.sampled_from([FailureRate(calls=2), ConsecutiveFailures(failures=2)]))
    def start(self, rule_of: BreakerRule) -> None:
        self.clock = ManualClock()
        self.breaker = Breaker(rule_of, self.clock)

    @rule(seconds=st.floats(0, 40))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(outcome=st.sampled_from(["answered", "failed", "left", "silent"]))
    def call(self, outcome: str) -> None:
        before, allowed = self.breaker.state, self.breaker.try_acquire()
        assert allowed or before is not BreakerState.CLOSED
        if not allowed or outcome == "silent":
            return
        if outcome == "left":
            self.breaker.record_abandoned()
            assert self.breaker.state is before
        elif outcome == "answered":
            self.breaker.record_success()
            assert self.breaker.state is BreakerState.CLOSED
        elif self.breaker.record_failure():
            assert (before, self.breaker.state) == (BreakerState.CLOSED, BreakerState.OPEN)

    @invariant()
    def waits_are_bounded_and_only_an_open_one_has_them(self) -> None:
        assert 0 <= self.breaker.wait() <= 60
        assert self.breaker.wait() == 0 or self.breaker.state is not BreakerState.CLOSED


TestCalls = Calls.TestCase
