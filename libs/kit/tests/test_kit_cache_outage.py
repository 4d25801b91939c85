"""Who tries while the cache is away."""

from penstock_kit.cache.outage import Outage
from penstock_kit.errors import Unavailable
from penstock_testkit.clock import ManualClock


def away(clock: ManualClock) -> Outage:
    outage = Outage(clock=clock, retry_seconds=1.0)
    outage.record_failure(Unavailable("gone"))
    return outage


def test_in_an_outage_one_of_many_callers_tries() -> None:
    clock = ManualClock()
    outage = away(clock)
    assert not any(outage.may_call() for _ in range(100))
    clock.advance(1.0)
    assert [outage.may_call() for _ in range(100)].count(True) == 1
    clock.advance(0.9)
    assert not any(outage.may_call() for _ in range(100))
    clock.advance(0.1)
    assert [outage.may_call() for _ in range(100)].count(True) == 1


def test_after_an_outage_everybody_calls_again_and_a_second_one_begins_anew() -> None:
    clock = ManualClock()
    outage = away(clock)
    outage.record_success()
    assert all(outage.may_call() for _ in range(100))
    assert not outage.open
    outage.record_failure(Unavailable("gone again"))
    assert outage.open
    assert not outage.may_call()
