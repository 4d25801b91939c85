"""Embeddings: the candidates one after another, and one ledger row however it ends."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from llm_service.domain.billing.budget_guard import BudgetPurse
from llm_service.domain.billing.call_journal import CallJournal, NoJournal
from llm_service.domain.billing.ledger import Ledger, LedgerRow, Outcome
from llm_service.domain.billing.price import PriceBook
from llm_service.domain.model.failure import ProviderError
from llm_service.domain.model.provider import Embedding, Vectors
from llm_service.domain.model.provider_pool import ProviderPool
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.token_estimate import estimate_texts
from llm_service.domain.model.usage import NOTHING_SOLD, UNKNOWN_COST, Cost, Usage
from llm_service.domain.routing.health import ProviderMonitor
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError, PermissionDenied, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors, who made them and what they cost."""

    provider: str
    vectors: Vectors
    cost: Cost


class Embedder(Protocol):
    """Anything that embeds texts."""

    async def embed(self, request: Embedding) -> Embedded:
        """Return a vector for each input."""
        ...


class MeteredEmbedder:
    """Embeds at the first candidate that can, and writes one ledger row for each call."""

    def __init__(
        self,
        *,
        pool: ProviderPool,
        monitor: ProviderMonitor,
        route: Callable[[Embedding], Route],
        ledger: Ledger,
        prices: PriceBook,
        purse: BudgetPurse,
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
        self._purse = purse
        self._allows = allows
        self._clock = clock
        self._new_id = new_id

    async def embed(self, request: Embedding) -> Embedded:
        """Return the vectors. Raises the last candidate's ProviderError when all failed."""
        row = self._begun(request)
        began = self._clock.monotonic()
        settle: Callable[[LedgerRow], None] | None = None
        try:
            candidates = self._candidates(request)
            settle = await self._purse.set_aside(row.id, candidates, _estimated(request))
            candidate, vectors = await self._first(request, candidates)
            usage = _usage(request, vectors)
            cost = self._prices.cost(candidate.provider, vectors.model, usage)
            row = replace(
                row, outcome=Outcome.OK, provider=candidate.provider, model=vectors.model, usage=usage, cost=cost
            )
            return Embedded(provider=candidate.provider, vectors=replace(vectors, usage=usage), cost=cost)
        except ProviderError as error:
            row = replace(row, provider=error.provider, model=error.model, error_kind=error.failure.value)
            raise
        except PenstockError as error:
            row = replace(row, cost=NOTHING_SOLD, error_kind=error.reason)
            raise
        except asyncio.CancelledError:
            row = replace(row, outcome=Outcome.CANCELLED)
            raise
        finally:
            row = replace(row, duration=self._clock.monotonic() - began)
            self._journal.ended(row)
            self._ledger.record(row)
            if settle is not None:
                settle(row)

    def _candidates(self, request: Embedding) -> Sequence[Candidate]:
        allowed = [candidate for candidate in self._route(request).candidates if self._allows(candidate)]
        if not allowed:
            message = f"this key may not use model {request.model!r}; ask for another or have the key's policy changed"
            raise PermissionDenied(message, reason="MODEL_NOT_ALLOWED", metadata={"model": request.model})
        return allowed

    async def _first(self, request: Embedding, candidates: Sequence[Candidate]) -> tuple[Candidate, Vectors]:
        last: ProviderError | None = None
        for candidate in candidates:
            self._monitor.started(candidate.provider)
            try:
                provider = await self._pool.get(candidate.provider)
                return candidate, await provider.embed(replace(request, model=candidate.model))
            except ProviderError as failure:
                self._monitor.failed(candidate.provider, failure.failure)
                last = failure
                if not failure.rule.failover:
                    raise
        raise last or Unavailable("no provider embeds texts", reason="NO_PROVIDER")

    def _begun(self, request: Embedding) -> LedgerRow:
        context, call_id = current_context(), self._new_id("call")
        self._journal.began(
            call_id,
            operation="embed",
            requested_model=request.model,
            surface="embeddings",
            end_user=request.end_user,
            labels={},
        )
        return LedgerRow(
            id=call_id,
            create_time=self._clock.now(),
            tenant_id=context.caller.tenant_id,
            user_id=context.caller.user_id,
            key_id=context.caller.key_id,
            request_id=context.request_id,
            operation="embed",
            provider="",
            model="",
            requested_model=request.model,
            usage=Usage(),
            cost=UNKNOWN_COST,
            outcome=Outcome.ERROR,
            duration=0.0,
            surface="embeddings",
            end_user=request.end_user,
        )


def _usage(request: Embedding, vectors: Vectors) -> Usage:
    """The vendor's counts; of those that send none an estimate."""
    if vectors.usage.prompt:
        return vectors.usage
    return Usage(input=_estimated(request), estimated=True)


def _estimated(request: Embedding) -> int:
    return estimate_texts(request.inputs) + sum(len(tokens) for tokens in request.token_inputs)
