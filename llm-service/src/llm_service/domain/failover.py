"""Failover: the candidates of a route one after another, until one shows content."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from llm_service.domain.completion import Completion
from llm_service.domain.event import Event, Finished, Started, is_content
from llm_service.domain.failure import Attempt, ProviderError
from llm_service.domain.monitor import ProviderMonitor
from llm_service.domain.pool import ProviderPool
from llm_service.domain.provider import EventBatch
from llm_service.domain.route import Candidate, Route
from penstock_kit.clock import Clock
from penstock_kit.errors import Unavailable


class Failover:
    """Answers from the first candidate that can.

    An attempt that fails before any content is followed by the next candidate; afterwards a failure
    is the answer's. The `Started` event is held back until there is content, so that callers see one,
    with the attempts that failed before it.
    """

    def __init__(
        self, *, pool: ProviderPool, monitor: ProviderMonitor, clock: Clock, route: Callable[[Completion], Route]
    ) -> None:
        self._pool = pool
        self._monitor = monitor
        self._clock = clock
        self._route = route

    async def stream(self, request: Completion) -> AsyncGenerator[EventBatch]:
        """Yield the answer. Raises the last candidate's ProviderError when all failed."""
        failed: tuple[Attempt, ...] = ()
        last: ProviderError | None = None
        for candidate in self._route(request).candidates:
            attempt = _Attempt(candidate, failed, self._monitor, self._clock)
            try:
                provider = await self._pool.get(candidate.provider)
                async with aclosing(provider.stream(attempt.asked(request))) as batches:
                    async for batch in batches:
                        if shown := attempt.shown_of(batch):
                            yield shown
                return
            except ProviderError as failure:
                last = failure
                failed = (*failed, attempt.failed(failure))
                if attempt.has_shown or not failure.rule.failover:
                    raise
        raise last or Unavailable("no provider is configured for this request", reason="NO_PROVIDER")


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
        monitor.started(candidate.provider)

    def asked(self, request: Completion) -> Completion:
        """Return `request` as the candidate is to get it."""
        if request.model == self._candidate.model and not self._earlier:
            return request
        return replace(request, model=self._candidate.model, failed_attempts=self._earlier)

    def shown_of(self, batch: EventBatch) -> EventBatch:
        """Return what the caller sees now: nothing before the first content, then everything held back."""
        if self.has_shown:
            return batch
        self._held += [self._marked(event) for event in batch] if self._earlier else batch
        if not any(is_content(event) or isinstance(event, Finished) for event in batch):
            return ()
        self.has_shown = True
        self._monitor.answered(self._candidate.provider, self._clock.monotonic() - self._began)
        return self._held

    def failed(self, failure: ProviderError) -> Attempt:
        """Count the failure and return it as callers of the next candidate see it."""
        self._monitor.failed(self._candidate.provider, failure.failure)
        return Attempt(
            provider=self._candidate.provider,
            model=self._candidate.model,
            failure=failure.failure,
            duration=self._clock.monotonic() - self._began,
        )

    def _marked(self, event: Event) -> Event:
        if isinstance(event, Started):
            return replace(event, failed_attempts=self._earlier, degraded=True)
        return event
