from hypothesis import given
from hypothesis import strategies as st

from cache_service.domain.rate_limit import NANOSECONDS, Rate, take

rates = st.builds(Rate, limit=st.integers(1, 50), window=st.sampled_from([0.5, 1.0, 7.0, 60.0]))


@given(rate=rates, steps=st.lists(st.tuples(st.integers(0, 20 * NANOSECONDS), st.integers(0, 60)), max_size=60))
def test_no_more_than_the_limit_at_once_and_the_rate_over_time(rate: Rate, steps: list[tuple[int, int]]) -> None:
    now, tat, taken = 10**12, 0, []
    window = int(rate.window * NANOSECONDS)
    for pause, cost in steps:
        now += pause
        verdict, tat = take(tat=tat, now=now, cost=min(cost, rate.limit), rate=rate)
        if verdict.allowed:
            taken.append((now, min(cost, rate.limit)))
        assert 0 <= verdict.remaining <= rate.limit
        assert verdict.allowed == (verdict.retry_after == 0.0)
    for first, (begin, _) in enumerate(taken):
        total = 0
        for moment, cost in taken[first:]:
            total += cost
            # the whole burst, plus what came back in between; one for rounding down to nanoseconds per take
            assert total <= rate.limit + (moment - begin) * rate.limit / window + 1


@given(rate=rates, cost=st.integers(1, 50))
def test_waiting_as_long_as_told_is_enough_and_a_bit_less_is_not(rate: Rate, cost: int) -> None:
    cost = min(cost, rate.limit)
    now = 10**12
    full, tat = take(tat=0, now=now, cost=rate.limit, rate=rate)
    assert full.allowed
    refused, tat = take(tat=tat, now=now, cost=cost, rate=rate)
    assert not refused.allowed
    wait = round(refused.retry_after * NANOSECONDS)
    assert take(tat=tat, now=now + wait, cost=cost, rate=rate)[0].allowed
    assert not take(tat=tat, now=now + wait - 2, cost=cost, rate=rate)[0].allowed


@given(rate=rates, cost=st.integers(0, 50), correction=st.integers(-200, 200))
def test_a_correction_is_taken_in_any_case_and_never_gives_more_than_all(
    rate: Rate, cost: int, correction: int
) -> None:
    now, cost = 10**12, min(cost, rate.limit)
    _, tat = take(tat=0, now=now, cost=cost, rate=rate)
    verdict, corrected = take(tat=tat, now=now, cost=0, rate=rate, correction=correction)
    window = int(rate.window * NANOSECONDS)
    assert abs(corrected - max(now, tat + correction * window // rate.limit)) <= 1
    assert abs(verdict.remaining - max(0, min(rate.limit, rate.limit - cost - correction))) <= 1


def test_a_debt_is_waited_for() -> None:
    rate = Rate(limit=10, window=10.0)
    _, tat = take(tat=0, now=10**12, cost=10, rate=rate, correction=0)
    refused, tat = take(tat=tat, now=10**12, cost=1, rate=rate, correction=5)
    assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 0, 6.0)
    assert take(tat=tat, now=10**12 + 6 * NANOSECONDS, cost=1, rate=rate)[0].allowed


def test_an_untouched_key_has_the_whole_limit_at_once() -> None:
    verdict, tat = take(tat=0, now=10**12, cost=0, rate=Rate(limit=7, window=60.0))
    assert (verdict.allowed, verdict.remaining, verdict.reset_after) == (True, 7, 0.0)
    assert tat == 10**12
