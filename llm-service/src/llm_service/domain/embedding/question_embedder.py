"""Vectors of questions for the semantic cache: made here, or by a vendor through the metered embedder."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from llm_service.domain.embedding.embedding_call import Embedder
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.domain.offline.embedding import DIMENSIONS, hashed_vector
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError

OFFLINE: Final = "fallback/hashing"
LONGEST_QUESTION: Final = 2_000
_REMEMBERED: Final = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionVector:
    """A vector as little-endian float32, and the ``provider/model`` that made it."""

    embedder: str
    vector: bytes


class QuestionEmbedder(Protocol):
    """Anything that makes vectors of questions."""

    async def embed(self, text: str) -> QuestionVector | None:
        """Return the vector of a question; None when there is none to be had in time."""
        ...


class OfflineQuestionEmbedder:
    """Makes vectors in this process: they cost nothing, no ledger row is written and no provider is loaded."""

    async def embed(self, text: str) -> QuestionVector | None:
        """Return the vector of a question; the work takes less than a millisecond."""
        return QuestionVector(embedder=OFFLINE, vector=hashed_vector(text, DIMENSIONS))


class VendorQuestionEmbedder:
    """Has a vendor make vectors, each call metered: at most `seconds` a question, none for `rest` after a failure.

    The last thousand vectors are remembered, so that a question is embedded once for its look-up and its storing.
    """

    def __init__(
        self, embedder: Embedder, *, model: Callable[[], str], clock: Clock, seconds: float, rest: float = 5.0
    ) -> None:
        self._embedder = embedder
        self._model = model
        self._monotonic = clock.monotonic
        self._seconds = seconds
        self._rest = rest
        self._resting_until = 0.0
        self._vectors: OrderedDict[tuple[str, str], QuestionVector] = OrderedDict()

    async def embed(self, text: str) -> QuestionVector | None:
        """Return the vector of a question; None while the vendor rests, fails or takes too long."""
        key = (self._model(), text)
        if (known := self._vectors.get(key)) is not None:
            return known
        if self._monotonic() < self._resting_until:
            return None
        made = await self._made(key)
        if made is None:
            self._resting_until = self._monotonic() + self._rest
            return None
        self._vectors[key] = made
        if len(self._vectors) > _REMEMBERED:
            self._vectors.popitem(last=False)
        return made

    async def _made(self, key: tuple[str, str]) -> QuestionVector | None:
        model, text = key
        try:
            async with asyncio.timeout(self._seconds):
                embedded = await self._embedder.embed(EmbeddingRequest(model=model, inputs=(text,)))
        except (TimeoutError, PenstockError):
            return None
        vectors = embedded.vectors
        return QuestionVector(embedder=f"{embedded.provider}/{vectors.model}", vector=vectors.values[0])
