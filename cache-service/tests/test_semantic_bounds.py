"""The similarity that a hit needs where nobody says one, and the end of loading a partition."""

import asyncio
from array import array
from collections.abc import Mapping, Sequence

import pytest

from cache_service.adapters.semantic.memory_store import MemorySemanticStore
from cache_service.adapters.semantic.numpy_index import NumpyIndex
from cache_service.domain.semantic.loaded import LoadedPartitions
from cache_service.domain.semantic.store import SemanticLimits, StoredVector
from cache_service.domain.semantic.threshold import Thresholds
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS


@pytest.mark.parametrize(
    ("by_embedder", "asked", "needed"),
    [
        ({}, 0.0, 1.0),
        ({"other": 0.5}, 0.9, 1.0),
        ({"*": 0.9}, 0.0, 0.9),
        ({"e": 0.8, "*": 0.9}, 0.0, 0.8),
        ({"e": 0.8}, 0.85, 0.85),
        ({"e": 0.0}, 0.0, 0.0),
    ],
)
def test_a_hit_needs_the_similarity_of_its_model_or_of_all_others_and_without_both_the_same_vector(
    by_embedder: Mapping[str, float], asked: float, needed: float
) -> None:
    assert Thresholds(by_embedder=by_embedder).needed("e", "p", asked) == needed


def test_a_partition_asks_for_a_hundredth_more_than_what_did_not_fit_and_never_for_less_again() -> None:
    thresholds = Thresholds(by_embedder={"e": 0.0})
    found: list[float] = []
    for similarity in (0.3, 0.1, 0.995):
        thresholds.tighten("p", similarity)
        found.append(thresholds.needed("e", "p", 0.0))
    assert found == pytest.approx([0.31, 0.31, 1.0])
    assert thresholds.needed("e", "q", 0.0) == 0.0


class StuckStore(MemorySemanticStore):
    """Has a first batch of vectors and gives no second one, however long one waits."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock, limits=SemanticLimits())
        self.reading = asyncio.Event()
        self.is_left = False

    async def list_after(self, tenant: str, partition: str, after: int, limit: int) -> Sequence[StoredVector]:
        if not after:
            vector = array("f", [1.0, 0.0]).tobytes()
            return [StoredVector(id=f"e{number}", sequence=number + 1, vector=vector) for number in range(limit)]
        self.reading.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.is_left = True
        return ()


async def test_closing_ends_what_is_being_loaded_before_it_returns(clock: ManualClock) -> None:
    store = StuckStore(clock)
    loaded = LoadedPartitions(store=store, new_index=NumpyIndex, max_vectors=1_000, max_partitions=10)
    async with asyncio.timeout(HANG_SECONDS):
        partition = await loaded.synchronize("t", "p", 2)
        await store.reading.wait()
        assert partition.is_loading
        await loaded.close()
    assert store.is_left
    assert not partition.is_loading
