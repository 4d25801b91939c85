"""Memory by meaning: turns whose vectors are near the question's, beside those with its words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Memory, Note, RememberedTurn

_COMPARED: Final = 2000
_NOTES: Final = 5
_EMBEDDED_CHARACTERS: Final = 4000
# Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009.
_RANK_DAMPING: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A text's vector, little-endian float32 values, and the model that made it."""

    vector: bytes
    model: str


class Embedder(Protocol):
    """Makes vectors of texts, when there is a model that can."""

    async def embed(self, text: str) -> Embedded | None:
        """Return a text's vector, None when there is no such model; PenstockError when it fails."""
        ...


class VectorMemory(Memory, Protocol):
    """A memory whose turns may have vectors."""

    async def set_vector(self, stream_id: str, vector: bytes, *, model: str) -> None:
        """Store the vector of a kept turn."""
        ...

    async def vectors(self, owner: Owner, *, model: str, most: int) -> Sequence[tuple[int, bytes]]:
        """Return number and vector of the owner's newest turns that have one of `model`."""
        ...

    async def notes(self, owner: Owner, numbers: Sequence[int]) -> Sequence[Note]:
        """Return the owner's turns of these numbers, in their order."""
        ...


class Nearest(Protocol):
    """Finds the vectors nearest to one."""

    def __call__(self, vector: bytes, others: Sequence[tuple[int, bytes]], *, most: int) -> Sequence[int]:
        """Return the numbers of the nearest ones that are near enough, nearest first."""
        ...


class SimilarityMemory:
    """Recalls by words and by meaning and merges both by rank; without an embedding model by words alone."""

    def __init__(self, memory: VectorMemory, embedder: Embedder, nearest: Nearest) -> None:
        self._memory = memory
        self._embedder = embedder
        self._nearest = nearest

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return what has the question's words or its meaning, best first."""
        embedded = await self._embedder.embed(question[:_EMBEDDED_CHARACTERS])
        if embedded is None:
            return await self._memory.recall(owner, question)
        by_words, by_meaning = await asyncio.gather(
            self._memory.recall(owner, question), self._by_meaning(owner, embedded)
        )
        return _merge(by_words, by_meaning)

    async def keep(self, turn: RememberedTurn) -> None:
        """Keep a turn, then its vector."""
        await self._memory.keep(turn)
        text = f"{turn.question}\n{turn.answer}"[:_EMBEDDED_CHARACTERS]
        embedded = await self._embedder.embed(text)
        if embedded is not None:
            await self._memory.set_vector(turn.stream_id, embedded.vector, model=embedded.model)

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Forget a conversation."""
        await self._memory.forget(owner, conversation_id)

    async def health(self) -> EngineHealth:
        """Return whether the memory below answers: without vectors it works too."""
        return await self._memory.health()

    async def _by_meaning(self, owner: Owner, embedded: Embedded) -> Sequence[Note]:
        others = await self._memory.vectors(owner, model=embedded.model, most=_COMPARED)
        if not others:
            return ()
        numbers = await asyncio.to_thread(self._nearest, embedded.vector, others, most=_NOTES)
        return await self._memory.notes(owner, numbers)


def _merge(*lists: Sequence[Note]) -> Sequence[Note]:
    scores: dict[Note, float] = {}
    for notes in lists:
        for rank, note in enumerate(notes):
            scores[note] = scores.get(note, 0.0) + 1 / (_RANK_DAMPING + rank)
    return sorted(scores, key=lambda note: -scores[note])[:_NOTES]
