"""The meter of one call that embeds: who was asked, what it cost and, however it ended, its rows in the ledger."""

from collections.abc import Sequence
from dataclasses import replace

from llm_service.domain.billing.ledger import LedgerRow, Outcome
from llm_service.domain.billing.price import PriceBook, cost_of
from llm_service.domain.model.failure import ProviderError
from llm_service.domain.model.prompt_estimate import estimate_texts
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings
from llm_service.domain.model.route import Candidate
from llm_service.domain.model.usage import NOTHING_SOLD, Cost, Usage
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError


def estimate_inputs(request: EmbeddingRequest) -> int:
    """Return about how many tokens the inputs of `request` are."""
    return estimate_texts(request.inputs) + sum(len(tokens) for tokens in request.token_inputs)


class EmbeddingMeter:
    """What is known of one call while it runs. A vendor that failed but may bill has a row beside the call's own."""

    def __init__(self, request: EmbeddingRequest, clock: Clock, prices: PriceBook, ledger_id: str) -> None:
        self._request = request
        self._clock = clock
        self._prices = prices
        self._began = clock.monotonic()
        self._asked: Candidate | None = None
        self._is_billed = False
        self._wasted: list[LedgerRow] = []
        context = current_context()
        self._row = LedgerRow(
            id=ledger_id,
            create_time=clock.now(),
            tenant_id=context.caller.tenant_id,
            user_id=context.caller.user_id,
            key_id=context.caller.key_id,
            request_id=context.request_id,
            operation="embed",
            provider="",
            model="",
            requested_model=request.model,
            usage=Usage(),
            cost=NOTHING_SOLD,
            outcome=Outcome.ERROR,
            duration=0.0,
            surface="embeddings",
            end_user=request.end_user,
        )

    def ask(self, candidate: Candidate) -> None:
        """`candidate` is asked; it bills what it was sent unless it refuses."""
        if self._is_billed:
            own = f"{self._row.id}-{len(self._wasted) + 1}"
            self._wasted.append(replace(self.row(), id=own, outcome=Outcome.ERROR))
        self._asked, self._is_billed = candidate, True
        self._row = replace(self._row, error_kind="")

    def fail(self, error: PenstockError) -> None:
        """The call, or the attempt at the provider asked last, ended in `error`."""
        if isinstance(error, ProviderError):
            self._is_billed = self._is_billed and error.billed
            self._row = replace(self._row, error_kind=error.failure.value)
        else:
            self._row = replace(self._row, error_kind=error.reason)

    def cancel(self) -> None:
        """The caller went away."""
        self._row = replace(self._row, outcome=Outcome.CANCELLED)

    def finish(self, vectors: Embeddings) -> tuple[Usage, Cost]:
        """Take the answer of the provider asked last, and return its tokens and what it cost."""
        usage = vectors.usage if vectors.usage.prompt else self._estimate()
        row = replace(self.row(), outcome=Outcome.OK, model=vectors.model, usage=usage)
        cost = self._price(vectors.model, usage)
        self._row = replace(row, cost=cost)
        self._is_billed, self._asked = False, None
        return usage, cost

    def row(self) -> LedgerRow:
        """Return the call's own row as it stands."""
        row = replace(self._row, duration=self._clock.monotonic() - self._began)
        if self._asked is None:
            return row
        row = replace(row, provider=self._asked.provider, model=self._asked.model)
        if not self._is_billed:
            return row
        usage = self._estimate()
        return replace(row, usage=usage, cost=self._price(self._asked.model, usage))

    def rows(self) -> Sequence[LedgerRow]:
        """Return the ledger's rows of the call: its own, then those of providers that failed and may bill."""
        return [self.row(), *self._wasted]

    def _estimate(self) -> Usage:
        return Usage(input=estimate_inputs(self._request), estimated=True)

    def _price(self, answered: str, usage: Usage) -> Cost:
        if self._asked is None:
            return NOTHING_SOLD
        return cost_of(self._prices, self._asked.provider, self._asked.model, answered, usage)
