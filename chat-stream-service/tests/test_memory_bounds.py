"""What bounds an engine's memory: turns that are compared, summaries that are read, looks that come late."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from chat_stream_service.adapters.nearest_vector import nearest
from chat_stream_service.domain.memory.memory_statistics import MemoryStatistics
from chat_stream_service.domain.memory.similarity import Embedded, SimilarityMemory
from chat_stream_service.domain.memory.summary import ConversationSummary, Summarizer
from chat_stream_service.domain.memory.turn_memory import TurnMemory
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.language_model import ModelEvent, ModelRequest, TextDelta
from chat_stream_service.domain.model.memory import Note, RememberedTurn
from chat_stream_service.domain.model.message import Message, Role
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.breaker import Breaker, ConsecutiveFailures
from penstock_kit.clock import SystemClock
from penstock_testkit.waiting import HANG_SECONDS, until

ANN = Owner(tenant_id="acme", user_id="ann")
ALIKE, UNLIKE = bytes.fromhex("0000803f00000000"), bytes.fromhex("000000000000803f")


class Turns:
    """A memory of turns by their numbers, of which the oldest alone is about the question."""

    def __init__(self, count: int) -> None:
        self._vectors = [(number, ALIKE if number == 1 else UNLIKE) for number in range(1, count + 1)]

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        return ()

    async def keep(self, turn: RememberedTurn) -> None: ...

    async def forget(self, owner: Owner, conversation_id: str) -> None: ...

    async def health(self) -> EngineHealth:
        return EngineHealth(healthy=True)

    async def set_vector(self, stream_id: str, vector: bytes, *, model: str) -> None: ...

    async def vectors(self, owner: Owner, *, model: str, most: int) -> Sequence[tuple[int, bytes]]:
        return self._vectors[-most:]

    async def notes(self, owner: Owner, numbers: Sequence[int]) -> Sequence[Note]:
        return [Note(text=f"turn {number}") for number in numbers]


class OneVector:
    """An embedder that gives every text the same vector."""

    async def embed(self, text: str) -> Embedded:
        return Embedded(vector=ALIKE, model="m")


@pytest.mark.parametrize(("turns", "found"), [(1, True), (2000, True), (2001, False)])
async def test_a_turn_is_found_by_its_meaning_among_the_newest_two_thousand(turns: int, found: bool) -> None:
    memory = SimilarityMemory(Turns(turns), OneVector(), nearest)
    notes = await memory.recall(ANN, "Which coolant has WLD001?")
    assert [note.text for note in notes] == (["turn 1"] if found else [])


class Endless:
    """A model that writes without end, and notes how much it wrote and that it was left."""

    def __init__(self) -> None:
        self.batches = 0
        self.is_closed = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[ModelEvent]]:
        try:
            while self.batches < 1000:
                self.batches += 1
                yield [TextDelta(text="w" * 100)]
        finally:
            self.is_closed = True


class Summaries:
    """One conversation, much longer than a history may be."""

    def __init__(self) -> None:
        self.saved = ConversationSummary()

    async def load(self, owner: Owner, conversation_id: str) -> tuple[ConversationSummary, Sequence[Message]]:
        times: dict[str, Any] = {"conversation_id": "c", "create_time": datetime(2026, 1, 1, tzinfo=UTC)}
        return ConversationSummary(), [
            Message(id=f"m{number}", role=Role.USER, content="word " * 200, stream_id="", **times)
            for number in range(9)
        ]

    async def save(
        self, owner: Owner, conversation_id: str, summary: ConversationSummary, *, before: ConversationSummary
    ) -> bool:
        self.saved = summary
        return True


async def test_a_model_that_writes_a_summary_without_end_is_left_when_it_is_long_enough() -> None:
    model, store = Endless(), Summaries()
    await Summarizer(store=store, model=model, history_tokens=1000).update(ANN, "c")
    assert (model.batches, model.is_closed, len(store.saved.summary)) == (41, True, 4000)


class Slow(Turns):
    """A memory that answers when it may, and notes that it was given up."""

    def __init__(self) -> None:
        super().__init__(0)
        self.asked = 0
        self.is_cancelled = False
        self.may = asyncio.Event()

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        self.asked += 1
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        return [Note(text="late")]


async def test_a_quick_look_that_nobody_waits_for_any_more_is_looked_after_and_ended_in_time() -> None:
    whole, quick, background = Slow(), Slow(), BackgroundJobs(most_tasks=0)
    memory = TurnMemory(
        whole,
        quick=quick,
        recall_seconds=HANG_SECONDS / 100,
        breaker=Breaker(ConsecutiveFailures(), SystemClock()),
        background=background,
        statistics=MemoryStatistics("chat_engine"),
        clock=SystemClock(),
    )
    looking = asyncio.create_task(memory.recall(ANN, "Which coolant has WLD001?"))
    await until(lambda: quick.asked == 1)
    whole.may.set()
    assert [note.text for note in await looking] == ["late"]
    # There is no room for tasks that go on, so that it is ended at once.
    await until(lambda: quick.is_cancelled)
