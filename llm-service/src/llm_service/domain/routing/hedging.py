"""Hedging: a second provider is asked when the first is slow, and whoever shows real content first answers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from llm_service.domain.billing.meter import Meter
from llm_service.domain.model.event import (
    AttemptFailed,
    AttemptStarted,
    Event,
    Finished,
    Picture,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from llm_service.domain.model.failure import Attempt, ProviderError
from llm_service.domain.model.provider import EventBatch, EventStream
from llm_service.domain.model.request import CompletionRequest, route_of
from llm_service.domain.model.route import FALLBACK, Candidate, Route
from llm_service.domain.routing.failover import Failover
from llm_service.domain.routing.health import ProviderMonitor
from penstock_kit.errors import PenstockError

_HEDGE: Final = "hedge"
_ATTEMPT: Final = (AttemptStarted, AttemptFailed)


class Hedging:
    """Races the first candidate against the next; routes of other policies pass through.

    The next starts after the first's usual p95 (`delay` seconds while that is not known), or at once when
    the first fails. Thinking and empty pieces do not win. The loser's call is closed, and `settle` gets its
    meter, because the vendor sells what was asked all the same; `meter` makes one.
    """

    def __init__(
        self,
        inner: Failover,
        *,
        route: Callable[[CompletionRequest], Route],
        monitor: ProviderMonitor,
        meter: Callable[[CompletionRequest], Meter],
        settle: Callable[[Meter], None],
        delay: float,
    ) -> None:
        self._inner = inner
        self._route = route
        self._monitor = monitor
        self._meter = meter
        self._settle = settle
        self._delay = delay

    def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Return the winner's answer. Raises the last lane's error when all failed."""
        self._inner.count_request()
        route = route_of(request, self._route)
        raced = route.policy == _HEDGE and sum(each.provider != FALLBACK for each in route.candidates) > 1
        return (self._race if raced else self._inner.stream_over)(request, route.candidates)

    async def _race(self, request: CompletionRequest, candidates: Sequence[Candidate]) -> AsyncGenerator[EventBatch]:
        first = self._lane(request, candidates[:1], again=False)
        lanes = [first]
        # The first lane's vendor is on the call's own meter until another lane wins; other lanes have their own.
        on_call = first
        try:
            yield [AttemptStarted(provider=candidates[0].provider, model=candidates[0].model)]
            wait = self._monitor.record(candidates[0].provider).latency_p95 or self._delay
            decided = await first.wait_decided(wait)
            if first.error is not None or (not decided and self._inner.may_call_again()):
                lanes.append(self._lane(_told(request, first), candidates[1:], again=True))
            on_call = await _winner(lanes)
            if on_call is not first:
                yield [self._lost(first)]
            for lane in lanes:
                if lane is not on_call:
                    await lane.close()
            async with aclosing(on_call.batches(told=on_call is first)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            for lane in lanes:
                await lane.close()
                if lane is not on_call and not lane.is_told:
                    lane.meter.cancel()
                    self._settle(lane.meter)

    def _lane(self, request: CompletionRequest, candidates: Sequence[Candidate], *, again: bool) -> "_Lane":
        return _Lane(self._inner.stream_over(request, candidates, again=again), self._meter(request))

    def _lost(self, lane: "_Lane") -> AttemptFailed:
        """What the call's meter is told of its first lane: the failure, or that it is settled apart."""
        if not isinstance(lane.error, ProviderError):
            return AttemptFailed()
        lane.is_told = True
        return AttemptFailed(failure=lane.error.failure, billed=lane.error.billed)


class _Lane:
    """One provider's answer, asked at once; it is decided when there is real content, an end or an error.

    `is_told` says that the call's own meter knows what the lane came to.
    """

    def __init__(self, stream: EventStream, meter: Meter) -> None:
        self.meter = meter
        self.error: PenstockError | None = None
        self.is_told = False
        self._stream = stream
        self._held: list[EventBatch] = []
        self.task = asyncio.create_task(self._read_until_decided())

    async def _read_until_decided(self) -> None:
        try:
            async for batch in self._stream:
                self.meter.observe(batch)
                self._held.append(batch)
                if any(map(_is_real, batch)):
                    return
        except PenstockError as error:
            self.error = error

    async def wait_decided(self, seconds: float) -> bool:
        """Return whether it was decided in time."""
        done, _ = await asyncio.wait([self.task], timeout=seconds)
        return bool(done)

    async def batches(self, *, told: bool) -> AsyncGenerator[EventBatch]:
        """Yield what was held back, then the rest; of a lane that failed only what metering is to know.

        `told` says that metering was told of the lane's first attempt.
        """
        for batch in self._held:
            shown = [event for event in batch if not (told and isinstance(event, AttemptStarted))]
            yield shown if self.error is None else [event for event in shown if isinstance(event, _ATTEMPT)]
        if self.error is not None:
            raise self.error
        async for batch in self._stream:
            yield batch

    async def close(self) -> None:
        """Close the provider's call."""
        if not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])
        await self._stream.aclose()


async def _winner(lanes: Sequence[_Lane]) -> _Lane:
    """Return the first lane with something to show, the last one when all failed."""
    racing = list(lanes)
    while True:
        await asyncio.wait([lane.task for lane in racing], return_when=asyncio.FIRST_COMPLETED)
        for lane in [each for each in racing if each.task.done()]:
            if lane.error is None or len(racing) == 1:
                return lane
            racing.remove(lane)


def _told(request: CompletionRequest, first: _Lane) -> CompletionRequest:
    """The request as the second gets it: with the first's failure, if it failed."""
    if not isinstance(first.error, ProviderError):
        return request
    error = first.error
    attempt = Attempt(provider=error.provider, model=error.model, failure=error.failure, duration=first.meter.elapsed)
    return replace(request, failed_attempts=(*request.failed_attempts, attempt))


def _is_real(event: Event) -> bool:
    if isinstance(event, TextDelta | RefusalDelta):
        return bool(event.text)
    return isinstance(event, ToolCallDelta | Picture | Finished)
