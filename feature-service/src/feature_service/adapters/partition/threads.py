"""Partitions computed by threads of this process: NumPy lets go of the interpreter while it computes."""

import threading
from collections.abc import Iterable, Iterator

from feature_service.adapters.partition.ordered import run_ordered
from feature_service.domain.dataset.partition import Partition, PartitionFeatures, Told, run_partition


class _Aborted(Exception):  # noqa: N818 - nothing went wrong
    """The run is wanted no more."""


class ThreadRunner:
    """See :class:`feature_service.domain.dataset.partition.PartitionRunner` for what the methods promise."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, partitions: Iterable[Partition], told: Told) -> Iterator[tuple[Partition, PartitionFeatures]]:
        """Yield every partition with its features."""
        aborted = threading.Event()

        def check(share: float) -> None:
            if aborted.is_set():
                raise _Aborted

        def compute(partition: Partition) -> PartitionFeatures:
            return run_partition(partition.device_code, partition.day, partition.spec, check)

        return run_ordered(compute, partitions, told, workers=self._workers, abort=aborted.set)
