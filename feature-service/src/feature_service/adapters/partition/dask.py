"""Partitions computed by a Dask cluster (the extra `distributed`), whose workers run the same version of Penstock."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# distributed is an extra.

import threading
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Final

from feature_service.adapters.partition.ordered import run_ordered
from feature_service.domain.dataset.partition import Partition, PartitionFeatures, Told, run_partition
from penstock_kit.errors import FailedPrecondition, Unavailable

_CONNECT_SECONDS: Final = 5
_MOST_AT_ONCE: Final = 64
# The rows of a partition are sent in the task itself, so that the scheduler has them when a worker is gone. Features
# come from the worker directly: the scheduler passes them on only where workers can't be reached.
_CONFIG: Final = {"distributed.admin.large-graph-warning-threshold": "1GB"}


class DaskRunner:
    """See :class:`feature_service.domain.dataset.partition.PartitionRunner` for what the methods promise.

    `address` is that of the scheduler. Raises FailedPrecondition EXTRA_UNAVAILABLE.
    """

    def __init__(self, address: str) -> None:
        if find_spec("distributed") is None:
            raise FailedPrecondition(
                "PARTITION_BACKEND=dask needs distributed: pip install 'penstock-feature-service[distributed]'",
                reason="EXTRA_UNAVAILABLE",
            )
        self._address = address

    def run(self, partitions: Iterable[Partition], told: Told) -> Iterator[tuple[Partition, PartitionFeatures]]:
        """Yield every partition with its features; Dask computes those of a lost worker again, on others."""
        import dask.config as dask_config

        with dask_config.set(_CONFIG):
            cluster = _Cluster(self._address)
            try:
                yield from run_ordered(
                    cluster.compute, partitions, told, workers=cluster.threads(), abort=cluster.cancel
                )
            finally:
                cluster.close()


class _Cluster:
    """A connection to the scheduler, and the tasks that wait there."""

    def __init__(self, address: str) -> None:
        from distributed import Client

        self._address = address
        self._lock = threading.Lock()
        self._tasks: set[Any] = set()
        self._is_cancelled = False
        try:
            self._client: Any = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False, direct_to_workers=True)
        except (OSError, ValueError) as error:
            raise self._unavailable(f"can't be reached ({error})") from error

    def threads(self) -> int:
        """Return how many partitions the cluster computes at once. Raises Unavailable when it has no worker."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        if not workers:
            raise self._unavailable("has no worker")
        return min(sum(worker["nthreads"] for worker in workers), _MOST_AT_ONCE)

    def compute(self, partition: Partition) -> PartitionFeatures:
        """Return the features of a partition."""
        from distributed import CancelledError, KilledWorker

        with self._lock:
            if self._is_cancelled:
                raise self._unavailable("is wanted no more")
            task = self._client.submit(run_partition, partition.device_code, partition.day, partition.spec, pure=False)
            self._tasks.add(task)
        try:
            return task.result()
        except KilledWorker as error:
            raise self._unavailable(
                f"lost worker after worker over the rows of {partition.device_code!r} of {partition.day}"
            ) from error
        except (CancelledError, OSError) as error:
            raise self._unavailable("broke off") from error
        finally:
            with self._lock:
                self._tasks.discard(task)

    def cancel(self) -> None:
        """End all tasks."""
        with self._lock:
            self._is_cancelled = True
            tasks = list(self._tasks)
        self._client.cancel(tasks, force=True)

    def close(self) -> None:
        """Leave the scheduler."""
        self._client.close()

    def _unavailable(self, what: str) -> Unavailable:
        return Unavailable(
            f"the Dask cluster at DASK_SCHEDULER_ADDRESS={self._address} {what}",
            reason="PARTITION_WORKERS_UNAVAILABLE",
        )
