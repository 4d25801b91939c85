"""The partitions whose vectors are in this process, kept up with the store that replicas share."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from cache_service.domain.semantic.index import VectorIndex
from cache_service.domain.semantic.store import SemanticStore, SemanticStoreAway

_BATCH: Final = 256


class LoadedPartition:
    """The vectors of one partition, and how far the store was read."""

    def __init__(self, index: VectorIndex) -> None:
        self.index = index
        self.cursor = 0
        self.is_loading = False
        self.lock = asyncio.Lock()


class LoadedPartitions:
    """At most `max_vectors` vectors in all: the partitions asked least recently leave, and are read again when asked.

    A look-up reads what was stored since the last one; of a partition that is new here, or far behind, a first part,
    while the rest is read in the background: no look-up waits for thousands of vectors.
    """

    def __init__(
        self, *, store: SemanticStore, new_index: Callable[[int], VectorIndex], max_vectors: int, max_partitions: int
    ) -> None:
        self._store = store
        self._new_index = new_index
        self._max_vectors = max_vectors
        self._max_partitions = max_partitions
        self._partitions: OrderedDict[str, LoadedPartition] = OrderedDict()
        self._loading: set[asyncio.Task[None]] = set()
        self._is_prepared = False

    @property
    def vectors(self) -> int:
        """How many vectors are in this process."""
        return sum(len(each.index) for each in self._partitions.values())

    def __len__(self) -> int:
        """Return how many partitions are in this process."""
        return len(self._partitions)

    async def synchronize(self, tenant: str, partition: str, dimensions: int) -> LoadedPartition:
        """Return a partition with what the store has, or a part of it while the rest is loading."""
        if not self._is_prepared:
            # What searches vectors is imported at the first question, in a thread: other calls go on meanwhile.
            await asyncio.to_thread(self._new_index, dimensions)
            self._is_prepared = True
        loaded = self._partitions.get(partition)
        if loaded is None:
            loaded = self._partitions[partition] = LoadedPartition(self._new_index(dimensions))
        self._partitions.move_to_end(partition)
        if not loaded.is_loading and await self._read(loaded, tenant, partition):
            loaded.is_loading = True
            task = asyncio.create_task(self._read_on(loaded, tenant, partition))
            self._loading.add(task)
            task.add_done_callback(self._loading.discard)
        self._bound(partition)
        return loaded

    def drop(self, partition: str, ids: Sequence[str]) -> None:
        """Forget vectors of entries that are gone."""
        if (loaded := self._partitions.get(partition)) is None:
            return
        for each in ids:
            loaded.index.remove(each)

    async def close(self) -> None:
        """Stop what is being loaded."""
        for task in self._loading:
            task.cancel()
        await asyncio.gather(*self._loading, return_exceptions=True)

    async def _read(self, loaded: LoadedPartition, tenant: str, partition: str) -> bool:
        """Read one batch; return whether there is more."""
        async with loaded.lock:
            batch = await self._store.list_after(tenant, partition, loaded.cursor, _BATCH)
            before = loaded.cursor
            for each in batch:
                if each.id not in loaded.index:
                    loaded.index.add(each.id, each.vector)
                loaded.cursor = max(loaded.cursor, each.sequence)
            return len(batch) == _BATCH and loaded.cursor > before

    async def _read_on(self, loaded: LoadedPartition, tenant: str, partition: str) -> None:
        try:
            while await self._read(loaded, tenant, partition):  # noqa: ASYNC110 - no event tells of the end of a turn
                await asyncio.sleep(0)  # calls get their turn between the batches
        except SemanticStoreAway:
            return
        finally:
            loaded.is_loading = False

    def _bound(self, asked: str) -> None:
        while len(self._partitions) > 1 and (
            len(self._partitions) > self._max_partitions or self.vectors > self._max_vectors
        ):
            oldest = next(iter(self._partitions))
            if oldest == asked:
                return
            del self._partitions[oldest]
