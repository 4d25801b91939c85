"""Approximate search over very many vectors with usearch (optional extra ``usearch``).

Removed keys of a graph have come back wrong in released versions of the library: here a graph is built once, in a
thread, and nothing is added to it or removed from it. What came since is compared one by one; an id that went or was
replaced is left out of what is found. Similarities are computed from the vectors themselves.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cache_service.adapters.semantic.numpy_index import NumpyIndex

_MORE: Final = 4
_GONE_SHARE: Final = 0.25


class Graph:
    """A graph over vectors as they were when it was built."""

    def __init__(self, dimensions: int, vectors: Mapping[str, bytes]) -> None:
        import numpy
        from usearch.index import Index  # pyright: ignore

        self.vectors = vectors
        self.ids = list(vectors)
        self._index: Any = Index(ndim=dimensions, metric="ip", dtype="f32")
        matrix = numpy.frombuffer(b"".join(vectors.values()), dtype="<f4").reshape(len(vectors), dimensions)
        # One thread: the calls of others want the other processors.
        self._index.add(numpy.arange(len(vectors)), matrix, threads=1)

    def nearest(self, asked: Any, count: int) -> Sequence[str]:
        """Return at most `count` ids near a vector, those that went since included."""
        keys: list[int] = self._index.search(asked, min(count, len(self.ids)), threads=1).keys.tolist()
        return [self.ids[key] for key in keys]


Run = Callable[[Callable[[], Graph], Callable[[Graph], None]], None]


class UsearchIndex:
    """A VectorIndex for partitions beyond what is compared one by one.

    Exact up to `exact` vectors. Beyond, a graph holds those there were when it was built, and at most about `exact`
    more are compared one by one until the next is there. `run` builds a graph beside the event loop.
    """

    def __init__(self, dimensions: int, *, exact: int, run: Run | None = None) -> None:
        self._dimensions = dimensions
        self._exact = exact
        self._run = run or _run_in_thread
        self._vectors: dict[str, bytes] = {}
        self._recent = NumpyIndex(dimensions)
        self._graph: Graph | None = None
        # Of those in the graph, the ones that are neither gone nor replaced.
        self._linked: set[str] = set()
        self._is_building = False

    def __len__(self) -> int:
        """Return how many vectors it holds."""
        return len(self._vectors)

    def __contains__(self, entry_id: str) -> bool:
        """Return whether it holds the vector of an entry."""
        return entry_id in self._vectors

    @property
    def graph_size(self) -> int:
        """How many vectors the graph in use was built of; 0 without one."""
        return 0 if self._graph is None else len(self._graph.ids)

    def add(self, entry_id: str, vector: bytes) -> None:
        """Add a vector, in place of any of that id."""
        self._vectors[entry_id] = vector
        self._linked.discard(entry_id)
        self._recent.add(entry_id, vector)
        self._build_if_due()

    def remove(self, entry_id: str) -> None:
        """Remove a vector."""
        self._vectors.pop(entry_id, None)
        self._linked.discard(entry_id)
        self._recent.remove(entry_id)
        self._build_if_due()

    def nearest(self, vector: bytes, count: int) -> Sequence[tuple[str, float]]:
        """Return the nearest ids with their cosine similarity, the nearest first."""
        near = list(self._recent.nearest(vector, count))
        if self._graph is None:
            return near
        import numpy

        asked = numpy.frombuffer(vector, dtype="<f4")
        for each in self._graph.nearest(asked, count * _MORE):
            if each in self._linked:
                near.append((each, float(numpy.frombuffer(self._vectors[each], dtype="<f4") @ asked)))
        return sorted(near, key=lambda each: -each[1])[:count]

    def _build_if_due(self) -> None:
        gone = self.graph_size - len(self._linked)
        is_due = len(self._recent) > self._exact or gone > _GONE_SHARE * self.graph_size
        if self._is_building or not is_due:
            return
        if len(self._vectors) <= self._exact:
            self._use_none()
            return
        self._is_building = True
        vectors = dict(self._vectors)
        self._run(lambda: Graph(self._dimensions, vectors), self._use)

    def _use(self, graph: Graph) -> None:
        """Take a graph into use: what it holds is compared one by one no more, unless it changed meanwhile."""
        self._is_building = False
        self._graph = graph
        self._linked = {each for each, vector in graph.vectors.items() if self._vectors.get(each) is vector}
        self._recent = NumpyIndex(self._dimensions)
        for each, vector in self._vectors.items():
            if each not in self._linked:
                self._recent.add(each, vector)

    def _use_none(self) -> None:
        self._graph, self._linked = None, set()
        self._recent = NumpyIndex(self._dimensions)
        for each, vector in self._vectors.items():
            self._recent.add(each, vector)


def _run_in_thread(build: Callable[[], Graph], use: Callable[[Graph], None]) -> None:
    future = asyncio.get_running_loop().run_in_executor(None, build)
    future.add_done_callback(lambda done: None if done.cancelled() else use(done.result()))
