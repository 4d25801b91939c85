"""Partitions computed side by side by threads, and given in their order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from feature_service.domain.dataset.partition import Partition, PartitionFeatures, Told

_AHEAD: Final = 2
"""Partitions a worker that are taken before the first of them is done."""
_CHECK_SECONDS: Final = 0.2
"""How often `told` is asked while nothing is done, so that a run that is wanted no more ends at once."""


def run_ordered(
    compute: Callable[[Partition], PartitionFeatures],
    partitions: Iterable[Partition],
    told: Told,
    *,
    workers: int,
    abort: Callable[[], None],
) -> Iterator[tuple[Partition, PartitionFeatures]]:
    """Yield every partition with what `compute` made of it in one of so many threads.

    When `told` or `compute` raises, or nobody goes on taking, `abort` is called, which makes `compute` end soon.
    """
    waiting: deque[tuple[Partition, Future[PartitionFeatures]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="partition") as pool:
        try:
            for partition in partitions:
                waiting.append((partition, pool.submit(compute, partition)))
                if len(waiting) >= _AHEAD * workers:
                    yield _next(waiting, told)
            while waiting:
                yield _next(waiting, told)
        except BaseException:
            for _, future in waiting:
                future.cancel()
            abort()
            raise


def _next(
    waiting: "deque[tuple[Partition, Future[PartitionFeatures]]]", told: Told
) -> tuple[Partition, PartitionFeatures]:
    partition, future = waiting[0]
    while not wait([future], timeout=_CHECK_SECONDS).done:
        told(partition, 0.0)
    made = future.result()
    told(partition, 1.0)
    waiting.popleft()
    return partition, made
