"""Look-ups of the semantic cache in the service, with 1,000, 10,000 and 20,000 vectors of a partition."""

import asyncio
import random
import secrets
import time
from array import array
from collections.abc import Sequence
from typing import Final

from bench.measure import Figure, Report, percentile
from cache_service.adapters.semantic.memory_store import MemorySemanticStore
from cache_service.adapters.semantic.numpy_index import NumpyIndex
from cache_service.domain.semantic.cache import Question, SemanticCache
from cache_service.domain.semantic.gate import Gate, SemanticAnswer
from cache_service.domain.semantic.loaded import LoadedPartitions
from cache_service.domain.semantic.store import SemanticLimits
from cache_service.domain.semantic.threshold import Thresholds
from cache_service.domain.semantic.vector import unit_vector
from penstock_kit.clock import SystemClock

SIZES: Final = (1_000, 10_000, 20_000)
DIMENSIONS: Final = 256
LOOKUPS: Final = 500
_WHOLE: Final = SemanticAnswer(finish_reason="stop", text="Turn it.", model="p/m")


async def run() -> Report:
    """Measure look-ups, half of them hits."""
    report = Report(
        title="Semantic cache",
        note=f"Store in memory, vectors of {DIMENSIONS} numbers, {LOOKUPS} look-ups, half of them hits.",
    )
    for size in SIZES:
        taken = await lookups(size)
        report.figures.append(Figure(name=f"look-up p50, {size:,} vectors", value=percentile(taken, 0.5), unit="ms"))
        slow = percentile(taken, 0.99)
        report.figures.append(Figure(name=f"look-up p99, {size:,} vectors", value=slow, unit="ms", goal="< 10 ms"))
    return report


async def lookups(size: int) -> Sequence[float]:
    """Milliseconds of look-ups in a partition of `size` answers."""
    generator = random.Random(size)
    cache, questions = _cache(), [_question(generator, number) for number in range(size)]
    for question in questions:
        await cache.put(question, _WHOLE, b"answer", 3600.0)
    while cache.loaded.vectors < size:
        await cache.lookup(questions[0])
        await asyncio.sleep(0)
    taken: list[float] = []
    for at in range(LOOKUPS):
        asked = generator.choice(questions) if at % 2 else _question(generator, size + at)
        started = time.perf_counter()
        await cache.lookup(asked)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def _question(generator: random.Random, number: int) -> Question:
    values = array("f", (generator.gauss(0, 1) for _ in range(DIMENSIONS)))
    return Question(
        tenant="t",
        partition_key="k",
        text=f"How do I turn valve {number}?",
        vector=unit_vector(values.tobytes()),
        embedder="bench",
    )


def _cache() -> SemanticCache:
    clock = SystemClock()
    store = MemorySemanticStore(clock=clock, limits=SemanticLimits())
    return SemanticCache(
        store=store,
        loaded=LoadedPartitions(store=store, new_index=NumpyIndex, max_vectors=100_000, max_partitions=10),
        gate=Gate(),
        thresholds=Thresholds(by_embedder={"*": 0.9}),
        clock=clock,
        new_id=lambda: secrets.token_hex(8),
        default_ttl=3600.0,
        longest_ttl=3600.0,
    )
