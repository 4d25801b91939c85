"""Look-ups by meaning in the cache service: bounded in time, and a miss whatever goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2 as pb
from penstock.cache.v1 import cache_pb2_grpc

from llm_service.adapters.semantic_responses import SemanticResponses
from llm_service.domain.embedding.embedding_call import Embedded
from llm_service.domain.embedding.question_embedder import (
    OFFLINE,
    OfflineQuestionEmbedder,
    QuestionVector,
    VendorQuestionEmbedder,
)
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings
from llm_service.domain.model.usage import NOTHING_SOLD, Usage
from llm_service.testing import ScriptedProvider, collected, question
from penstock_kit.clock import SystemClock
from penstock_kit.errors import Unavailable
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS


class FakeCache(cache_pb2_grpc.CacheServiceServicer):
    """A cache service that notes what it is asked, and can hang."""

    def __init__(self) -> None:
        self.looked_up: list[pb.SemanticLookupRequest] = []
        self.stored: list[pb.SemanticStoreRequest] = []
        self.hangs = False

    async def SemanticLookup(self, request: pb.SemanticLookupRequest, context: Any) -> pb.SemanticLookupResponse:  # noqa: N802
        self.looked_up.append(request)
        if self.hangs:
            await asyncio.Event().wait()
        if not self.stored:
            return pb.SemanticLookupResponse()
        return pb.SemanticLookupResponse(hit=True, value=self.stored[-1].value, similarity=0.97)

    async def SemanticStore(self, request: pb.SemanticStoreRequest, context: Any) -> pb.SemanticStoreResponse:  # noqa: N802
        self.stored.append(request)
        return pb.SemanticStoreResponse(entry_id="sem_1")


@pytest.fixture
def service() -> FakeCache:
    return FakeCache()


@pytest.fixture
async def responses(service: FakeCache) -> AsyncIterator[SemanticResponses]:
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, service)
    channel = open_channel(f"127.0.0.1:{await server.start(0)}", service="cache-service")
    yield SemanticResponses(channel, OfflineQuestionEmbedder(), SystemClock(), ttl=60.0, seconds=HANG_SECONDS)
    await channel.close()
    await server.drain()


async def test_an_answer_is_stored_with_what_is_known_of_it_and_found_again(
    responses: SemanticResponses, service: FakeCache
) -> None:
    events = await collected(ScriptedProvider(texts=("a", "b")).stream(question()))
    assert await responses.near("k", "How is it done?", 0.95) is None
    await responses.put_near("k", "How is it done?", events, temperature=0.5)
    found = await responses.near("k", "How can it be done?", 0.0)
    assert found is not None
    assert (list(found.events), found.similarity) == (list(events), pytest.approx(0.97))
    (stored,) = service.stored
    assert (stored.embedder, len(stored.embedding), stored.answer.text) == (OFFLINE, 256, "ab")
    assert (stored.answer.finish_reason, stored.answer.temperature, stored.answer.tool_calls) == ("stop", 0.5, 0)
    assert service.looked_up[0].threshold == pytest.approx(0.95)


async def test_a_cache_service_that_hangs_is_a_miss_within_the_bound(service: FakeCache) -> None:
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, service)
    channel = open_channel(f"127.0.0.1:{await server.start(0)}", service="cache-service")
    service.hangs = True
    responses = SemanticResponses(channel, OfflineQuestionEmbedder(), ManualClock(), ttl=60.0, seconds=0.02)
    async with asyncio.timeout(60):  # without a bound of its own it would hang for ever
        for _ in range(10):
            assert await responses.near("k", "How is it done?", 0.0) is None
    assert len(service.looked_up) <= 3  # after three in a row it is left alone for a second, and none passes
    await channel.close()
    await server.drain()


async def test_without_a_cache_service_everything_is_a_miss_and_nothing_fails() -> None:
    channel = open_channel(f"127.0.0.1:{free_port()}", service="cache-service")
    responses = SemanticResponses(channel, OfflineQuestionEmbedder(), SystemClock(), ttl=60.0, seconds=0.5)
    events = await collected(ScriptedProvider().stream(question()))
    assert await responses.near("k", "How is it done?", 0.0) is None
    await responses.put_near("k", "How is it done?", events)
    await channel.close()


@pytest.mark.parametrize("text", ["", "How hot is it now?", "word " * 500])
async def test_what_the_service_would_refuse_is_neither_embedded_nor_asked_for(
    responses: SemanticResponses, service: FakeCache, text: str
) -> None:
    assert await responses.near("k", text, 0.0) is None
    assert service.looked_up == []


class FakeEmbedder:
    """An embedder that can fail or hang."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = self.hangs = False

    async def embed(self, request: EmbeddingRequest) -> Embedded:
        self.asked.append(request.inputs[0])
        if self.fails:
            raise Unavailable("down", reason="SERVICE_UNAVAILABLE")
        if self.hangs:
            await asyncio.Event().wait()
        return Embedded(
            provider="openai", vectors=Embeddings(model="m", values=(b"1234",), usage=Usage()), cost=NOTHING_SOLD
        )


async def test_a_vendors_vector_names_who_made_it_and_is_asked_for_once_a_question(clock: ManualClock) -> None:
    inner = FakeEmbedder()
    embedder = VendorQuestionEmbedder(inner, model=lambda: "openai/m", clock=clock, seconds=HANG_SECONDS)
    for _ in range(2):
        assert await embedder.embed("How?") == QuestionVector(embedder="openai/m", vector=b"1234")
    assert inner.asked == ["How?"]


@pytest.mark.parametrize("fault", ["fails", "hangs"])
async def test_an_embedder_that_fails_or_hangs_is_a_miss_and_rests(clock: ManualClock, fault: str) -> None:
    inner = FakeEmbedder()
    setattr(inner, fault, True)
    embedder = VendorQuestionEmbedder(inner, model=lambda: "openai/m", clock=clock, seconds=0.02, rest=5.0)
    assert await embedder.embed("How?") is None
    assert await embedder.embed("Why?") is None
    assert inner.asked == ["How?"]
    setattr(inner, fault, False)
    clock.advance(6)
    assert await embedder.embed("Why?") is not None
