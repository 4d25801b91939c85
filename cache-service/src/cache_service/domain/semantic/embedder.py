"""The port to what makes vectors of questions in this process."""

from typing import Protocol


class Embedder(Protocol):
    """Makes vectors of questions for callers who send none."""

    @property
    def name(self) -> str:
        """What partitions and thresholds know it by: vectors of two models are never compared."""
        ...

    async def embed(self, text: str) -> bytes:
        """Return the vector of `text`, little-endian float32; empty when it could not be made in time."""
        ...
