"""Failover: the candidates of a route one after another, until one shows content."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from llm_service.domain.completion import Completion
from llm_service.domain.event import Event, Finished, Started, is_content
from llm_service.domain.failure import Attempt, ProviderError
from llm_service.domain.monitor import ProviderMonitor
from llm_service.domain.pool import ProviderPool
from llm_service.domain.provider import EventBatch, EventStream
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

    async def stream(self, request: Completion) -> EventStream:
        """Yield the answer. Raises the last candidate's ProviderError when all failed."""
        attempts: tuple[Attempt, ...] = ()
        last: ProviderError | None = None
        for candidate in self._route(request).candidates:
            asked = replace(request, model=candidate.model, failed_attempts=attempts)
            attempt = _Attempt(candidate, attempts, self._monitor, self._clock)
            try:
                async with aclosing(attempt.stream(self._pool, asked)) as batches:
                    async for batch in batches:
                        yield batch
                return
            except ProviderError as failure:
                last = failure
                if attempt.shown or not failure.rule.failover:
                    raise
                attempts = (*attempts, attempt.failed(failure))
        raise last or _nobody()


class _Attempt:
    """One candidate's try. `shown` says whether the caller has seen content of it."""

    def __init__(
        self, candidate: Candidate, earlier: tuple[Attempt, ...], monitor: ProviderMonitor, clock: Clock
    ) -> None:
        self._candidate = candidate
        self._earlier = earlier
        self._monitor = monitor
        self._clock = clock
        self._began = clock.monotonic()
        self.shown = False

    async def stream(self, pool: ProviderPool, request: Completion) -> AsyncGenerator[EventBatch]:
        self._monitor.started(self._candidate.provider)
        try:
            provider = await pool.get(self._candidate.provider)
            async with aclosing(provider.stream(request)) as batches:
                async for batch in self._from_content(batches):
                    yield batch
        except ProviderError as failure:
            self._monitor.failed(self._candidate.provider, failure.failure)
            raise

    async def _from_content(self, batches: EventStream) -> AsyncGenerator[EventBatch]:
        held: list[Event] = []
        async for batch in batches:
            if self.shown:
                yield batch
                continue
            held += [self._marked(event) for event in batch]
            if any(is_content(event) or isinstance(event, Finished) for event in batch):
                self.shown = True
                self._monitor.answered(self._candidate.provider, self._clock.monotonic() - self._began)
                yield held

    def _marked(self, event: Event) -> Event:
        if isinstance(event, Started):
            return replace(event, failed_attempts=self._earlier, degraded=bool(self._earlier))
        return event

    def failed(self, failure: ProviderError) -> Attempt:
        return Attempt(
            provider=self._candidate.provider,
            model=self._candidate.model,
            failure=failure.failure,
            duration=self._clock.monotonic() - self._began,
        )


def _nobody() -> Unavailable:
    return Unavailable("no provider is configured for this request", reason="NO_PROVIDER")
