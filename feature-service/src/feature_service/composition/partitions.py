"""Where the partitions of data sets are computed, as the settings say."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from feature_service.settings import FeatureSettings, PartitionBackend

if TYPE_CHECKING:
    from feature_service.domain.dataset.partition import PartitionRunner


def partition_runner(settings: FeatureSettings) -> "Callable[[], PartitionRunner]":
    """Return what makes the runner when it is first needed, as it loads NumPy.

    Raises FailedPrecondition EXTRA_UNAVAILABLE at once.
    """
    workers = settings.partition_workers or max(1, (os.cpu_count() or 1) - 1)
    match settings.partition_backend:
        case PartitionBackend.THREADS:
            return lambda: _threads(workers)
        case PartitionBackend.PROCESSES:
            return lambda: _processes(workers)
        case PartitionBackend.DASK:
            dask = _dask(settings.dask_scheduler_address)
            return lambda: dask
        case _:
            assert_never(settings.partition_backend)


def _threads(workers: int) -> "PartitionRunner":
    if workers == 1:
        from feature_service.domain.dataset.partition import InlineRunner

        return InlineRunner()
    from feature_service.adapters.partition.threads import ThreadRunner

    return ThreadRunner(workers)


def _processes(workers: int) -> "PartitionRunner":
    from feature_service.adapters.partition.processes import ProcessRunner

    return ProcessRunner(workers)


def _dask(address: str) -> "PartitionRunner":
    from feature_service.adapters.partition.dask import DaskRunner

    return DaskRunner(address)
