"""What is set aside for one call: how far the answer may go, and what becomes of it at the end."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from llm_service.domain.billing.ledger import LedgerRow
from llm_service.domain.model.event import (
    Event,
    Finished,
    FinishReason,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReport,
)
from llm_service.domain.model.provider import EventBatch
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.usage import Usage
from penstock_kit.token_estimate import estimate_tokens

# Counts by rule are off by a third at most; a vendor that keeps to the limit it was given is never cut for it.
_TOLERANCE = 2
_ANY = Decimal("Infinity")
_NOTHING = Decimal(0)
_SAID = (TextDelta, ThinkingDelta, RefusalDelta)


def _free(_: Usage) -> Decimal:
    return _NOTHING


class Reservation:
    """One call's part of the budgets.

    `request` is what may be asked. `tokens` is how many the answer may have, None for any number;
    `amount` is the money that is set aside for it; `tight` says that the budget and not the caller set these limits.
    `settle` gets the ledger row at the end.
    """

    def __init__(
        self,
        request: CompletionRequest,
        *,
        tokens: int | None = None,
        amount: Decimal = _ANY,
        tight: bool = False,
        settle: Callable[[LedgerRow], None] | None = None,
    ) -> None:
        self.request = request
        self.exhausted = False
        self._tokens = tokens
        self._amount = amount
        self._tight = tight
        self._settle = settle
        self._made = 0

    def observe(self, batch: EventBatch, price: Callable[[Usage], Decimal] = _free) -> EventBatch:
        """Return what the caller gets of `batch`; `exhausted` is true once the answer was ended by the budget.

        `price` is what the usage costs that a vendor reports as it goes: more than was set aside ends the answer too.
        """
        if self._tokens is None:
            return batch
        self._made += sum(map(_tokens, batch))
        if batch and isinstance(batch[-1], Finished):
            return [self._explained(event) for event in batch]
        tolerance = 1 if self._tight else _TOLERANCE
        billed = max((price(event.usage) for event in batch if isinstance(event, UsageReport)), default=_NOTHING)
        if self._made <= self._tokens * tolerance and billed <= self._amount * tolerance:
            return batch
        self.exhausted = True
        # What the vendor sold is shown, though it is the last.
        return [*batch, Finished(reason=FinishReason.BUDGET_EXCEEDED)]

    def settle(self, row: LedgerRow) -> None:
        """The call is over and `row` says what it cost. Never blocks or fails."""
        if self._settle is not None:
            self._settle(row)

    def with_settlement(self, settle: Callable[[LedgerRow], None]) -> "Reservation":
        """Return the same reservation with another settlement."""
        return Reservation(self.request, tokens=self._tokens, amount=self._amount, tight=self._tight, settle=settle)

    def _explained(self, event: Event) -> Event:
        """An answer that ended at a limit of the budget's ended because of the budget."""
        if self._tight and isinstance(event, Finished) and event.reason is FinishReason.LENGTH:
            return replace(event, reason=FinishReason.BUDGET_EXCEEDED)
        return event


def _tokens(event: Event) -> int:
    if isinstance(event, _SAID):
        return estimate_tokens(event.text)
    return estimate_tokens(event.name + event.arguments) if isinstance(event, ToolCallDelta) else 0
