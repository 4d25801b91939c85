"""Several keys of one provider."""

from dataclasses import dataclass, replace

import pytest

from llm_service.domain.keys.key_balancing import KeyBalancedProvider, KeyBalancedTokenCounter
from llm_service.domain.keys.key_pool import ApiKeyPool, ApiKeyState
from llm_service.domain.keys.key_pools import ApiKeyPools
from llm_service.domain.model.event import Started
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.request import CompletionRequest
from llm_service.testing import ScriptedProvider, collected, question, text_of
from penstock_kit.breaker import BreakerState, FailureRate
from penstock_testkit.clock import ManualClock


@pytest.fixture
def revoked() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def key_pool(clock: ManualClock, revoked: list[tuple[str, str]]) -> ApiKeyPool:
    return ApiKeyPool(
        "p",
        ["sk-a", "sk-b"],
        rule=FailureRate(calls=2, open_seconds=10),
        clock=clock,
        on_revoked=lambda provider, masked: revoked.append((provider, masked)),
    )


def keyed(key_pool: ApiKeyPool, *inners: ScriptedProvider) -> KeyBalancedProvider:
    return KeyBalancedProvider(inners, key_pool=lambda: key_pool)


def test_keys_take_turns_and_the_least_loaded_goes_first(key_pool: ApiKeyPool) -> None:
    first, second = key_pool.acquire(), key_pool.acquire()
    assert (first.index, second.index) == (0, 1)
    key_pool.release(second)
    assert key_pool.acquire().index == 1


def test_keys_with_nothing_to_do_take_turns_from_the_first_call(key_pool: ApiKeyPool) -> None:
    used: list[int] = []
    for _ in range(5):
        key = key_pool.acquire()
        used.append(key.index)
        key_pool.release(key)
    assert used == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("later", [None, ["sk-a"]], ids=["not configured any more", "another number of keys"])
async def test_a_provider_that_is_still_held_answers_from_its_own_keys_whatever_is_configured_now(
    key_pool: ApiKeyPool, clock: ManualClock, later: list[str] | None
) -> None:
    configured: list[ApiKeyPool | None] = [key_pool]
    provider = KeyBalancedProvider([ScriptedProvider() for _ in range(2)], key_pool=lambda: configured[-1])
    other = later and ApiKeyPool("p", later, rule=FailureRate(), clock=clock, on_revoked=lambda *_: None)
    configured.append(other or None)
    assert text_of(await collected(provider.stream(question()))) == "pong"
    assert key_pool.acquire().index == 1, "the first was used"


async def test_a_limited_key_rests_as_long_as_the_vendor_says_and_the_other_answers(
    key_pool: ApiKeyPool, clock: ManualClock
) -> None:
    limited = ScriptedProvider(failures=[FailureKind.RATE_LIMIT], retry_after=30)
    other = ScriptedProvider(texts=("b",))
    provider = keyed(key_pool, limited, other)
    for _ in range(3):
        assert text_of(await collected(provider.stream(question()))) == "b"
    assert (len(limited.asked), len(other.asked)) == (1, 3)
    assert [view.state for view in key_pool.views()] == [ApiKeyState.COOLING, ApiKeyState.LIVE]
    clock.advance(30)
    await collected(provider.stream(question()))
    assert len(limited.asked) == 2


async def test_a_limit_rests_one_model_under_one_key_and_is_told_with_the_rest_it_takes(
    key_pool: ApiKeyPool, clock: ManualClock
) -> None:
    inners = [ScriptedProvider(failures=[FailureKind.RATE_LIMIT]) for _ in range(2)]
    provider = keyed(key_pool, *inners)
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model="busy")))
    assert (caught.value.retry_after, caught.value.retryable) == (10.0, True)
    assert text_of(await collected(provider.stream(question(model="idle")))) == "pong"
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model="busy")))
    assert (caught.value.failure, caught.value.retry_after) == (FailureKind.BREAKER_OPEN, 10.0)
    clock.advance(10)
    assert text_of(await collected(provider.stream(question(model="busy")))) == "pong"


def test_a_limit_of_the_account_rests_every_model_of_the_key(key_pool: ApiKeyPool) -> None:
    spent = ProviderError("spent", provider="p", failure=FailureKind.RATE_LIMIT, account_wide=True)
    first = key_pool.acquire(model="a")
    key_pool.record_failure(first, spent, "a")
    assert spent.retry_after is None
    others = {1 - first.index}
    assert not key_pool.has_ready(others, "b")
    assert key_pool.acquire(model="b").index != first.index
    assert [view.state for view in key_pool.views()] == [ApiKeyState.COOLING, ApiKeyState.LIVE]


def test_when_all_keys_rest_the_shortest_rest_is_told(key_pool: ApiKeyPool, clock: ManualClock) -> None:
    for seconds in (30, 20):
        limit = ProviderError("slow", provider="p", failure=FailureKind.RATE_LIMIT, retry_after=seconds)
        key_pool.record_failure(key_pool.acquire(model="a"), limit, "a")
    assert key_pool.ready_in("a") == 20
    with pytest.raises(ProviderError) as caught:
        key_pool.acquire(model="a")
    assert caught.value.retry_after == 20
    clock.advance(20)
    assert key_pool.ready_in("a") == 0
    assert key_pool.acquire(model="a").index == 1


def test_the_resting_models_that_are_remembered_are_bounded(key_pool: ApiKeyPool, clock: ManualClock) -> None:
    limit = ProviderError("slow", provider="p", failure=FailureKind.RATE_LIMIT, retry_after=60)
    key = key_pool.acquire()
    for number in range(1000):
        clock.advance(0.001)
        key_pool.record_failure(key, limit, f"m{number}")
    rested = [number for number in range(1000) if key.wait(clock.monotonic(), f"m{number}") > 0]
    assert rested == list(range(744, 1000))


async def test_a_refused_key_is_dead_and_told_once(key_pool: ApiKeyPool, revoked: list[tuple[str, str]]) -> None:
    refused = ScriptedProvider(failure=FailureKind.AUTH, texts=())
    provider = keyed(key_pool, ScriptedProvider(failures=[FailureKind.AUTH]), ScriptedProvider(texts=("b",)))
    for _ in range(3):
        assert text_of(await collected(provider.stream(question()))) == "b"
    assert revoked == [("p", "sk-a")]
    assert key_pool.has_revoked
    assert not refused.asked


async def test_when_every_key_is_refused_nobody_is_asked_again(
    key_pool: ApiKeyPool, revoked: list[tuple[str, str]]
) -> None:
    inners = [ScriptedProvider(failures=[FailureKind.AUTH]) for _ in range(2)]
    provider = keyed(key_pool, *inners)
    for expected in (True, False):
        with pytest.raises(ProviderError) as caught:
            await collected(provider.stream(question()))
        assert (caught.value.failure, caught.value.asked) == (FailureKind.AUTH, expected)
    assert [len(inner.asked) for inner in inners] == [1, 1]
    assert len(revoked) == 2
    assert key_pool.ready_in() is None


async def test_failures_open_the_breaker_of_the_key_only(key_pool: ApiKeyPool, clock: ManualClock) -> None:
    broken, good = ScriptedProvider(failures=[FailureKind.SERVER] * 9), ScriptedProvider()
    provider = keyed(key_pool, broken, good)
    failed = 0
    for _ in range(8):
        try:
            await collected(provider.stream(question()))
        except ProviderError:
            failed += 1
    assert failed == 2
    assert [view.breaker for view in key_pool.views()] == [BreakerState.OPEN, BreakerState.CLOSED]
    assert key_pool.breaker is BreakerState.CLOSED


async def test_what_the_callers_did_wrong_opens_no_breaker(key_pool: ApiKeyPool) -> None:
    provider = keyed(key_pool, *(ScriptedProvider(failures=[FailureKind.BAD_REQUEST] * 9) for _ in range(2)))
    for _ in range(8):
        with pytest.raises(ProviderError) as caught:
            await collected(provider.stream(question()))
        assert caught.value.failure is FailureKind.BAD_REQUEST
    assert [view.breaker for view in key_pool.views()] == [BreakerState.CLOSED, BreakerState.CLOSED]


@dataclass
class ScriptedCounter:
    """Counts tokens, or fails as it is told."""

    tokens: int = 0
    failure: FailureKind | None = None
    asked: int = 0

    async def count_tokens(self, request: CompletionRequest) -> int:
        self.asked += 1
        if self.failure is not None:
            raise ProviderError("no", provider="p", failure=self.failure)
        return self.tokens


async def test_tokens_are_counted_with_another_key_when_the_first_is_limited_and_with_none_when_all_are(
    key_pool: ApiKeyPool,
) -> None:
    limited, other = ScriptedCounter(failure=FailureKind.RATE_LIMIT), ScriptedCounter(tokens=7)
    counter = KeyBalancedTokenCounter([limited, other], key_pool=lambda: key_pool)
    assert await counter.count_tokens(question()) == 7
    other.failure = FailureKind.RATE_LIMIT
    with pytest.raises(ProviderError) as caught:
        await counter.count_tokens(question())
    assert caught.value.failure is FailureKind.RATE_LIMIT
    assert (limited.asked, other.asked) == (1, 2)


async def test_tokens_are_not_counted_again_when_the_vendor_itself_fails(key_pool: ApiKeyPool) -> None:
    broken, other = ScriptedCounter(failure=FailureKind.SERVER), ScriptedCounter(tokens=7)
    counter = KeyBalancedTokenCounter([broken, other], key_pool=lambda: key_pool)
    with pytest.raises(ProviderError):
        await counter.count_tokens(question())
    assert (broken.asked, other.asked) == (1, 0)


async def test_with_all_breakers_open_the_caller_is_told_when_to_come_again(key_pool: ApiKeyPool) -> None:
    provider = keyed(key_pool, *(ScriptedProvider(failures=[FailureKind.SERVER] * 9) for _ in range(2)))
    for _ in range(4):
        with pytest.raises(ProviderError):
            await collected(provider.stream(question()))
    with pytest.raises(ProviderError, match=r"not asked for another 10.0 s") as caught:
        await collected(provider.stream(question()))
    assert (caught.value.failure, caught.value.retry_after) == (FailureKind.BREAKER_OPEN, 10)
    assert not caught.value.asked


async def test_a_key_is_not_changed_once_the_answer_began(key_pool: ApiKeyPool) -> None:
    begun = ScriptedProvider(texts=("half",), failure=FailureKind.RATE_LIMIT)
    other = ScriptedProvider()
    with pytest.raises(ProviderError):
        await collected(keyed(key_pool, begun, other).stream(question()))
    assert not other.asked


async def test_leaving_gives_the_key_back(key_pool: ApiKeyPool) -> None:
    provider = keyed(key_pool, ScriptedProvider(texts=("x", "y")), ScriptedProvider())
    stream = provider.stream(question())
    assert isinstance((await anext(stream))[0], Started)
    await stream.aclose()
    assert key_pool.acquire().in_flight == 1


async def test_a_trial_whose_caller_left_before_the_first_word_leaves_the_key_to_the_next(
    key_pool: ApiKeyPool, clock: ManualClock
) -> None:
    inners = [ScriptedProvider(failures=[FailureKind.SERVER] * 2) for _ in range(2)]
    provider = keyed(key_pool, *inners)
    for _ in range(4):
        with pytest.raises(ProviderError):
            await collected(provider.stream(question()))
    clock.advance(10)
    for _ in range(2):
        stream = provider.stream(question())
        assert isinstance((await anext(stream))[0], Started)
        await stream.aclose()
    assert key_pool.has_ready()
    assert text_of(await collected(provider.stream(question()))) == "pong"


def broken(key_pool: ApiKeyPool) -> None:
    """Let both keys fail until their breakers are open."""
    for _ in range(4):
        key = key_pool.acquire()
        key_pool.record_failure(key, failed(FailureKind.SERVER))
        key_pool.release(key)


def failed(kind: FailureKind, retry_after: float | None = None) -> ProviderError:
    return ProviderError("no", provider="p", failure=kind, retry_after=retry_after)


def test_a_key_that_is_tried_again_is_tried_by_one_caller(key_pool: ApiKeyPool, clock: ManualClock) -> None:
    broken(key_pool)
    assert not key_pool.has_ready()
    clock.advance(10)
    assert {key_pool.acquire().index, key_pool.acquire().index} == {0, 1}
    assert not key_pool.has_ready()


@pytest.mark.parametrize(
    ("kind", "rest"), [(FailureKind.RATE_LIMIT, 1.0), (FailureKind.BAD_REQUEST, 0.0)], ids=["limited", "a bad request"]
)
def test_a_trial_that_says_nothing_of_the_vendor_leaves_the_key_to_the_next_caller(
    key_pool: ApiKeyPool, clock: ManualClock, kind: FailureKind, rest: float
) -> None:
    broken(key_pool)
    clock.advance(10)
    trial, _ = key_pool.acquire(), key_pool.acquire()
    key_pool.record_failure(trial, failed(kind, retry_after=rest or None))
    key_pool.release(trial)
    clock.advance(rest)
    assert key_pool.acquire().index == trial.index


def test_a_provider_rests_while_no_key_may_be_used_for_every_model(key_pool: ApiKeyPool, clock: ManualClock) -> None:
    keys = [key_pool.acquire(), key_pool.acquire()]
    key_pool.record_failure(keys[0], failed(FailureKind.RATE_LIMIT, 7), "m")
    assert key_pool.rests_for() == 0
    key_pool.record_failure(keys[1], failed(FailureKind.RATE_LIMIT, 5), "m")
    assert (key_pool.rests_for(), key_pool.ready_in("other")) == (5, 0)
    clock.advance(7)
    assert key_pool.rests_for() == 0
    broken(key_pool)
    assert key_pool.rests_for() == 10


def test_a_refused_key_says_nothing_of_the_breaker_of_its_provider(key_pool: ApiKeyPool) -> None:
    refused = key_pool.acquire()
    key_pool.record_failure(refused, failed(FailureKind.AUTH))
    for _ in range(2):
        key_pool.record_failure(key_pool.acquire(), failed(FailureKind.SERVER))
    assert key_pool.breaker is BreakerState.OPEN


def test_a_caller_who_has_tried_every_key_is_told_to_wait_a_little(key_pool: ApiKeyPool) -> None:
    with pytest.raises(ProviderError) as caught:
        key_pool.acquire(tried=(0, 1))
    assert caught.value.retry_after == pytest.approx(0.1)


def test_keys_begin_anew_when_their_provider_is_configured_otherwise_or_one_was_refused(clock: ManualClock) -> None:
    pools = ApiKeyPools(rule=FailureRate(), clock=clock, mask=lambda key: key, on_revoked=lambda *_: None)
    first = ProviderProfile(name="p", dialect="openai", models=("m",), keys=("a", "b"))
    seen: list[ApiKeyPool | None] = []
    for profile in (first, first, replace(first, keys=("a", "c"))):
        pools.configure([profile])
        seen.append(pools.get("p"))
    assert seen[0] is seen[1]
    assert seen[1] is not seen[2]
    assert seen[2] is not None
    seen[2].record_failure(seen[2].acquire(), failed(FailureKind.AUTH))
    pools.configure([replace(first, keys=("a", "c"))])
    again = pools.get("p")
    assert again is not None
    assert [view.state for view in again.views()] == [ApiKeyState.LIVE, ApiKeyState.LIVE]
