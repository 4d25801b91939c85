"""Metering: wraps the answer to time it, price it and write it into the ledger, however it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from llm_service.domain.completion import Completion
from llm_service.domain.estimate import estimate_prompt, estimate_tokens
from llm_service.domain.event import (
    Event,
    Finished,
    FinishReason,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReport,
    is_content,
)
from llm_service.domain.failure import ProviderError
from llm_service.domain.ledger import Ledger, LedgerRow, Outcome
from llm_service.domain.price import PriceBook
from llm_service.domain.provider import EventBatch, EventStream
from llm_service.domain.usage import Usage
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError


class Answering(Protocol):
    """What is metered: anything that answers a question with a stream of events."""

    def stream(self, request: Completion) -> EventStream:
        """Yield the answer's events."""
        ...


class Metering:
    """Passes events on and writes one ledger row for each call: finished, failed or left by its caller."""

    def __init__(
        self, inner: Answering, *, ledger: Ledger, prices: PriceBook, clock: Clock, new_id: Callable[[str], str]
    ) -> None:
        self._inner = inner
        self._ledger = ledger
        self._prices = prices
        self._clock = clock
        self._new_id = new_id

    async def stream(self, request: Completion) -> AsyncGenerator[EventBatch]:
        """Yield the answer; `Finished` carries cost, times and the id of the ledger row."""
        meter = _Meter(request, self._clock, self._prices, self._new_id("call"))
        try:
            async with aclosing(self._inner.stream(request)) as batches:
                async for batch in batches:
                    yield meter.observed(batch)
        except PenstockError as error:
            meter.failed(error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            meter.left()
            raise
        except Exception:
            meter.outcome = Outcome.ERROR
            raise
        finally:
            self._ledger.record(meter.row())


class _Meter:
    """What is known of one call while it runs."""

    def __init__(self, request: Completion, clock: Clock, prices: PriceBook, ledger_id: str) -> None:
        self._request = request
        self._clock = clock
        self._prices = prices
        self._id = ledger_id
        self._began = clock.monotonic()
        self._create_time: datetime = clock.now()
        self._started: Started | None = None
        self._finished: Finished | None = None
        self._reported: Usage | None = None
        self._first_content: float | None = None
        self._error: PenstockError | None = None
        self._made_tokens = 0
        self.outcome = Outcome.ERROR

    def observed(self, batch: EventBatch) -> EventBatch:
        """Take note of `batch` and return what the caller is to see of it."""
        return [shown for event in batch if (shown := self._observe(event)) is not None]

    def _observe(self, event: Event) -> Event | None:
        if is_content(event):
            if self._first_content is None:
                self._first_content = self._clock.monotonic() - self._began
            self._count(event)
        elif isinstance(event, UsageReport):
            self._reported = event.usage
            return None
        elif isinstance(event, Started):
            self._started = event
        elif isinstance(event, Finished):
            return self._finish(event)
        return event

    def _count(self, event: Event) -> None:
        if isinstance(event, TextDelta | ThinkingDelta | RefusalDelta):
            self._made_tokens += estimate_tokens(event.text)
        elif isinstance(event, ToolCallDelta):
            self._made_tokens += estimate_tokens(event.name + event.arguments)

    def _finish(self, event: Finished) -> Finished:
        self.outcome = Outcome.BUDGET_EXCEEDED if event.reason is FinishReason.BUDGET_EXCEEDED else Outcome.OK
        usage = event.usage or self._usage()
        self._finished = replace(
            event,
            usage=usage,
            cost=self._prices.cost(self._provider(), self._model(), usage),
            time_to_first_token=self._first_content,
            duration=self._clock.monotonic() - self._began,
            ledger_id=self._id,
        )
        return self._finished

    def failed(self, error: PenstockError) -> None:
        """The answer ended in `error`."""
        self.outcome, self._error = Outcome.ERROR, error

    def left(self) -> None:
        """The caller went away; after the end it makes no difference."""
        if self._finished is None:
            self.outcome = Outcome.CANCELLED

    def row(self) -> LedgerRow:
        """Return the ledger row of the call as it stands."""
        context, request, end = current_context(), self._request, self._finished
        usage = end.usage if end and end.usage else self._usage()
        return LedgerRow(
            id=self._id,
            create_time=self._create_time,
            tenant_id=context.caller.tenant_id,
            user_id=context.caller.user_id,
            key_id=context.caller.key_id,
            request_id=context.request_id,
            operation="chat",
            provider=self._provider(),
            model=self._model(),
            requested_model=request.model,
            usage=usage,
            cost=end.cost if end else self._prices.cost(self._provider(), self._model(), usage),
            outcome=self.outcome,
            duration=self._clock.monotonic() - self._began,
            time_to_first_token=self._first_content,
            error_kind=_error_kind(self._error),
            finish_reason=end.reason.value if end else "",
            attempts=1 + len(self._started.failed_attempts) if self._started else 1,
            cached=bool(self._started and self._started.cache in {"hit", "semantic_hit"}),
            surface=request.surface,
            end_user=request.end_user,
            labels=request.labels,
        )

    def _usage(self) -> Usage:
        """The vendor's last counts; without any, an estimate of what was sent and came back."""
        if self._reported is not None:
            output = max(self._reported.output, self._made_tokens - self._reported.reasoning)
            return replace(self._reported, output=output, estimated=self._finished is None)
        if self._started is None:
            return Usage()
        return Usage(input=estimate_prompt(self._request), output=self._made_tokens, estimated=True)

    def _provider(self) -> str:
        if self._started is not None:
            return self._started.provider
        return self._error.provider if isinstance(self._error, ProviderError) else ""

    def _model(self) -> str:
        if self._started is not None:
            return self._started.model
        return self._error.model if isinstance(self._error, ProviderError) else ""


def _error_kind(error: PenstockError | None) -> str:
    if isinstance(error, ProviderError):
        return error.failure.value
    return error.reason if error else ""
