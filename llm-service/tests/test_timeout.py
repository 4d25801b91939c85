"""Answers that do not begin or go on in time are ended."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from llm_service.domain.model.event import UsageReport
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.provider import EmbeddingRequest, EventBatch
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.usage import Usage
from llm_service.domain.routing.timeout import TimeoutProvider, Timeouts
from llm_service.testing import ScriptedProvider, collected, question, text_of
from penstock_testkit.waiting import HANG_SECONDS

PING = (UsageReport(usage=Usage()),)


def patient(inner: ScriptedProvider, *, first: float = 5, idle: float = 5, whole: float = 5) -> TimeoutProvider:
    return TimeoutProvider(inner, name="slow", timeouts=Timeouts(first_token=first, idle=idle, whole=whole))


async def test_an_answer_in_time_is_passed_on() -> None:
    assert text_of(await collected(patient(ScriptedProvider(texts=("a", "b"))).stream(question()))) == "ab"


async def test_no_first_content_in_time_is_a_first_token_timeout_even_with_pings() -> None:
    inner = ScriptedProvider(texts=(), before=PING, stall=True)
    with pytest.raises(ProviderError, match=r"slow did not begin to answer within 0.05 s") as caught:
        await collected(patient(inner, first=0.05).stream(question()))
    assert caught.value.failure is FailureKind.FIRST_TOKEN_TIMEOUT
    assert inner.closed == 1


async def test_pings_that_go_on_do_not_put_off_the_end_of_the_wait_for_a_first_word() -> None:
    class Pinging(ScriptedProvider):
        async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
            for _ in range(int(HANG_SECONDS * 10)):
                yield PING
                await asyncio.sleep(0.01)

    with pytest.raises(ProviderError, match="slow did not begin to answer"):
        await collected(patient(Pinging(), first=0.1).stream(question()))


async def test_a_stall_after_content_is_an_idle_timeout() -> None:
    slow = patient(ScriptedProvider(texts=("half",), stall=True), first=2 * HANG_SECONDS, idle=0.05)
    with pytest.raises(ProviderError, match=r"stopped in the middle of its answer within 0.05 s") as caught:
        async with asyncio.timeout(HANG_SECONDS):
            await collected(slow.stream(question()))
    assert caught.value.failure is FailureKind.IDLE_TIMEOUT


async def test_an_answer_that_is_not_streamed_has_a_limit_of_its_own() -> None:
    slow = patient(ScriptedProvider(texts=(), before=PING, stall=True), whole=0.05)
    with pytest.raises(ProviderError, match=r"did not answer within 0.05 s") as caught:
        await collected(slow.stream(question(streaming=False)))
    assert caught.value.failure is FailureKind.TIMEOUT


async def test_vectors_and_lists_of_models_have_limits_too() -> None:
    slow = ScriptedProvider(stall=True)
    embedding = EmbeddingRequest(model="m", inputs=("x",))
    for call, seconds in (
        (patient(slow, whole=0.05).embed(embedding), "0.05"),
        (patient(slow, first=0.06).list_models(), "0.06"),
    ):
        with pytest.raises(ProviderError, match=f"slow did not answer within {seconds} s") as caught:
            async with asyncio.timeout(HANG_SECONDS):
                await call
        assert caught.value.failure is FailureKind.TIMEOUT


async def test_the_time_the_caller_takes_does_not_count() -> None:
    async with aclosing(
        patient(ScriptedProvider(texts=("a", "b")), first=0.05, idle=0.05).stream(question())
    ) as batches:
        seen = []
        async for batch in batches:
            seen += batch
            await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.08)
    assert text_of(seen) == "ab"
