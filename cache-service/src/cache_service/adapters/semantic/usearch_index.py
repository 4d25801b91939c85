"""Approximate search over very many vectors with usearch (optional extra ``usearch``).

Removed keys of a graph have come back wrong in released versions of the library: here nothing is removed from it. An
id that went is left out of what is found, and the graph is built anew when a quarter of it is gone. Similarities are
computed from the vectors themselves.
"""

from collections.abc import Sequence
from typing import Any, Final

from cache_service.adapters.semantic.numpy_index import NumpyIndex

_MORE: Final = 4
_GONE_SHARE: Final = 0.25


class UsearchIndex:
    """A VectorIndex for partitions beyond what is compared one by one: exact up to `exact` vectors, a graph above."""

    def __init__(self, dimensions: int, *, exact: int) -> None:
        self._dimensions = dimensions
        self._exact = exact
        self._numpy = NumpyIndex(dimensions)
        self._vectors: dict[str, bytes] = {}
        self._graph: Any = None
        self._ids: list[str] = []
        self._keys: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many vectors it holds."""
        return len(self._vectors)

    def __contains__(self, entry_id: str) -> bool:
        """Return whether it holds the vector of an entry."""
        return entry_id in self._vectors

    def add(self, entry_id: str, vector: bytes) -> None:
        """Add a vector, in place of any of that id."""
        self._vectors[entry_id] = vector
        if self._graph is not None:
            self._link(entry_id, vector)
        elif len(self._vectors) > self._exact:
            self._build()
        else:
            self._numpy.add(entry_id, vector)

    def remove(self, entry_id: str) -> None:
        """Remove a vector."""
        self._vectors.pop(entry_id, None)
        self._keys.pop(entry_id, None)
        if self._graph is None:
            self._numpy.remove(entry_id)
        elif len(self._vectors) < len(self._ids) * (1 - _GONE_SHARE):
            self._build()

    def nearest(self, vector: bytes, count: int) -> Sequence[tuple[str, float]]:
        """Return the nearest ids with their cosine similarity, the nearest first."""
        if self._graph is None:
            return self._numpy.nearest(vector, count)
        import numpy

        asked = numpy.frombuffer(vector, dtype="<f4")
        found = self._graph.search(asked, count * _MORE)
        keys: list[int] = found.keys.tolist()
        live = [self._ids[key] for key in keys if self._keys.get(self._ids[key]) == key]
        near = [(each, float(numpy.frombuffer(self._vectors[each], dtype="<f4") @ asked)) for each in live]
        return sorted(near, key=lambda each: -each[1])[:count]

    def _build(self) -> None:
        from usearch.index import Index  # pyright: ignore

        self._graph = Index(ndim=self._dimensions, metric="ip", dtype="f32")
        self._ids, self._keys = [], {}
        self._numpy = NumpyIndex(self._dimensions)
        for entry_id, vector in self._vectors.items():
            self._link(entry_id, vector)

    def _link(self, entry_id: str, vector: bytes) -> None:
        import numpy

        key = len(self._ids)
        self._graph.add(key, numpy.frombuffer(vector, dtype="<f4"))
        self._ids.append(entry_id)
        self._keys[entry_id] = key
