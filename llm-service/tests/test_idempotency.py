"""The same idempotency key: one call, one charge, one answer."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

import pytest

from llm_service.adapters.event_json import events_from_json, json_from_events
from llm_service.adapters.idempotency_codec import batch_codec, embedded_codec
from llm_service.domain.embedding.embedding_call import Embedded
from llm_service.domain.model.event import Event, Finished, FinishReason, Started, TextDelta, ToolCallDelta
from llm_service.domain.model.failure import Attempt, FailureKind, ProviderError
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.usage import FREE, Cost, PriceSource, Usage
from llm_service.domain.reuse.idempotency import IdempotentCompletions, IdempotentEmbedder
from llm_service.domain.reuse.idempotent_execution import Claim, ClaimState, IdempotentExecution
from llm_service.testing import ScriptedProvider, collected, question, text_of
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import InvalidArgument, Unprocessable
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

ALICE = Caller(user_id="alice")


class DictStore:
    """A store in this process, which several replicas may share."""

    def __init__(self) -> None:
        self.kept: dict[str, Claim] = {}

    async def claim(self, key: str, fingerprint: str) -> Claim:
        known = self.kept.get(key)
        if known is not None:
            return known
        self.kept[key] = Claim(state=ClaimState.IN_FLIGHT, fingerprint=fingerprint)
        return Claim(state=ClaimState.CLAIMED, fingerprint=fingerprint)

    async def save(self, key: str, value: bytes) -> None:
        self.kept[key] = replace(self.kept[key], state=ClaimState.REPLAY, value=value)

    async def release(self, key: str) -> None:
        del self.kept[key]


def replica(provider: ScriptedProvider, store: DictStore | None = None) -> IdempotentCompletions:
    return IdempotentCompletions(
        provider, execution=IdempotentExecution(store or DictStore(), batch_codec(), sleep=lambda _: asyncio.sleep(0))
    )


def keyed(text: str = "hi", *, streaming: bool = True) -> CompletionRequest:
    return replace(question(text, streaming=streaming), idempotency_key="key-1")


async def ask(answering: IdempotentCompletions, request: CompletionRequest, caller: Caller = ALICE) -> list[Event]:
    with use_context(CallContext(request_id="r", caller=caller)):
        return await collected(answering.stream(request))


async def test_fifty_askers_at_once_and_one_later_share_one_call() -> None:
    provider = ScriptedProvider(texts=("a", "b"), usage=Usage(input=1, output=2))
    answering = replica(provider)
    answers = await asyncio.gather(*(ask(answering, keyed()) for _ in range(50)))
    assert all(answer == answers[0] for answer in answers)
    assert text_of(answers[0]) == "ab"
    assert await ask(answering, keyed(streaming=False)) == answers[0]
    assert len(provider.asked) == 1


async def test_askers_of_two_replicas_share_one_call() -> None:
    provider, store = ScriptedProvider(texts=("a", "b"), usage=Usage(input=1, output=2)), DictStore()
    replicas = [replica(provider, store), replica(provider, store)]
    answers = await asyncio.gather(*(ask(replicas[at % 2], keyed()) for at in range(50)))
    assert all(answer == answers[0] for answer in answers)
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        Caller(user_id="bob", tenant_id="acme", key_id="k1"),
        Caller(user_id="alice", tenant_id="other", key_id="k1"),
        Caller(user_id="alice", tenant_id="acme", key_id="k2"),
        Caller(user_id="alice", tenant_id="acme"),
    ],
    ids=["user", "tenant", "key", "no key"],
)
async def test_the_same_key_of_another_user_tenant_or_api_key_is_another(other: Caller) -> None:
    provider, store = ScriptedProvider(), DictStore()
    alice = Caller(user_id="alice", tenant_id="acme", key_id="k1")
    for caller, calls in ((alice, 1), (other, 2), (alice, 2), (other, 2)):
        await ask(replica(provider, store), keyed(), caller)
        assert len(provider.asked) == calls


async def test_another_question_with_the_same_key_is_refused() -> None:
    provider, store = ScriptedProvider(), DictStore()
    await ask(replica(provider, store), keyed())
    with pytest.raises(Unprocessable, match="used with another request") as caught:
        await ask(replica(provider, store), keyed("something else"))
    assert caught.value.reason == "IDEMPOTENCY_KEY_CONFLICT"


async def test_another_question_is_refused_too_while_the_first_is_being_answered() -> None:
    provider = ScriptedProvider(texts=("a",), stall=True)
    answering = replica(provider)
    with use_context(CallContext(request_id="r", caller=ALICE)):
        async with aclosing(answering.stream(keyed())) as first:
            await anext(first)
            with pytest.raises(Unprocessable, match="used with another request"):
                await ask(answering, keyed("something else"))
    assert len(provider.asked) == 1


async def test_a_question_with_other_labels_is_the_same_question() -> None:
    provider = ScriptedProvider()
    answering = replica(provider)
    first = await ask(answering, keyed())
    assert await ask(answering, replace(keyed(), labels={"shop": "welding"})) == first
    assert len(provider.asked) == 1


class AwayStore(DictStore):
    """A store that is away: every claim is granted and nothing is kept."""

    async def claim(self, key: str, fingerprint: str) -> Claim:
        return Claim(state=ClaimState.CLAIMED, fingerprint=fingerprint)

    async def save(self, key: str, value: bytes) -> None: ...

    async def release(self, key: str) -> None:
        await asyncio.sleep(0)


async def test_those_who_come_after_the_last_asker_left_share_a_call_of_their_own() -> None:
    provider = ScriptedProvider(texts=("a",), stall=True)
    answering = replica(provider, AwayStore())
    with use_context(CallContext(request_id="r", caller=ALICE)):
        async with aclosing(answering.stream(keyed())) as left:
            await anext(left)
        async with aclosing(answering.stream(keyed())) as second:
            await anext(second)
            for _ in range(20):  # until the call of who left is over
                await asyncio.sleep(0)
            async with aclosing(answering.stream(keyed())) as third:
                await anext(third)
    assert (len(provider.asked), provider.closed) == (2, 1)


async def test_an_answer_whose_making_was_cancelled_is_not_taken_for_a_whole_one() -> None:
    async def make() -> AsyncGenerator[EventBatch]:
        yield [TextDelta(text="a")]
        raise asyncio.CancelledError

    execution = IdempotentExecution(DictStore(), batch_codec())
    shown: list[EventBatch] = []
    with pytest.raises(asyncio.CancelledError):
        async for batch in execution.run("k", "f", make):
            shown.append(batch)
    assert shown == [[TextDelta(text="a")]]


@pytest.mark.parametrize("other", [Caller(user_id="bob"), Caller(user_id="alice", tenant_id="t2")])
async def test_another_caller_with_the_same_key_gets_an_answer_of_its_own(other: Caller) -> None:
    provider = ScriptedProvider()
    answering = replica(provider)
    await ask(answering, keyed())
    await ask(answering, keyed("something else"), other)
    assert len(provider.asked) == 2


async def test_a_failed_call_is_not_kept() -> None:
    provider = ScriptedProvider(failures=[FailureKind.SERVER])
    answering = replica(provider)
    with pytest.raises(ProviderError):
        await ask(answering, keyed())
    assert text_of(await ask(answering, keyed())) == "pong"


async def test_the_call_goes_on_while_one_asker_stays_and_ends_with_the_last() -> None:
    provider, store = ScriptedProvider(texts=("a",), stall=True), DictStore()
    answering = replica(provider, store)
    with use_context(CallContext(request_id="r", caller=ALICE)):
        async with aclosing(answering.stream(keyed())) as first, aclosing(answering.stream(keyed())) as second:
            await anext(first)
            await anext(second)
            await first.aclose()
            await provider.stalled.wait()
            assert provider.closed == 0
        async with asyncio.timeout(HANG_SECONDS):
            while not provider.closed or store.kept:  # noqa: ASYNC110 - the fake has no event for it
                await asyncio.sleep(0)
    assert len(provider.asked) == 1


async def test_an_answer_is_kept_although_its_last_asker_leaves_while_it_is_being_kept() -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    class SlowStore(DictStore):
        async def save(self, key: str, value: bytes) -> None:
            begun.set()
            await gate.wait()
            await super().save(key, value)

    provider = ScriptedProvider(texts=("a", "b"))
    answering = replica(provider, SlowStore())
    leaving = asyncio.create_task(ask(answering, keyed()))
    async with asyncio.timeout(HANG_SECONDS):
        await begun.wait()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        gate.set()
        assert text_of(await ask(answering, keyed())) == "ab"
    assert len(provider.asked) == 1


class BusyStore(DictStore):
    """A store in which another replica makes the answer for the first `times` looks, and then gives it up."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def claim(self, key: str, fingerprint: str) -> Claim:
        self.times -= 1
        if self.times >= 0:
            return Claim(state=ClaimState.IN_FLIGHT, fingerprint=fingerprint)
        return await super().claim(key, fingerprint)


async def test_an_asker_looks_for_the_answer_of_another_replica_ever_less_often_up_to_every_half_second() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    execution = IdempotentExecution(BusyStore(11), batch_codec(), sleep=sleep)
    assert text_of(await ask(IdempotentCompletions(ScriptedProvider(), execution=execution), keyed())) == "pong"
    first = [0.02, 0.03, 0.045, 0.0675, 0.10125, 0.151875, 0.2278125, 0.34171875]
    assert pauses == pytest.approx([*first, 0.5, 0.5, 0.5])


async def test_requests_without_a_key_are_their_own() -> None:
    provider = ScriptedProvider()
    answering = replica(provider)
    for _ in range(2):
        await ask(answering, question())
    assert len(provider.asked) == 2


async def test_a_key_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="300 characters"):
        await ask(replica(ScriptedProvider()), replace(question(), idempotency_key="k" * 300))


class CountingEmbedder:
    """Embeds with zeros and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    async def embed(self, request: EmbeddingRequest) -> Embedded:
        self.calls += 1
        await asyncio.sleep(0)
        vectors = Embeddings(model=request.model, values=(bytes(8), b"\1" * 8), usage=Usage(input=3))
        return Embedded(provider="p", vectors=vectors, cost=FREE)


async def test_vectors_are_made_once_for_all_askers_with_one_key() -> None:
    inner, store = CountingEmbedder(), DictStore()
    embedders = [IdempotentEmbedder(inner, execution=IdempotentExecution(store, embedded_codec())) for _ in range(2)]
    request = EmbeddingRequest(model="m", inputs=("a", "b"), idempotency_key="k")
    with use_context(CallContext(request_id="r", caller=ALICE)):
        found = await asyncio.gather(*(embedders[at % 2].embed(request) for at in range(20)))
        assert inner.calls == 1
        assert all(each == found[0] for each in found)
        with pytest.raises(Unprocessable):
            await embedders[0].embed(replace(request, inputs=("c",)))
        await embedders[0].embed(replace(request, idempotency_key=""))
    assert inner.calls == 2


def test_events_come_back_from_json_as_they_were(clock: ManualClock, new_id: Callable[[str], str]) -> None:
    attempt = Attempt(provider="p", model="m", failure=FailureKind.SERVER, duration=0.5)
    events = [
        Started(id=new_id("a"), provider="p", model="m", create_time=clock.now(), failed_attempts=(attempt,)),
        ToolCallDelta(call_index=1, id="c", name="look", arguments='{"a": "苹果"}'),
        Finished(
            reason=FinishReason.TOOL_CALLS,
            usage=Usage(input=1, output=2),
            choice_reasons={1: FinishReason.STOP},
            cost=Cost(amount=Decimal("0.00012"), source=PriceSource.CATALOGUE),
        ),
    ]
    assert events_from_json(json_from_events(events)) == events
    with pytest.raises(ValueError, match="no events"):
        events_from_json([["Exploit", {}]])
