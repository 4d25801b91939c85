"""Fakes of this service's ports, for its own tests: scripted providers, a pool of them, a ledger in a list."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, NoReturn

from llm_service.domain.billing.ledger import CostGroup, CostRow, LedgerFilter, LedgerPage, LedgerRow, Outcome
from llm_service.domain.model.event import (
    AttemptFailed,
    AttemptStarted,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
)
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.message import Role, text_message
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch, EventStream, ModelCard, Provider
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.usage import FREE, Cost, Usage
from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.query import StructuredQuery

# When the questions of `asked` are asked: a Saturday.
NOW: Final = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class ScriptedProvider:
    """Yields `before`, then `texts` as deltas, then stalls for ever, fails with `failure` or finishes.

    The first calls fail with `failures`, one each, before they begin. A `silent` one says nothing at all before it
    stalls; `says_model` is the name it answers under when that is not the one it was asked for.

    It remembers what it was `asked` and how often its answers were `closed`; `stalled` is set when it stalls.
    """

    name: str = "scripted"
    texts: Sequence[str] = ("pong",)
    before: Sequence[Event] = ()
    stall: bool = False
    silent: bool = False
    says_model: str = ""
    failure: FailureKind | None = None
    failures: list[FailureKind] = field(default_factory=list[FailureKind])
    retry_after: float | None = None
    usage: Usage | None = None
    reason: FinishReason = FinishReason.STOP
    asked: list[CompletionRequest] = field(default_factory=list[CompletionRequest])
    closed: int = 0
    stalled: asyncio.Event = field(default_factory=asyncio.Event)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the script."""
        self.asked.append(request)
        if self.failures:
            self._raise(self.failures.pop(0))
        try:
            if not self.silent:
                model = self.says_model or request.model
                yield [Started(id="ans_1", provider=self.name, model=model, create_time=_TIME)]
            if self.before:
                yield self.before
            for text in self.texts:
                yield [TextDelta(text=text)]
            if self.stall:
                self.stalled.set()
                await asyncio.Event().wait()
            self._fail()
            yield [Finished(reason=self.reason, usage=self.usage)]
        finally:
            self.closed += 1

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return zeros, or stall or fail."""
        if self.stall:
            self.stalled.set()
            await asyncio.Event().wait()
        self._fail()
        return Embeddings(model=request.model, values=(bytes(8),) * request.count, usage=self.usage or Usage())

    async def list_models(self) -> Sequence[ModelCard]:
        """Return none, or stall."""
        if self.stall:
            await asyncio.Event().wait()
        return ()

    async def close(self) -> None:
        """Nothing to give back."""

    def _fail(self) -> None:
        if self.failure is not None:
            self._raise(self.failure)

    def _raise(self, failure: FailureKind) -> NoReturn:
        message = f"{self.name} failed"
        raise ProviderError(message, provider=self.name, failure=failure, retry_after=self.retry_after)


class ReadyPool:
    """A pool of providers that are there already."""

    def __init__(self, *providers: ScriptedProvider) -> None:
        self._providers = {provider.name: provider for provider in providers}

    async def get(self, name: str) -> Provider:
        """Return the provider."""
        return self._providers[name]


class ListLedger:
    """A ledger that only remembers."""

    def __init__(self) -> None:
        self.rows: list[LedgerRow] = []

    def record(self, row: LedgerRow) -> None:
        """Remember `row`."""
        self.rows.append(row)

    async def flush(self) -> None:
        """Nothing waits."""

    async def summarize(self, wanted: LedgerFilter, group: CostGroup) -> Sequence[CostRow]:
        """Sum up nothing."""
        return ()

    async def list_rows(self, wanted: LedgerFilter, *, page_size: int, page_token: str) -> LedgerPage:
        """Return everything, newest first."""
        return LedgerPage(rows=tuple(reversed(self.rows)))


def question(text: str = "hi", *, model: str = "", streaming: bool = True) -> CompletionRequest:
    """Return a question of one user message."""
    return replace(CompletionRequest(messages=(text_message(Role.USER, text),)), model=model, streaming=streaming)


async def collected(stream: EventStream) -> list[Event]:
    """Return every event of `stream` but those that tell metering who is asked."""
    events = [event async for batch in stream for event in batch]
    return [event for event in events if not isinstance(event, AttemptStarted | AttemptFailed)]


def text_of(events: Sequence[Event]) -> str:
    """Return the text of all deltas."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def ledger_row(
    row_id: str = "call_0",
    *,
    usage: Usage | None = None,
    cost: Cost = FREE,
    outcome: Outcome = Outcome.OK,
    end_user: str = "",
) -> LedgerRow:
    """Return a row of a call in the default tenant."""
    return LedgerRow(
        id=row_id,
        create_time=_TIME,
        tenant_id="default",
        user_id="",
        key_id="",
        request_id="",
        operation="chat",
        provider="fallback",
        model="rules",
        requested_model="",
        usage=usage or Usage(),
        cost=cost,
        outcome=outcome,
        duration=0.1,
        end_user=end_user,
    )


def asked(*texts: str) -> StructuredQuery:
    """Return what the last of several questions one after the other asks the offline provider for."""
    *earlier, question = texts
    talk = Conversation(question=question, earlier=tuple(reversed(earlier)), outcomes=(), cards=())
    return talk.queries(NOW)[-1]
