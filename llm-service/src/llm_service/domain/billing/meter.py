"""The meter of one call: its times, tokens, price and, however it ended, its row in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import Final

from llm_service.domain.billing.ledger import LedgerRow, Outcome
from llm_service.domain.billing.price import PriceBook, cost_of, savings_of
from llm_service.domain.model.event import (
    AttemptFailed,
    AttemptStarted,
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
from llm_service.domain.model.prompt_estimate import estimate_prompt
from llm_service.domain.model.provider import EventBatch
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.usage import FREE, NOTHING_SOLD, UNKNOWN_COST, Cost, Usage
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError
from penstock_kit.token_estimate import estimate_tokens

_SAID: Final = (TextDelta, ThinkingDelta, RefusalDelta)
# An answer fetched whole shows nothing before its end. One that was left is taken to have been made at this pace
# (tokens a second), and to be this long at least: vendors go on, and bill, when nobody listens any more.
_PACE: Final = 100
_LEAST_WHOLE: Final = 256


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One provider asked on behalf of the call. `error_kind` is set when it failed before the answer began."""

    provider: str
    model: str
    began: float
    error_kind: str = ""
    billed: bool = True


class Meter:
    """What is known of one call while it runs.

    The call's own row is of the provider asked last. Those asked before that failed, but may bill what they were
    asked, have a row each beside it.
    """

    def __init__(self, request: CompletionRequest, clock: Clock, prices: PriceBook, ledger_id: str) -> None:
        self.request = request
        self._clock = clock
        self._prices = prices
        self._id = ledger_id
        self._began = clock.monotonic()
        self._create_time: datetime = clock.now()
        self._attempt: _Attempt | None = None
        self._attempts = 0
        self._wasted: list[LedgerRow] = []
        self._started: Started | None = None
        self._finished: Finished | None = None
        self._reported: Usage | None = None
        self._first_content: float | None = None
        self._error: PenstockError | None = None
        self._made_tokens = 0
        # The request whose prompt was estimated, and the estimate.
        self._prompt: tuple[CompletionRequest, int] | None = None
        self.outcome = Outcome.ERROR

    def price_of(self, usage: Usage) -> Decimal:
        """Return what `usage` costs, as the provider asked last reports it; nothing when it has no price."""
        return self._cost(usage).amount or Decimal(0)

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._began

    def observe(self, batch: EventBatch) -> EventBatch:
        """Take note of `batch` and return what the caller is to see of it."""
        if self._first_content is not None and len(batch) == 1 and isinstance(batch[0], _SAID):
            self._made_tokens += estimate_tokens(batch[0].text)
            return batch
        return [shown for event in batch if (shown := self._observe(event)) is not None]

    def _observe(self, event: Event) -> Event | None:
        if is_content(event):
            if self._first_content is None:
                self._first_content = self._clock.monotonic() - self._began
            self._count(event)
        elif isinstance(event, Started):
            self._started = event
        elif isinstance(event, Finished):
            return self._finish(event)
        else:
            self._note(event)
            return None
        return event

    def _note(self, event: Event) -> None:
        if isinstance(event, UsageReport):
            self._reported = event.usage
        elif isinstance(event, AttemptStarted):
            self._leave_attempt()
            self._attempts += 1
            self._attempt = _Attempt(provider=event.provider, model=event.model, began=self._clock.monotonic())
        elif isinstance(event, AttemptFailed) and self._attempt is not None:
            self._attempt.error_kind = event.failure.value if event.failure else ""
            self._attempt.billed = event.billed

    def _leave_attempt(self) -> None:
        """Another provider is asked: what the last one may bill has a row of its own."""
        attempt = self._attempt
        if attempt is None or not attempt.billed:
            return
        usage = self._estimate()
        row = self._row_of(attempt.provider, attempt.model, usage, self._price(usage))
        own = f"{self._id}-{len(self._wasted) + 1}"
        duration = self._clock.monotonic() - attempt.began
        self._wasted.append(replace(row, id=own, duration=duration, error_kind=attempt.error_kind))

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
            vendor_reason=event.vendor_reason,
            details_json=event.details_json,
            choice_reasons=event.choice_reasons,
            usage=usage,
            cost=self._cost(usage),
            cache_savings=self._savings(usage),
            time_to_first_token=self._first_content,
            duration=self._clock.monotonic() - self._began,
            ledger_id=self._id,
        )
        return self._finished

    def fail(self, error: PenstockError) -> None:
        """The answer ended in `error`."""
        self.outcome, self._error = Outcome.ERROR, error
        if error.reason == "BUDGET_LIMIT_EXCEEDED":
            self.outcome = Outcome.BUDGET_EXCEEDED

    def cancel(self) -> None:
        """The caller went away; after the end it makes no difference."""
        if self._finished is None:
            self.outcome = Outcome.CANCELLED

    def rows(self) -> Sequence[LedgerRow]:
        """Return the ledger's rows of the call: its own, then those of providers that failed and may bill."""
        return [self.row(), *self._wasted]

    def billed_rows(self) -> Sequence[LedgerRow]:
        """Return the rows of providers that may bill something."""
        return self.rows() if self._is_billed() else self._wasted

    def row(self) -> LedgerRow:
        """Return the call's own row as it stands."""
        end = self._finished
        usage = end.usage if end and end.usage else self._usage()
        if self._is_cached():
            usage = Usage()
        row = self._row_of(self._provider(), self._model(), usage, end.cost if end else self._cost(usage))
        return replace(row, cache_savings=end.cache_savings) if end else row

    def _row_of(self, provider: str, model: str, usage: Usage, cost: Cost) -> LedgerRow:
        context, request, end = current_context(), self.request, self._finished
        return LedgerRow(
            id=self._id,
            create_time=self._create_time,
            tenant_id=context.caller.tenant_id,
            user_id=context.caller.user_id,
            key_id=context.caller.key_id,
            request_id=context.request_id,
            operation="chat",
            provider=provider,
            model=model,
            requested_model=request.model,
            usage=usage,
            cost=cost,
            cache_savings=UNKNOWN_COST if cost.amount is None else self._savings(usage),
            outcome=self.outcome,
            duration=self._clock.monotonic() - self._began,
            time_to_first_token=self._first_content,
            error_kind=_error_kind(self._error),
            finish_reason=end.reason.value if end else "",
            attempts=1 + len(self._started.failed_attempts) if self._started else max(1, self._attempts),
            cached=self._is_cached(),
            surface=request.surface,
            end_user=request.end_user,
            labels=request.labels,
        )

    def _is_cached(self) -> bool:
        return self._started is not None and self._started.cache in {"hit", "semantic_hit"}

    def _is_billed(self) -> bool:
        """Whether a vendor may bill the call: it began to answer, or was asked and did not refuse."""
        if self._is_cached():
            return False
        if self._started is not None:
            return True
        return self._attempt is not None and self._is_attempt_billed(self._attempt)

    def _is_attempt_billed(self, attempt: _Attempt) -> bool:
        if attempt.error_kind or not isinstance(self._error, ProviderError):
            return attempt.billed
        return self._error.billed

    def _cost(self, usage: Usage) -> Cost:
        """What was sold until now: nothing when nobody was reached, or the answer came from a cache."""
        return self._price(usage) if self._is_billed() else NOTHING_SOLD

    def _savings(self, usage: Usage) -> Cost:
        return savings_of(self._prices, *self._names(), usage) if self._is_billed() else FREE

    def _price(self, usage: Usage) -> Cost:
        return cost_of(self._prices, *self._names(), usage)

    def _names(self) -> tuple[str, str, str]:
        """The provider, the model it was asked for and the model it says it is."""
        model = self._model()
        return self._provider(), self._attempt.model if self._attempt else model, model

    def _usage(self) -> Usage:
        """The vendor's last counts; without any, an estimate of what was sent and came back."""
        if self._reported is not None:
            reported = self._reported
            output = max(reported.output, self._made_tokens - reported.reasoning)
            # A count that came before the vendor had read the prompt says nothing about it.
            known = reported.input if reported.prompt else self._prompt_tokens()
            return replace(reported, input=known, output=output, estimated=self._finished is None)
        return self._estimate() if self._is_billed() else Usage()

    def _estimate(self) -> Usage:
        whole = self._started is None and not self.request.streaming
        output = self._whole_answer() if whole else self._made_tokens
        return Usage(input=self._prompt_tokens(), output=output, estimated=True)

    def _prompt_tokens(self) -> int:
        """About how many tokens the prompt is; counted once, as the state of a call is looked at every second."""
        if self._prompt is None or self._prompt[0] is not self.request:
            self._prompt = (self.request, estimate_prompt(self.request))
        return self._prompt[1]

    def _whole_answer(self) -> int:
        """About how many tokens a vendor makes for an answer that nobody waits for: no more than it may."""
        sampling = self.request.sampling
        limit = inf if sampling.max_output_tokens is None else sampling.max_output_tokens * (sampling.n or 1)
        seconds = self._clock.monotonic() - self._attempt.began if self._attempt else 0.0
        return int(min(limit, max(_LEAST_WHOLE, seconds * _PACE)))

    def _provider(self) -> str:
        if self._started is not None:
            return self._started.provider
        if self._attempt is not None:
            return self._attempt.provider
        return self._error.provider if isinstance(self._error, ProviderError) else ""

    def _model(self) -> str:
        if self._started is not None:
            return self._started.model
        if self._attempt is not None:
            return self._attempt.model
        return self._error.model if isinstance(self._error, ProviderError) else ""


def total(rows: Sequence[LedgerRow]) -> LedgerRow:
    """Return the first of `rows` with the tokens and the cost of all; unknown costs count as nothing."""
    first = rows[0]
    if len(rows) == 1:
        return first
    usage = sum((row.usage for row in rows[1:]), first.usage)
    known = [row.cost.amount for row in rows if row.cost.amount is not None]
    return replace(first, usage=usage, cost=replace(first.cost, amount=sum(known[1:], known[0]) if known else None))


def _error_kind(error: PenstockError | None) -> str:
    if isinstance(error, ProviderError):
        return error.failure.value
    return error.reason if error else ""
