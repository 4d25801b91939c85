"""Embeddings: the candidates one after another, and one ledger row however it ends."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from llm_service.domain.billing.budget_guard import ReservingBudgetGuard
from llm_service.domain.billing.call_journal import CallJournal, NoJournal
from llm_service.domain.billing.ledger import Ledger, LedgerRow
from llm_service.domain.billing.meter import total
from llm_service.domain.billing.price import PriceBook
from llm_service.domain.embedding.embedding_meter import EmbeddingMeter, estimate_inputs
from llm_service.domain.model.failure import ProviderError
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings
from llm_service.domain.model.provider_pool import ProviderPool
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.usage import Cost
from llm_service.domain.routing.health import ProviderMonitor
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError, PermissionDenied, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors, who made them and what they cost."""

    provider: str
    vectors: Embeddings
    cost: Cost


class Embedder(Protocol):
    """Anything that embeds texts."""

    async def embed(self, request: EmbeddingRequest) -> Embedded:
        """Return a vector for each input."""
        ...


class MeteredEmbedder:
    """Embeds at the first candidate that can, and writes one ledger row for each call."""

    def __init__(
        self,
        *,
        pool: ProviderPool,
        monitor: ProviderMonitor,
        route: Callable[[EmbeddingRequest], Route],
        ledger: Ledger,
        prices: PriceBook,
        budget_guard: ReservingBudgetGuard,
        allows: Callable[[Candidate], bool],
        clock: Clock,
        new_id: Callable[[str], str],
        journal: CallJournal | None = None,
    ) -> None:
        self._journal: CallJournal = journal or NoJournal()
        self._pool = pool
        self._monitor = monitor
        self._route = route
        self._ledger = ledger
        self._prices = prices
        self._budget_guard = budget_guard
        self._allows = allows
        self._clock = clock
        self._new_id = new_id

    async def embed(self, request: EmbeddingRequest) -> Embedded:
        """Return the vectors. Raises the last candidate's ProviderError when all failed."""
        call_id = self._new_id("call")
        meter = EmbeddingMeter(request, self._clock, self._prices, call_id)
        self._begin(call_id, request)
        settle: Callable[[LedgerRow], None] | None = None
        try:
            reserved = await self._budget_guard.reserve_embedding(
                call_id, self._candidates(request), estimate_inputs(request)
            )
            settle = reserved.settle
            candidate, vectors = await self._first(request, reserved.candidates, meter)
            usage, cost = meter.finish(vectors)
            return Embedded(provider=candidate.provider, vectors=replace(vectors, usage=usage), cost=cost)
        except PenstockError as error:
            meter.fail(error)
            raise
        except asyncio.CancelledError:
            meter.cancel()
            raise
        finally:
            rows = meter.rows()
            self._journal.record_end(rows[0])
            for row in rows:
                self._ledger.record(row)
            if settle is not None:
                settle(total(rows))

    def _candidates(self, request: EmbeddingRequest) -> Sequence[Candidate]:
        allowed = [candidate for candidate in self._route(request).candidates if self._allows(candidate)]
        if not allowed:
            message = f"this key may not use model {request.model!r}; ask for another or have the key's policy changed"
            raise PermissionDenied(message, reason="MODEL_DENIED", metadata={"model": request.model})
        return allowed

    async def _first(
        self, request: EmbeddingRequest, candidates: Sequence[Candidate], meter: EmbeddingMeter
    ) -> tuple[Candidate, Embeddings]:
        last: ProviderError | None = None
        for candidate in candidates:
            self._monitor.record_start(candidate.provider)
            meter.ask(candidate)
            self._journal.record_state(meter.row())
            try:
                provider = await self._pool.get(candidate.provider)
                return candidate, await provider.embed(replace(request, model=candidate.model))
            except ProviderError as failure:
                self._monitor.record_failure(candidate.provider, failure.failure)
                meter.fail(failure)
                last = failure
                if not failure.rule.failover:
                    raise
        raise last or Unavailable("no provider embeds texts", reason="PROVIDER_UNAVAILABLE")

    def _begin(self, call_id: str, request: EmbeddingRequest) -> None:
        self._journal.record_start(
            call_id,
            operation="embed",
            requested_model=request.model,
            surface="embeddings",
            end_user=request.end_user,
            labels={},
        )
