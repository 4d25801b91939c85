"""An answer is handed over once it is complete; what its stream still has to do is done afterwards."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from llm_service.domain.model.completion_collector import CompletionCollector
from llm_service.domain.model.event import Finished, FinishReason, Started, TextDelta
from llm_service.domain.model.provider import EventBatch
from penstock_testkit.waiting import HANG_SECONDS

BEGINNING = Started(id="a", provider="p", model="m", create_time=datetime(2026, 1, 1, tzinfo=UTC))
END = Finished(reason=FinishReason.STOP)


class Settling:
    """A stream that settles for a while after its last event."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.go_on = asyncio.Event()
        self.settled = False
        self.closed = False
        self._error = error

    async def stream(self) -> AsyncGenerator[EventBatch]:
        try:
            yield [BEGINNING, TextDelta(text="hello")]
            yield [END]
            await self.go_on.wait()
            if self._error is not None:
                raise self._error
            self.settled = True
        finally:
            self.closed = True


async def test_an_answer_does_not_wait_for_what_follows_its_end() -> None:
    call, collector = Settling(), CompletionCollector()
    answer = await collector.collect(call.stream())
    assert answer.first.text == "hello"
    assert not call.closed
    call.go_on.set()
    await collector.drain()
    assert (call.settled, call.closed) == (True, True)


async def test_nothing_is_waited_for_when_all_is_settled() -> None:
    async with asyncio.timeout(HANG_SECONDS):
        await CompletionCollector().drain()


async def test_a_failure_after_the_end_leaves_the_answer_alone() -> None:
    call, collector = Settling(error=OSError("the cache is gone")), CompletionCollector()
    call.go_on.set()
    assert (await collector.collect(call.stream())).first.text == "hello"
    await collector.drain()
    assert call.closed


async def test_a_failure_before_the_end_is_the_callers() -> None:
    closed = asyncio.Event()

    async def failing() -> AsyncGenerator[EventBatch]:
        try:
            yield [BEGINNING]
            raise OSError("cut")
        finally:
            closed.set()

    with pytest.raises(OSError, match="cut"):
        await CompletionCollector().collect(failing())
    assert closed.is_set()


async def test_a_caller_who_leaves_before_the_end_closes_the_call() -> None:
    closed, begun = asyncio.Event(), asyncio.Event()

    async def hanging() -> AsyncGenerator[EventBatch]:
        try:
            yield [BEGINNING]
            begun.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    asking = asyncio.create_task(CompletionCollector().collect(hanging()))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert closed.is_set()


async def test_a_stream_without_an_end_is_no_answer() -> None:
    async def cut() -> AsyncGenerator[EventBatch]:
        yield [BEGINNING]

    with pytest.raises(ValueError, match="without a Started or a Finished"):
        await CompletionCollector().collect(cut())
