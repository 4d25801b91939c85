"""Failover: the candidates of a route one after another, until one shows content."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from random import random as system_random
from typing import Final

from llm_service.domain.model.event import AttemptFailed, AttemptStarted, Event, Started, shows_content
from llm_service.domain.model.failure import Attempt, FailureKind, ProviderError
from llm_service.domain.model.provider import EventBatch
from llm_service.domain.model.provider_pool import ProviderPool
from llm_service.domain.model.request import CompletionRequest, route_of
from llm_service.domain.model.route import FALLBACK, Candidate, Route
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.retry_budget import RetryBudget
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import ErrorKind, Unavailable

_DEFAULT_RETRY_AFTER: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often the last provider of a route is asked again, and the longest first pause in seconds.

    The pause is drawn evenly from 0 to a bound that doubles (full jitter), so that callers do not come in waves.
    """

    times: int = 1
    pause: float = 0.2
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = system_random


class Failover:
    """Answers from the first candidate that can.

    An attempt that fails before any content is followed by the next candidate; afterwards a failure
    is the answer's. The `Started` event is held back until there is content, so that callers see one,
    with the attempts that failed before it; metering is told of each attempt at once. Calls beyond the
    first of a request are paid from `budget`.
    """

    def __init__(
        self,
        *,
        pool: ProviderPool,
        monitor: ProviderMonitor,
        clock: Clock,
        route: Callable[[CompletionRequest], Route],
        budget: RetryBudget,
        retries: Retries | None = None,
    ) -> None:
        self._pool = pool
        self._monitor = monitor
        self._clock = clock
        self._route = route
        self._budget = budget
        self._retries = retries or Retries()

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the answer. Raises what `stream_over` raises."""
        self.count_request()
        async with aclosing(self.stream_over(request, route_of(request, self._route).candidates)) as batches:
            async for batch in batches:
                yield batch

    def count_request(self) -> None:
        """A request came, for which one call is free."""
        self._budget.deposit()

    def may_call_again(self) -> bool:
        """Return whether the budget pays for one more call, and take it."""
        return self._budget.withdraw()

    async def stream_over(
        self, request: CompletionRequest, candidates: Sequence[Candidate], *, again: bool = True
    ) -> AsyncGenerator[EventBatch]:
        """Yield the answer of the first of `candidates` that can; the last is asked `again` as `Retries` says.

        Raises the ProviderError of the only one that was asked; when several failed one that is
        UNAVAILABLE (ALL_PROVIDERS_FAILED) and says when to come again.
        """
        run = _FailoverRun(request, candidates, self._retries, left=self._retries.times if again else 0)
        while run.queue:
            candidate = run.queue.pop(0)
            if run.calls and candidate.provider != FALLBACK and not self._budget.withdraw():
                continue
            attempt = _Attempt(candidate, run.failed, self._monitor, self._clock)
            yield [AttemptStarted(provider=candidate.provider, model=candidate.model)]
            try:
                provider = await self._pool.get(candidate.provider)
                async with aclosing(provider.stream(attempt.request_from(request))) as batches:
                    async for batch in batches:
                        if shown := attempt.show(batch):
                            yield shown
                return
            except ProviderError as failure:
                run.record(failure, attempt.record_failure(failure))
                if attempt.has_shown:
                    raise
                yield [AttemptFailed(failure=failure.failure, billed=failure.billed)]
                if not failure.rule.failover:
                    raise
            await run.pause_before_retry(candidate)
        raise run.final_error()


class _FailoverRun:
    """One request on its way through the candidates."""

    def __init__(
        self, request: CompletionRequest, candidates: Sequence[Candidate], retries: Retries, *, left: int
    ) -> None:
        self.queue = list(candidates)
        self.failed: tuple[Attempt, ...] = request.failed_attempts
        self.calls = 0
        self._errors: list[ProviderError] = []
        self._retries = retries
        self._left = left

    def record(self, failure: ProviderError, attempt: Attempt) -> None:
        """Remember a failure."""
        self.failed = (*self.failed, attempt)
        self.calls += failure.asked
        self._errors.append(failure)

    async def pause_before_retry(self, candidate: Candidate) -> None:
        """Put the candidate back when nobody but the offline provider is left, and wait a little."""
        failure = self._errors[-1]
        others = any(each.provider != FALLBACK for each in self.queue)
        if others or not self._left or not failure.rule.retry or not failure.asked or failure.final:
            return
        bound = self._retries.pause * 2 ** (self._retries.times - self._left)
        wait = max(self._retries.random() * bound, failure.retry_after or 0.0)
        remaining = current_context().remaining()
        if wait > bound or (remaining is not None and wait >= remaining):
            return
        self._left -= 1
        await self._retries.sleep(wait)
        self.queue.insert(0, candidate)

    def final_error(self) -> Exception:
        """Return what the caller is told now that all failed."""
        if not self._errors:
            return Unavailable("no provider is configured for this request", reason="PROVIDER_UNAVAILABLE")
        last = self._errors[-1]
        if len({error.provider for error in self._errors}) < 2 or _all_auth(self._errors):
            return last
        waits = [error.retry_after for error in self._errors if error.retry_after is not None]
        told = "; ".join(dict.fromkeys(error.message for error in self._errors))
        return ProviderError(
            f"no provider could answer: {told}",
            provider=last.provider,
            model=last.model,
            failure=last.failure,
            kind=ErrorKind.UNAVAILABLE,
            reason="ALL_PROVIDERS_FAILED",
            retry_after=min(waits, default=_DEFAULT_RETRY_AFTER),
        )


def _all_auth(errors: Sequence[ProviderError]) -> bool:
    return all(error.failure is FailureKind.AUTH for error in errors)


class _Attempt:
    """One candidate's try. `has_shown` says whether the caller has seen content of it."""

    def __init__(
        self, candidate: Candidate, earlier: tuple[Attempt, ...], monitor: ProviderMonitor, clock: Clock
    ) -> None:
        self._candidate = candidate
        self._earlier = earlier
        self._monitor = monitor
        self._clock = clock
        self._began = clock.monotonic()
        self._held: list[Event] = []
        self.has_shown = False
        monitor.record_start(candidate.provider)

    def request_from(self, request: CompletionRequest) -> CompletionRequest:
        """Return `request` as the candidate is to get it."""
        if request.model == self._candidate.model and not self._earlier:
            return request
        return replace(request, model=self._candidate.model, failed_attempts=self._earlier)

    def show(self, batch: EventBatch) -> EventBatch:
        """Return what the caller sees now: nothing before the first content, then everything held back."""
        if self.has_shown:
            return batch
        self._held += [self._marked(event) for event in batch] if self._earlier else batch
        if not shows_content(batch):
            return ()
        self.has_shown = True
        self._monitor.record_answer(self._candidate.provider, self._clock.monotonic() - self._began)
        return self._held

    def record_failure(self, failure: ProviderError) -> Attempt:
        """Count the failure and return it as callers of the next candidate see it."""
        self._monitor.record_failure(self._candidate.provider, failure.failure)
        return Attempt(
            provider=self._candidate.provider,
            model=self._candidate.model,
            failure=failure.failure,
            duration=self._clock.monotonic() - self._began,
        )

    def _marked(self, event: Event) -> Event:
        if isinstance(event, Started):
            others = any(attempt.provider != self._candidate.provider for attempt in self._earlier)
            return replace(event, failed_attempts=self._earlier, degraded=others)
        return event
