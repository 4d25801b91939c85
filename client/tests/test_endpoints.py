"""Which of several gateways is asked."""

import pytest

from penstock_client._endpoints import Endpoints

A, B, C = "http://a:8000", "http://b:8000", "http://c:8000"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def endpoints(clock: Clock) -> Endpoints:
    return Endpoints([f"{A}/", B, C], clock=clock)


def test_the_first_that_does_not_rest_is_asked_and_comes_back_after_ten_seconds(
    endpoints: Endpoints, clock: Clock
) -> None:
    assert endpoints.best() == A
    assert endpoints.mark_failed(A)
    assert endpoints.best() == B
    clock.now += 9.9
    assert endpoints.best() == B
    clock.now += 0.1
    assert endpoints.best() == A


def test_of_those_that_all_rest_the_one_that_has_rested_longest_is_asked(endpoints: Endpoints, clock: Clock) -> None:
    for url in (B, C, A):
        endpoints.mark_failed(url)
        clock.now += 1
    assert endpoints.best() == B
    assert not Endpoints([A], clock=clock).mark_failed(A), "there is no other one"
    endpoints.mark_failed(B)
    assert endpoints.best() == C


def test_one_that_answered_rests_no_longer(endpoints: Endpoints) -> None:
    endpoints.mark_failed(A)
    endpoints.mark_working(A)
    endpoints.mark_working(A)
    assert endpoints.best() == A
