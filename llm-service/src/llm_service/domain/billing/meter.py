"""The meter of one call: its times, tokens, price and, however it ended, its row in the ledger."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from llm_service.domain.billing.ledger import LedgerRow, Outcome
from llm_service.domain.billing.price import PriceBook
from llm_service.domain.model.event import (
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
from llm_service.domain.model.failure import ProviderError
from llm_service.domain.model.provider import EventBatch
from llm_service.domain.model.request import Completion
from llm_service.domain.model.route import Candidate
from llm_service.domain.model.token_estimate import estimate_prompt, estimate_tokens
from llm_service.domain.model.usage import FREE, NOTHING_SOLD, Cost, Usage
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError

_SAID: Final = (TextDelta, ThinkingDelta, RefusalDelta)


class Meter:
    """What is known of one call while it runs. `expected` is who was asked, for calls that end before they begin."""

    def __init__(
        self,
        request: Completion,
        clock: Clock,
        prices: PriceBook,
        ledger_id: str,
        expected: Candidate | None = None,
    ) -> None:
        self._expected = expected
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

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._began

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
        if isinstance(event, _SAID):
            self._made_tokens += estimate_tokens(event.text)
        elif isinstance(event, ToolCallDelta):
            self._made_tokens += estimate_tokens(event.name + event.arguments)

    def _finish(self, event: Finished) -> Finished:
        self.outcome = Outcome.BUDGET_EXCEEDED if event.reason is FinishReason.BUDGET_EXCEEDED else Outcome.OK
        usage = event.usage or self._usage()
        # Not dataclasses.replace, which costs several times as much.
        self._finished = Finished(
            reason=event.reason,
            stop_sequence=event.stop_sequence,
            choice_reasons=event.choice_reasons,
            usage=usage,
            cost=self._cost(usage),
            cache_savings=FREE if self._is_cached() else self._prices.savings(self._provider(), self._model(), usage),
            time_to_first_token=self._first_content,
            duration=self._clock.monotonic() - self._began,
            ledger_id=self._id,
        )
        return self._finished

    def failed(self, error: PenstockError) -> None:
        """The answer ended in `error`."""
        self.outcome, self._error = Outcome.ERROR, error
        if error.reason == "BUDGET_EXCEEDED":
            self.outcome = Outcome.BUDGET_EXCEEDED

    def left(self) -> None:
        """The caller went away; after the end it makes no difference."""
        if self._finished is None:
            self.outcome = Outcome.CANCELLED

    def row(self) -> LedgerRow:
        """Return the ledger row of the call as it stands."""
        context, request, end = current_context(), self._request, self._finished
        usage = end.usage if end and end.usage else self._usage()
        if self._is_cached():
            usage = Usage()
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
            cost=end.cost if end else self._cost(usage),
            cache_savings=end.cache_savings if end else self._prices.savings(self._provider(), self._model(), usage),
            outcome=self.outcome,
            duration=self._clock.monotonic() - self._began,
            time_to_first_token=self._first_content,
            error_kind=_error_kind(self._error),
            finish_reason=end.reason.value if end else "",
            attempts=1 + len(self._started.failed_attempts) if self._started else 1,
            cached=self._is_cached(),
            surface=request.surface,
            end_user=request.end_user,
            labels=request.labels,
        )

    def _is_cached(self) -> bool:
        return self._started is not None and self._started.cache in {"hit", "semantic_hit"}

    def _cost(self, usage: Usage) -> Cost:
        """What was sold until now: nothing when nobody was reached, or the answer came from a cache."""
        if self._is_cached():
            return FREE
        return self._prices.cost(self._provider(), self._model(), usage) if self._provider() else NOTHING_SOLD

    def _usage(self) -> Usage:
        """The vendor's last counts; without any, an estimate of what was sent and came back."""
        if self._reported is not None:
            output = max(self._reported.output, self._made_tokens - self._reported.reasoning)
            return replace(self._reported, output=output, estimated=self._finished is None)
        if self._started is None and self._expected is None:
            return Usage()
        return Usage(input=estimate_prompt(self._request), output=self._made_tokens, estimated=True)

    def _provider(self) -> str:
        if self._started is not None:
            return self._started.provider
        if self._expected is not None:
            return self._expected.provider
        return self._error.provider if isinstance(self._error, ProviderError) else ""

    def _model(self) -> str:
        if self._started is not None:
            return self._started.model
        if self._expected is not None:
            return self._expected.model
        return self._error.model if isinstance(self._error, ProviderError) else ""


def _error_kind(error: PenstockError | None) -> str:
    if isinstance(error, ProviderError):
        return error.failure.value
    return error.reason if error else ""
