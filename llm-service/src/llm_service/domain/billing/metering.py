"""Metering: wraps the answer to time it, price it and write it into the ledger, however it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from math import inf
from typing import Final, Protocol

from llm_service.domain.billing.budget_guard import BudgetGuard, NoBudget
from llm_service.domain.billing.call_journal import CallJournal, NoJournal
from llm_service.domain.billing.ledger import Ledger, Outcome
from llm_service.domain.billing.meter import Meter, total
from llm_service.domain.billing.price import PriceBook
from llm_service.domain.billing.reservation import Reservation
from llm_service.domain.model.event import AttemptStarted
from llm_service.domain.model.provider import EventBatch, EventStream
from llm_service.domain.model.request import CompletionRequest, route_of
from llm_service.domain.model.route import Route
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError

# How often the state of a streamed call is noted, for the case that the process is killed in the middle of it.
_NOTE_SECONDS: Final = 1.0


class CompletionSource(Protocol):
    """What is metered: anything that answers a question with a stream of events."""

    def stream(self, request: CompletionRequest) -> EventStream:
        """Yield the answer's events."""
        ...


class Metering:
    """Passes events on and writes one ledger row for each call: finished, failed or left by its caller.

    `route` decides where a request goes: once for each call, for every wrapper inside.
    """

    def __init__(
        self,
        inner: CompletionSource,
        *,
        ledger: Ledger,
        prices: PriceBook,
        clock: Clock,
        new_id: Callable[[str], str],
        route: Callable[[CompletionRequest], Route] | None = None,
        budget_guard: BudgetGuard | None = None,
        journal: CallJournal | None = None,
    ) -> None:
        self._inner = inner
        self._route = route
        self._budget_guard: BudgetGuard = budget_guard or NoBudget()
        self._journal: CallJournal = journal or NoJournal()
        self._ledger = ledger
        self._prices = prices
        self._clock = clock
        self._new_id = new_id

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the answer; `Finished` carries cost, times and the id of the ledger row."""
        call_id = self._new_id("call")
        meter = Meter(request, self._clock, self._prices, call_id)
        self._begin(call_id, request)
        noted = -_NOTE_SECONDS if request.streaming else inf
        reservation: Reservation | None = None
        try:
            if self._route is not None:
                request = replace(request, route=route_of(request, self._route))
            reservation = await self._budget_guard.reserve(request, call_id)
            meter.request = reservation.request
            async with aclosing(self._inner.stream(reservation.request)) as batches:
                async for batch in batches:
                    shown = meter.observe(reservation.observe(batch, meter.price_of))
                    if not shown:
                        if batch and isinstance(batch[0], AttemptStarted):
                            self._journal.record_state(meter.row())
                        continue
                    if meter.elapsed - noted >= _NOTE_SECONDS:
                        self._journal.record_state(meter.row())
                        noted = meter.elapsed
                    yield shown
                    if reservation.exhausted:
                        return
        except PenstockError as error:
            meter.fail(error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            meter.cancel()
            raise
        except Exception:
            meter.outcome = Outcome.ERROR
            raise
        finally:
            rows = meter.rows()
            self._journal.record_end(rows[0])
            for row in rows:
                self._ledger.record(row)
            if reservation is not None:
                reservation.settle(total(rows))

    def _begin(self, call_id: str, request: CompletionRequest) -> None:
        self._journal.record_start(
            call_id,
            operation="chat",
            requested_model=request.model,
            surface=request.surface,
            end_user=request.end_user,
            labels=request.labels,
        )
