"""How similar two questions must be: by the model that made the vectors, and tighter where answers did not fit."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from penstock_kit.errors import InvalidArgument

ANY: Final = "*"
_STEP: Final = 0.01
_FLOORS: Final = 10_000


@dataclass(kw_only=True)
class Thresholds:
    """Cosine similarities, 0 to 1. `by_embedder` holds the operator's, ``*`` that of all others.

    Where a person purged an answer that had been given at some similarity, its partition asks for more from then on.
    """

    by_embedder: Mapping[str, float]
    _floors: OrderedDict[str, float] = field(default_factory=OrderedDict[str, float])

    def needed(self, embedder: str, partition: str, asked: float) -> float:
        """Return the similarity that a hit needs; a caller's wish only tightens it."""
        if not 0.0 <= asked <= 1.0:
            message = f"threshold is {asked:g}, it must be between 0 and 1 (a cosine similarity)"
            raise InvalidArgument(message, reason="SIMILARITY_INVALID", metadata={"field": "threshold"})
        operators = self.by_embedder.get(embedder, self.by_embedder.get(ANY, 1.0))
        return max(operators, asked, self._floors.get(partition, 0.0))

    def tighten(self, partition: str, similarity: float) -> None:
        """Ask for more than `similarity` in a partition, for an answer given at that did not fit."""
        self._floors[partition] = min(1.0, max(self._floors.get(partition, 0.0), similarity + _STEP))
        self._floors.move_to_end(partition)
        while len(self._floors) > _FLOORS:
            self._floors.popitem(last=False)
