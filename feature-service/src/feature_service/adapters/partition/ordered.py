"""Partitions computed side by side by threads, and given in their order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from typing import Final, TypeAlias

from feature_service.domain.dataset.partition import Partition, PartitionFailed, PartitionFeatures, Told

_AHEAD: Final = 2
"""Partitions a worker that are taken before the first of them is done."""
_CHECK_SECONDS: Final = 0.2
"""How often `told` is asked while nothing is done, so that a run that is wanted no more ends at once."""
_MOST_FAILED: Final = 5
"""Partitions that fail before no more are tried: then it is not they, but all of them."""

_Compute: TypeAlias = Callable[[Partition], PartitionFeatures]
_Waiting: TypeAlias = deque[tuple[Partition, Future[PartitionFeatures]]]


def run_ordered(
    compute: _Compute, partitions: Iterable[Partition], told: Told, *, workers: int, abort: Callable[[], None]
) -> Iterator[tuple[Partition, PartitionFeatures]]:
    """Yield every partition with what `compute` made of it in one of so many threads.

    One of which `compute` raises PartitionFailed is left out; when all the others are yielded, or several failed,
    PartitionFailed names them. When `told` or `compute` raises anything else, or nobody goes on taking, `abort` is
    called, which makes `compute` end soon.
    """
    failed: list[PartitionFailed] = []
    done = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="partition") as pool:
        try:
            with closing(_results(pool, compute, partitions, told, _AHEAD * workers)) as results:
                for partition, made in results:
                    if isinstance(made, PartitionFeatures):
                        done += 1
                        yield partition, made
                        continue
                    failed.append(made)
                    if len(failed) == _MOST_FAILED:
                        raise _together(failed, done)
        except BaseException:
            abort()
            raise
    if failed:
        raise _together(failed, done)


def _results(
    pool: ThreadPoolExecutor, compute: _Compute, partitions: Iterable[Partition], told: Told, ahead: int
) -> Generator[tuple[Partition, PartitionFeatures | PartitionFailed]]:
    waiting: _Waiting = deque()
    try:
        for partition in partitions:
            waiting.append((partition, pool.submit(compute, partition)))
            if len(waiting) >= ahead:
                yield _next(waiting, told)
        while waiting:
            yield _next(waiting, told)
    finally:
        for _, future in waiting:
            future.cancel()


def _next(waiting: _Waiting, told: Told) -> tuple[Partition, PartitionFeatures | PartitionFailed]:
    partition, future = waiting[0]
    while not wait([future], timeout=_CHECK_SECONDS).done:
        told(partition, 0.0)
    try:
        made = future.result()
    except PartitionFailed as failure:
        made = failure
    told(partition, 1.0)
    waiting.popleft()
    return partition, made


def _together(failed: list[PartitionFailed], done: int) -> PartitionFailed:
    causes = "; ".join(str(failure) for failure in failed)
    more = " and no more were tried" if len(failed) == _MOST_FAILED else ""
    return PartitionFailed(f"{causes} ({done} other partitions were computed{more})")
