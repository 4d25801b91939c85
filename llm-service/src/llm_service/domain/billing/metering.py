"""Metering: wraps the answer to time it, price it and write it into the ledger, however it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from math import inf
from typing import Final, Protocol

from llm_service.domain.billing.budget_guard import OpenPurse, Purse
from llm_service.domain.billing.call_journal import CallJournal, NoJournal
from llm_service.domain.billing.ledger import Ledger, Outcome
from llm_service.domain.billing.meter import Meter, total
from llm_service.domain.billing.price import PriceBook
from llm_service.domain.billing.reservation import Hold
from llm_service.domain.model.event import AttemptStarted
from llm_service.domain.model.provider import EventBatch, EventStream
from llm_service.domain.model.request import CompletionRequest
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
    """Passes events on and writes one ledger row for each call: finished, failed or left by its caller."""

    def __init__(
        self,
        inner: CompletionSource,
        *,
        ledger: Ledger,
        prices: PriceBook,
        clock: Clock,
        new_id: Callable[[str], str],
        purse: Purse | None = None,
        journal: CallJournal | None = None,
    ) -> None:
        self._inner = inner
        self._purse: Purse = purse or OpenPurse()
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
        hold: Hold | None = None
        try:
            hold = await self._purse.hold(request, call_id)
            meter.request = hold.request
            async with aclosing(self._inner.stream(hold.request)) as batches:
                async for batch in batches:
                    shown = meter.observed(hold.watched(batch))
                    if not shown:
                        if batch and isinstance(batch[0], AttemptStarted):
                            self._journal.stands(meter.row())
                        continue
                    if meter.elapsed - noted >= _NOTE_SECONDS:
                        self._journal.stands(meter.row())
                        noted = meter.elapsed
                    yield shown
                    if hold.exhausted:
                        return
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
            rows = meter.rows()
            self._journal.ended(rows[0])
            for row in rows:
                self._ledger.record(row)
            if hold is not None:
                hold.settle(total(rows))

    def _begin(self, call_id: str, request: CompletionRequest) -> None:
        self._journal.began(
            call_id,
            operation="chat",
            requested_model=request.model,
            surface=request.surface,
            end_user=request.end_user,
            labels=request.labels,
        )
