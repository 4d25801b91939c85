"""Failover between providers, before the first content and never after."""

from contextlib import aclosing

import pytest

from llm_service.domain.model.event import Started, TextDelta, is_content
from llm_service.domain.model.failure import FAILURE_RULES, FailureKind, ProviderError
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.routing.failover import Failover, Retries
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.retry_budget import RetryBudget
from llm_service.testing import ReadyPool, ScriptedProvider, collected, question, text_of
from penstock_kit.errors import ErrorKind
from penstock_testkit.clock import ManualClock


def failover_over(*providers: ScriptedProvider, times: int = 0) -> tuple[Failover, ProviderMonitor]:
    clock = ManualClock()

    async def no_sleep(_: float) -> None: ...

    monitor = ProviderMonitor(clock)
    route = Route(
        policy="order",
        candidates=tuple(Candidate(provider=each.name, model=f"{each.name}-model", why="") for each in providers),
    )
    failover = Failover(
        pool=ReadyPool(*providers),
        monitor=monitor,
        clock=clock,
        route=lambda _: route,
        budget=RetryBudget(clock),
        retries=Retries(times=times, sleep=no_sleep, random=lambda: 0.5),
    )
    return failover, monitor


def failing(name: str, kind: FailureKind, *texts: str) -> ScriptedProvider:
    return ScriptedProvider(name=name, texts=texts, failure=kind)


async def test_the_first_provider_answers_when_it_can() -> None:
    first, second = ScriptedProvider(name="a", texts=("x", "y")), ScriptedProvider(name="b")
    events = await collected(failover_over(first, second)[0].stream(question()))
    assert text_of(events) == "xy"
    assert not second.asked
    started = events[0]
    assert isinstance(started, Started)
    assert (started.provider, started.model, started.degraded) == ("a", "a-model", False)


@pytest.mark.parametrize("kind", [kind for kind, rule in FAILURE_RULES.items() if rule.failover])
async def test_a_failure_before_content_goes_to_the_next_provider(kind: FailureKind) -> None:
    broken, good = failing("a", kind), ScriptedProvider(name="b")
    failover, monitor = failover_over(broken, good)
    events = await collected(failover.stream(question()))
    started = [event for event in events if isinstance(event, Started)]
    assert len(started) == 1
    assert started[0].provider == "b"
    assert started[0].degraded
    assert [(attempt.provider, attempt.failure) for attempt in started[0].failed_attempts] == [("a", kind)]
    assert monitor.record("a").failures_by_kind == {kind: 1}
    assert monitor.record("b").failures == 0


async def test_the_next_provider_is_told_which_failed_before() -> None:
    broken, good = failing("a", FailureKind.SERVER), ScriptedProvider(name="b")
    await collected(failover_over(broken, good)[0].stream(question()))
    assert [attempt.provider for attempt in good.asked[0].failed_attempts] == ["a"]
    assert good.asked[0].model == "b-model"


@pytest.mark.parametrize("kind", [kind for kind, rule in FAILURE_RULES.items() if not rule.failover])
async def test_a_request_that_is_wrong_everywhere_is_not_asked_again(kind: FailureKind) -> None:
    second = ScriptedProvider(name="b")
    with pytest.raises(ProviderError) as caught:
        await collected(failover_over(failing("a", kind), second)[0].stream(question()))
    assert caught.value.failure is kind
    assert not second.asked


async def test_after_content_the_failure_is_the_answers() -> None:
    second = ScriptedProvider(name="b")
    seen: list[str] = []
    with pytest.raises(ProviderError) as caught:
        async for batch in failover_over(failing("a", FailureKind.CUT, "half"), second)[0].stream(question()):
            seen += [event.text for event in batch if isinstance(event, TextDelta)]
    assert seen == ["half"]
    assert caught.value.failure is FailureKind.CUT
    assert not second.asked


async def test_when_several_fail_the_caller_is_told_when_to_come_again() -> None:
    limited = ScriptedProvider(name="b", texts=(), failure=FailureKind.RATE_LIMIT, retry_after=7)
    failover, _ = failover_over(failing("a", FailureKind.SERVER), limited)
    with pytest.raises(ProviderError, match="a failed; b failed") as caught:
        await collected(failover.stream(question()))
    assert (caught.value.kind, caught.value.reason) == (ErrorKind.UNAVAILABLE, "ALL_PROVIDERS_FAILED")
    assert caught.value.retry_after == 7


async def test_when_all_refuse_our_keys_the_caller_sees_a_bad_upstream() -> None:
    failover, _ = failover_over(failing("a", FailureKind.AUTH), failing("b", FailureKind.AUTH))
    with pytest.raises(ProviderError) as caught:
        await collected(failover.stream(question()))
    assert caught.value.kind is ErrorKind.BAD_UPSTREAM


async def test_the_only_provider_is_asked_again() -> None:
    flaky = ScriptedProvider(name="a", failures=[FailureKind.SERVER])
    events = await collected(failover_over(flaky, times=1)[0].stream(question()))
    assert text_of(events) == "pong"
    started = events[0]
    assert isinstance(started, Started)
    assert [attempt.failure for attempt in started.failed_attempts] == [FailureKind.SERVER]
    assert not started.degraded


async def test_a_provider_with_others_behind_it_is_not_asked_again() -> None:
    broken, good = failing("a", FailureKind.SERVER), ScriptedProvider(name="b")
    await collected(failover_over(broken, good, times=3)[0].stream(question()))
    assert (len(broken.asked), len(good.asked)) == (1, 1)


async def test_of_a_flood_of_failures_a_tenth_is_followed_up() -> None:
    first, second = failing("a", FailureKind.SERVER), failing("b", FailureKind.SERVER)
    failover, _ = failover_over(first, second)
    for _ in range(1000):
        with pytest.raises(ProviderError):
            await collected(failover.stream(question()))
    assert len(first.asked) == 1000
    assert len(first.asked) + len(second.asked) <= 1.1 * 1000 + 10


async def test_leaving_early_closes_the_provider() -> None:
    provider = ScriptedProvider(name="a", texts=("x", "y", "z"))
    async with aclosing(failover_over(provider)[0].stream(question())) as batches:
        async for batch in batches:
            if any(map(is_content, batch)):
                break
        assert provider.closed == 0
    assert provider.closed == 1


async def test_an_answer_without_content_still_starts_and_finishes() -> None:
    events = await collected(failover_over(ScriptedProvider(name="a", texts=()))[0].stream(question()))
    assert [type(event).__name__ for event in events] == ["Started", "Finished"]


def test_no_failure_of_a_vendor_is_the_callers_own_401() -> None:
    assert ErrorKind.UNAUTHENTICATED not in {rule.kind for rule in FAILURE_RULES.values()}
    assert ErrorKind.PERMISSION_DENIED not in {rule.kind for rule in FAILURE_RULES.values()}


@pytest.mark.parametrize(("again", "calls"), [(True, 2), (False, 1)])
async def test_the_last_provider_is_asked_again_only_where_that_is_wanted(again: bool, calls: int) -> None:
    broken = failing("a", FailureKind.SERVER)
    failover, _ = failover_over(broken, times=1)
    candidates = [Candidate(provider="a", model="m", why="")]
    with pytest.raises(ProviderError, match="a failed"):
        await collected(failover.stream_over(question(), candidates, again=again))
    assert len(broken.asked) == calls


async def test_without_a_retry_budget_the_next_vendors_are_passed_over_and_the_offline_provider_answers() -> None:
    vendors = [failing(name, FailureKind.SERVER) for name in "abc"]
    offline = ScriptedProvider(name="fallback", texts=("offline",))
    failover, _ = failover_over(*vendors, offline)
    while failover.may_call_again():
        pass
    events = await collected(failover.stream(question()))
    assert text_of(events) == "offline"
    assert [len(each.asked) for each in vendors] == [1, 0, 0]
    started = events[0]
    assert isinstance(started, Started)
    assert [attempt.provider for attempt in started.failed_attempts] == ["a"]
