"""Partitions computed by processes of this machine, which a fault or the system may kill without harm to the service.

They are started anew for each run and end with it: what nobody builds with takes no memory. Not the standard library's
pool: one killed process breaks it for all, and it would import the program that started the service.
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Final

from feature_service.adapters.partition.message import read_message, write_message
from feature_service.adapters.partition.ordered import run_ordered
from feature_service.domain.dataset.partition import Partition, PartitionFailed, PartitionFeatures, Told
from feature_service.domain.feature.native_library import chosen_kernel

TRIES: Final = 3
"""How many workers may end over one partition."""
# What a pipe to a worker that has ended, or is ended by another thread, raises.
_ENDED: Final = (EOFError, OSError, ValueError)
_COMMAND: Final = (sys.executable, "-m", "feature_service.adapters.partition.worker")


class ProcessRunner:
    """See :class:`feature_service.domain.dataset.partition.PartitionRunner` for what the methods promise."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, partitions: Iterable[Partition], told: Told) -> Iterator[tuple[Partition, PartitionFeatures]]:
        """Yield every partition with its features; the workers end with the run."""
        with WorkerPool() as pool:
            yield from run_ordered(pool.compute, partitions, told, workers=self._workers, abort=pool.close)


class WorkerPool:
    """The workers of one run: as many as threads ask at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._all: list[subprocess.Popen[bytes]] = []
        self._is_closed = False

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def process_ids(self) -> list[int]:
        """The processes that are there."""
        with self._lock:
            return [worker.pid for worker in self._all]

    def compute(self, partition: Partition) -> PartitionFeatures:
        """Return the features of a partition, by another worker when one ends over it.

        Raises PartitionFailed when the last of TRIES workers ended.
        """
        for _ in range(TRIES):
            with contextlib.suppress(*_ENDED):
                return self._computed(partition)
            if self._is_closed:
                break
        raise PartitionFailed(
            f"{TRIES} workers ended over the rows of {partition.device_code!r} of {partition.day}: were they killed, "
            "or is memory short? Use fewer PARTITION_WORKERS or a smaller window"
        )

    def _computed(self, partition: Partition) -> PartitionFeatures:
        worker = self._acquire()
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            write_message(worker.stdin, (partition.device_code, partition.day, partition.spec))
            made, failure = read_message(worker.stdout)
        except _ENDED:
            self._end([worker])
            raise
        with self._lock:
            self._idle.append(worker)
        if made is None:
            raise RuntimeError(failure)
        return made

    def _acquire(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._is_closed:
                raise EOFError
            if self._idle:
                return self._idle.pop()
            # In a session of its own: Ctrl-C is for the service, which ends its workers.
            command = (*_COMMAND, chosen_kernel().value)
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
            self._all.append(worker)
            return worker

    def close(self) -> None:
        """End all workers at once; those that compute see it as their end."""
        with self._lock:
            self._is_closed = True
            workers, self._all, self._idle = self._all, [], []
        self._end(workers)

    def _end(self, workers: "list[subprocess.Popen[bytes]]") -> None:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait()
            _close_pipes(worker)
            with self._lock, contextlib.suppress(ValueError):
                self._all.remove(worker)


def _close_pipes(worker: "subprocess.Popen[bytes]") -> None:
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
