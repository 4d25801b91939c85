"""Exact and semantic response caches."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from llm_service.domain.billing.ledger import Outcome
from llm_service.domain.billing.metering import Metering
from llm_service.domain.billing.price import OperatorPrices
from llm_service.domain.model.event import Event, FinishReason, Started, ToolCallDelta
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.message import Role, text_message
from llm_service.domain.model.request import CachePolicy, CompletionRequest, Sampling
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.usage import Usage
from llm_service.domain.reuse.response_cache import ResponseCaching, SimilarCompletion
from llm_service.testing import ListLedger, ScriptedProvider, collected, question, text_of
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import PermissionDenied
from penstock_testkit.clock import ManualClock

EXACT = CachePolicy(exact=True)
SEMANTIC = CachePolicy(semantic=True)


class DictCache:
    """A cache in which every text means the same."""

    def __init__(self) -> None:
        self.exact: dict[str, Sequence[Event]] = {}
        self.semantic: dict[str, Sequence[Event]] = {}

    async def get(self, key: str) -> Sequence[Event] | None:
        return self.exact.get(key)

    async def put(self, key: str, events: Sequence[Event]) -> None:
        self.exact[key] = events

    async def near(self, partition: str, text: str, threshold: float) -> SimilarCompletion | None:
        found = self.semantic.get(partition)
        return None if found is None else SimilarCompletion(events=found, similarity=0.97)

    async def put_near(
        self, partition: str, text: str, events: Sequence[Event], *, temperature: float | None = None
    ) -> None:
        self.semantic[partition] = events


class RememberingCache(DictCache):
    """Remembers what it was asked for by its meaning, and what it was to keep."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up: list[tuple[str, float]] = []
        self.kept: list[tuple[str, float | None]] = []

    async def near(self, partition: str, text: str, threshold: float) -> SimilarCompletion | None:
        self.looked_up.append((text, threshold))
        return await super().near(partition, text, threshold)

    async def put_near(
        self, partition: str, text: str, events: Sequence[Event], *, temperature: float | None = None
    ) -> None:
        self.kept.append((text, temperature))
        await super().put_near(partition, text, events)


def cached(
    provider: ScriptedProvider, *, semantic: bool = True, exact_for_all: bool = False, cache: DictCache | None = None
) -> ResponseCaching:
    def route(request: CompletionRequest) -> Route:
        if request.model == "forbidden":
            raise PermissionDenied("no")
        return Route(policy="order", candidates=(Candidate(provider="p", model=request.model, why=""),))

    return ResponseCaching(
        provider,
        cache=cache or DictCache(),
        route=route,
        allows_semantic=lambda: semantic,
        exact_for_all=exact_for_all,
    )


async def verdict(answers: ResponseCaching, request: CompletionRequest) -> str:
    started = (await collected(answers.stream(request)))[0]
    assert isinstance(started, Started)
    return started.cache


async def test_the_same_question_is_answered_once_when_the_request_allows_it() -> None:
    provider = ScriptedProvider(texts=("a", "b"))
    answers = cached(provider)
    asked = replace(question(), cache=EXACT)
    assert await verdict(answers, asked) == "miss"
    assert await verdict(answers, replace(asked, end_user="x", streaming=False)) == "hit"
    assert text_of(await collected(answers.stream(asked))) == "ab"
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(question("hi there"), cache=EXACT),
        replace(question(model="m2"), cache=EXACT),
        replace(question(), cache=EXACT, sampling=Sampling(temperature=0.1)),
    ],
)
async def test_what_shapes_the_answer_is_part_of_the_key(other: CompletionRequest) -> None:
    answers = cached(ScriptedProvider())
    await verdict(answers, replace(question(), cache=EXACT))
    assert await verdict(answers, other) == "miss"


async def test_without_a_word_nothing_is_cached_and_bypass_wins_over_the_operator() -> None:
    assert await verdict(cached(ScriptedProvider()), question()) == ""
    everybody = cached(ScriptedProvider(), exact_for_all=True)
    assert await verdict(everybody, question()) == "miss"
    assert await verdict(everybody, question()) == "hit"
    assert await verdict(everybody, replace(question(), cache=CachePolicy(bypass=True))) == "bypass"


async def test_what_the_operator_has_cached_for_all_is_shared_whoever_asked_for_nothing() -> None:
    answers = cached(ScriptedProvider(), exact_for_all=True)
    for user, expected in (("ann", "miss"), ("bob", "hit")):
        with use_context(CallContext(request_id="r", caller=Caller(user_id=user))):
            assert await verdict(answers, replace(question(), cache=CachePolicy(exact=True, own=True))) == expected


@pytest.mark.parametrize(
    "provider",
    [
        ScriptedProvider(reason=FinishReason.LENGTH),
        ScriptedProvider(before=[ToolCallDelta(call_index=0, name="look")]),
        ScriptedProvider(name="fallback"),
    ],
    ids=["truncated", "tool call", "offline"],
)
async def test_what_is_not_a_whole_answer_of_a_model_is_not_kept(provider: ScriptedProvider) -> None:
    answers = cached(provider, exact_for_all=True)
    await collected(answers.stream(question()))
    assert await verdict(answers, question()) == "miss"


async def test_a_failure_is_not_kept() -> None:
    answers = cached(ScriptedProvider(failures=[FailureKind.SERVER]), exact_for_all=True)
    with pytest.raises(ProviderError):
        await collected(answers.stream(question()))
    assert await verdict(answers, question()) == "miss"


async def test_a_question_like_an_earlier_one_is_a_semantic_hit_within_its_partition() -> None:
    answers = cached(ScriptedProvider())
    assert await verdict(answers, replace(question("how hot is it"), cache=SEMANTIC)) == "miss"
    events = await collected(answers.stream(replace(question("how warm is it"), cache=SEMANTIC)))
    assert isinstance(events[0], Started)
    assert (events[0].cache, events[0].similarity) == ("semantic_hit", 0.97)
    assert await verdict(answers, replace(question("how warm is it", model="m2"), cache=SEMANTIC)) == "miss"


async def test_the_semantic_cache_is_for_single_turns_and_keys_that_may_use_it() -> None:
    asked = replace(question(), cache=SEMANTIC)
    turns = (text_message(Role.USER, "a"), text_message(Role.ASSISTANT, "b"), text_message(Role.USER, "and that?"))
    assert await verdict(cached(ScriptedProvider()), replace(asked, messages=turns)) == ""
    assert await verdict(cached(ScriptedProvider(), semantic=False), asked) == ""


async def test_a_model_the_key_may_not_use_is_refused_before_the_cache_is_asked() -> None:
    with pytest.raises(PermissionDenied):
        await verdict(cached(ScriptedProvider()), replace(question(model="forbidden"), cache=EXACT))


async def test_a_hit_is_a_row_that_cost_nothing(clock: ManualClock, new_id: Callable[[str], str]) -> None:
    ledger = ListLedger()
    answers = cached(ScriptedProvider(usage=Usage(input=9, output=9)), exact_for_all=True)
    prices = OperatorPrices({}, free=frozenset())
    metering = Metering(answers, ledger=ledger, prices=prices, clock=clock, new_id=new_id)
    for _ in range(2):
        await collected(metering.stream(question()))
    first, second = ledger.rows
    assert (first.cached, second.cached) == (False, True)
    assert (second.cost.amount, second.usage, second.outcome) == (0, Usage(), Outcome.OK)


async def test_the_semantic_cache_gets_the_users_words_the_similarity_asked_for_and_the_temperature() -> None:
    cache = RememberingCache()
    before, user, after = (
        text_message(role, text)
        for role, text in ((Role.SYSTEM, "be brief"), (Role.USER, "how hot is it"), (Role.SYSTEM, "be kind"))
    )
    asked = CompletionRequest(
        messages=(before, user, after),
        cache=CachePolicy(semantic=True, threshold=0.93),
        sampling=Sampling(temperature=0.2),
    )
    assert await verdict(cached(ScriptedProvider(), cache=cache), asked) == "miss"
    assert (cache.looked_up, cache.kept) == ([("how hot is it", 0.93)], [("how hot is it", 0.2)])


@pytest.mark.parametrize("role", [Role.ASSISTANT, Role.TOOL, Role.SYSTEM])
async def test_only_what_a_user_says_is_looked_up_by_its_meaning(role: Role) -> None:
    cache = RememberingCache()
    asked = replace(question(), messages=(text_message(role, "hi"),), cache=SEMANTIC)
    assert await verdict(cached(ScriptedProvider(), cache=cache), asked) == ""
    assert (cache.looked_up, cache.kept) == ([], [])


async def test_only_an_answer_found_by_its_meaning_says_how_similar_the_question_was() -> None:
    answers = cached(ScriptedProvider())
    for policy, expected in ((EXACT, "miss"), (EXACT, "hit"), (CachePolicy(bypass=True), "bypass")):
        started = (await collected(answers.stream(replace(question(), cache=policy))))[0]
        assert isinstance(started, Started)
        assert (started.cache, started.similarity) == (expected, 0.0)
