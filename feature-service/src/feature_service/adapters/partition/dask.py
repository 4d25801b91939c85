"""Partitions computed by a Dask cluster (the extra `distributed`), whose workers run the same version of Penstock."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# distributed is an extra.

import threading
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Final

from feature_service.adapters.partition.ordered import run_ordered
from feature_service.domain.dataset.partition import (
    Partition,
    PartitionFailed,
    PartitionFeatures,
    Told,
    run_partition,
)
from penstock_kit.errors import FailedPrecondition, Unavailable

_CONNECT_SECONDS: Final = 5
_MOST_AT_ONCE: Final = 64
TRIES: Final = 3
"""How many workers may end over one partition."""
_LOOK_SECONDS: Final = 1.0
"""How often a task is looked at, whether its rows are lost: nothing tells of that."""


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
        cluster = _Cluster(self._address)
        try:
            yield from run_ordered(cluster.compute, partitions, told, workers=cluster.threads(), abort=cluster.cancel)
        finally:
            cluster.close()


class _WorkerLost(Exception):  # noqa: N818 - another may do it
    """A worker is gone, and what it had with it."""


class _Cluster:
    """A connection to the scheduler, and the tasks that wait there.

    Rows go to a worker directly and features come from it so: the scheduler has neither in its memory. When the worker
    is lost, the rows are sent again, from here, to another.
    """

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
        """Return the features of a partition, by another worker when one is lost with its rows.

        Raises PartitionFailed when the last of TRIES was lost or no worker is left, Unavailable when the cluster is.
        """
        for tried in range(TRIES):
            try:
                return self._computed(partition)
            except _WorkerLost:
                continue
            except TimeoutError:  # no worker took the rows
                if not tried:
                    raise self._unavailable("has no worker") from None
                break
        raise PartitionFailed(
            f"the Dask cluster at DASK_SCHEDULER_ADDRESS={self._address} lost worker after worker over the rows of "
            f"{partition.device_code!r} of {partition.day}"
        )

    def _computed(self, partition: Partition) -> PartitionFeatures:
        from distributed import CancelledError, KilledWorker

        task: Any = None
        try:
            rows = self._scattered(partition)
            task = self._submitted(partition, rows)
            return self._result(task)
        except KilledWorker:
            raise _WorkerLost from None
        except TimeoutError:
            raise
        except CancelledError as error:
            if self._is_cancelled or self._client.status != "running":
                raise self._unavailable("broke off") from error
            raise _WorkerLost from None
        except OSError as error:
            self._require_scheduler(error)
            raise _WorkerLost from None
        finally:
            with self._lock:
                self._tasks.discard(task)

    def _scattered(self, partition: Partition) -> Any:
        """Send the rows to a worker, past the scheduler, which is then told who has them."""
        try:
            return self._client.scatter(partition.spec, direct=True, hash=False)
        except KeyError:  # the scheduler's, which knows the worker no more
            raise _WorkerLost from None

    def _require_scheduler(self, error: OSError) -> None:
        """Raise Unavailable unless the connection that broke with `error` is one to a worker: the scheduler answers."""
        if self._is_cancelled or self._client.status != "running":
            raise self._unavailable("broke off") from error
        try:
            self._client.ncores()
        except OSError:
            raise self._unavailable("broke off") from error

    def _submitted(self, partition: Partition, rows: Any) -> Any:
        with self._lock:
            if self._is_cancelled:
                raise self._unavailable("is wanted no more")
            # The key is of this one run: a kept result would be that of rows that have changed since.
            task = self._client.submit(run_partition, partition.device_code, partition.day, rows, pure=False)
            self._tasks.add(task)
            return task

    @staticmethod
    def _result(task: Any) -> PartitionFeatures:
        """Wait for the features, for ever longer where they are on their way."""
        seconds = _LOOK_SECONDS
        while True:
            try:
                return task.result(timeout=seconds)
            except TimeoutError:
                if task.status == "lost":
                    raise _WorkerLost from None
                if task.status == "finished":
                    seconds *= 2

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
