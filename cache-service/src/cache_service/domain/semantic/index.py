"""The port behind which vectors are searched."""

from collections.abc import Sequence
from typing import Protocol


class VectorIndex(Protocol):
    """The vectors of one partition by their entries' ids. Vectors are little-endian float32 of length one."""

    def __len__(self) -> int:
        """Return how many vectors it holds."""
        ...

    def __contains__(self, entry_id: str) -> bool:
        """Return whether it holds the vector of an entry."""
        ...

    def add(self, entry_id: str, vector: bytes) -> None:
        """Add a vector, in place of any of that id."""
        ...

    def remove(self, entry_id: str) -> None:
        """Remove a vector; an unknown id is none."""
        ...

    def nearest(self, vector: bytes, count: int) -> Sequence[tuple[str, float]]:
        """Return the nearest ids with their cosine similarity, the nearest first."""
        ...
