"""When a retry is worth its wait, what callers are told to wait, and how many retries there are."""

import time
from collections.abc import AsyncGenerator

import pytest

from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.provider import EventBatch
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.routing.failover import Failover, Retries
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.retry_budget import RetryBudget
from llm_service.testing import ReadyPool, ScriptedProvider, collected, question, text_of
from penstock_kit.context import CallContext, use_context
from penstock_testkit.clock import ManualClock


class Retried:
    """Failover whose pauses are only remembered, each half of its bound."""

    def __init__(self, *providers: ScriptedProvider, pause: float = 0.2, times: int = 1) -> None:
        self.slept: list[float] = []
        clock = ManualClock()
        candidates = tuple(Candidate(provider=each.name, model="m", why="") for each in providers)

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        self.failover = Failover(
            pool=ReadyPool(*providers),
            monitor=ProviderMonitor(clock),
            clock=clock,
            route=lambda _: Route(policy="order", candidates=candidates),
            budget=RetryBudget(clock),
            retries=Retries(times=times, pause=pause, sleep=sleep, random=lambda: 0.5),
        )

    async def ask(self, *, seconds: float | None) -> str:
        """Ask with so many seconds until the caller's deadline."""
        deadline = None if seconds is None else time.monotonic() + seconds
        with use_context(CallContext("req", deadline=deadline)):
            return text_of(await collected(self.failover.stream(question())))


async def test_no_retry_is_waited_for_beyond_the_callers_deadline() -> None:
    provider = ScriptedProvider(name="a", failures=[FailureKind.SERVER])
    retried = Retried(provider, pause=200.0)
    with pytest.raises(ProviderError):
        await retried.ask(seconds=60)
    assert (len(provider.asked), retried.slept) == (1, [])


@pytest.mark.parametrize("seconds", [None, 1000.0])
async def test_a_retry_that_fits_the_callers_deadline_is_waited_for(seconds: float | None) -> None:
    provider = ScriptedProvider(name="a", failures=[FailureKind.SERVER])
    retried = Retried(provider, pause=200.0)
    assert await retried.ask(seconds=seconds) == "pong"
    assert (len(provider.asked), retried.slept) == (2, [100.0])


async def test_the_bound_of_each_further_pause_is_twice_the_one_before() -> None:
    provider = ScriptedProvider(name="a", failures=[FailureKind.SERVER] * 4)
    retried = Retried(provider, pause=0.2, times=3)
    with pytest.raises(ProviderError, match="a failed"):
        await retried.ask(seconds=None)
    assert (len(provider.asked), retried.slept) == (4, [0.1, 0.2, 0.4])


async def test_the_offline_provider_behind_a_vendor_keeps_nobody_from_asking_the_vendor_again() -> None:
    vendor, offline = ScriptedProvider(name="a", failures=[FailureKind.SERVER]), ScriptedProvider(name="fallback")
    retried = Retried(vendor, offline)
    assert await retried.ask(seconds=None) == "pong"
    assert (len(vendor.asked), len(offline.asked), retried.slept) == (2, 0, [0.1])


async def test_of_several_waits_the_shortest_is_told() -> None:
    waits = (30.0, 5.0, 20.0)
    providers = [
        ScriptedProvider(name=name, failures=[FailureKind.RATE_LIMIT], retry_after=wait)
        for name, wait in zip("abc", waits, strict=True)
    ]
    with pytest.raises(ProviderError) as caught:
        await Retried(*providers).ask(seconds=None)
    assert caught.value.reason == "ALL_PROVIDERS_FAILED"
    assert caught.value.retry_after == 5.0


@pytest.mark.parametrize(("wish", "slept"), [(0.15, [0.15]), (0.05, [0.1]), (0.25, [])])
async def test_a_vendor_is_asked_again_no_sooner_than_it_wishes_and_not_where_that_is_too_long(
    wish: float, slept: list[float]
) -> None:
    provider = ScriptedProvider(name="a", failures=[FailureKind.SERVER], retry_after=wish)
    retried = Retried(provider, pause=0.2)
    if slept:
        assert await retried.ask(seconds=None) == "pong"
    else:
        with pytest.raises(ProviderError):
            await retried.ask(seconds=None)
    assert retried.slept == slept


class Refusing(ScriptedProvider):
    """Fails with what it is given, each time."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(name=error.provider)
        self.error = error

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        self.asked.append(request)
        raise self.error
        yield ()


@pytest.mark.parametrize(
    "error",
    [
        ProviderError("again never", provider="a", failure=FailureKind.SERVER, final=True),
        ProviderError("not asked", provider="a", failure=FailureKind.SERVER, asked=False),
        ProviderError("it said something wrong", provider="a", failure=FailureKind.PROTOCOL),
    ],
    ids=["the vendor asks not to be", "it was not asked", "it would say the same"],
)
async def test_a_vendor_that_another_try_says_nothing_to_is_asked_once(error: ProviderError) -> None:
    provider = Refusing(error)
    retried = Retried(provider)
    with pytest.raises(ProviderError, match=error.message):
        await retried.ask(seconds=None)
    assert (len(provider.asked), retried.slept) == (1, [])


async def test_a_vendor_that_was_not_asked_takes_nothing_of_what_pays_for_further_calls() -> None:
    resting = Refusing(ProviderError("resting", provider="a", failure=FailureKind.BREAKER_OPEN, asked=False))
    retried = Retried(resting, ScriptedProvider(name="b"))
    while retried.failover.may_call_again():
        pass
    assert await retried.ask(seconds=None) == "pong"


def test_a_long_quiet_saves_up_ten_retries_at_most() -> None:
    clock = ManualClock()
    budget = RetryBudget(clock)
    for _ in range(3):
        clock.advance(1_000_000)
        budget.deposit()
        assert [budget.withdraw() for _ in range(20)].count(True) == 10


def test_ten_requests_pay_for_one_retry() -> None:
    budget = RetryBudget(ManualClock())
    while budget.withdraw():
        pass
    for _ in range(100):
        budget.deposit()
    assert [budget.withdraw() for _ in range(20)].count(True) in {9, 10}


@pytest.mark.parametrize(("seconds", "retries"), [(4.4, 0), (4.6, 1), (24.4, 4), (24.6, 5), (44.6, 9), (3600, 10)])
def test_five_seconds_pay_for_one_retry_too(seconds: float, retries: int) -> None:
    clock = ManualClock()
    budget = RetryBudget(clock)
    while budget.withdraw():
        pass
    clock.advance(seconds)
    budget.deposit()  # a tenth of one beside
    assert [budget.withdraw() for _ in range(20)].count(True) == retries


@pytest.mark.parametrize(("requests", "retries"), [(3, 0), (4, 1), (15, 3), (16, 4), (100, 10)])
def test_the_share_that_a_request_pays_is_its_own(requests: int, retries: int) -> None:
    budget = RetryBudget(ManualClock(), share=0.25)
    while budget.withdraw():
        pass
    for _ in range(requests):
        budget.deposit()
    assert [budget.withdraw() for _ in range(20)].count(True) == retries
