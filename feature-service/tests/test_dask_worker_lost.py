"""Rows on their way to a worker of Dask that ends while it takes them are sent to another one."""

import copy
import json
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from feature_service.adapters.partition.dask import DaskRunner
from feature_service.domain.dataset.partition import partitions_of, run_partition
from feature_service.domain.extraction.extract import CleanRows
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from penstock_kit.errors import Unavailable
from penstock_testkit.waiting import HANG_SECONDS

WINDOW = WindowPlan(size=64, overlap=0.5)


class Cluster:
    """A scheduler and as many workers as are started, each a process of its own."""

    def __init__(self, folder):
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._processes = []
        self._scheduler = self.start("scheduler", "--port", "0")

    def start(self, kind, *arguments):
        common = ["--scheduler-file", str(self._file), "--host", "127.0.0.1", "--no-dashboard", *arguments]
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *common]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    def start_worker(self):
        """Start a worker, and return when the scheduler knows it."""
        known = self._known()
        worker = self.start("worker", "--nthreads", "1", "--no-nanny", "--death-timeout", "60")
        pause = threading.Event()
        for _ in range(int(HANG_SECONDS / 0.05)):
            if self._known() > known:
                return worker
            pause.wait(0.05)
        raise AssertionError((self._folder / "log").read_text())

    def _known(self):
        return (self._folder / "log").read_text().count("Register worker")

    @property
    def address(self):
        return json.loads(self._file.read_text())["address"]

    def stop_scheduler(self):
        self._scheduler.kill()
        self._scheduler.wait(HANG_SECONDS)

    def stop(self):
        for process in reversed(self._processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


class Rows:
    """The rows of a partition that call `once` when they are first written to a connection."""

    def __init__(self, spec, once):
        self._spec, self._once = spec, once

    def __reduce__(self):
        once, self._once = self._once, None
        if once is not None:
            once()
        return copy.copy, (self._spec,)


def one_partition():
    count = 2_000
    times = np.datetime64("2026-03-01", "us") + np.arange(count) * np.timedelta64(1_000_000, "us")
    frame = Frame(timestamps=times, numbers={"a": np.random.default_rng(1).normal(size=count)})
    clean = CleanRows(frame=frame, absent={"a": np.zeros(count, dtype=np.bool_)}, kept=np.ones(count, dtype=np.bool_))
    (part,) = partitions_of("d", clean, clean.windows(WINDOW), window=WINDOW, features=("mean", "slope"))
    return part


def test_rows_are_sent_to_another_worker_when_the_one_that_takes_them_is_killed_meanwhile(cluster):
    first = cluster.start_worker()
    part = one_partition()
    wanted = run_partition(part.device_code, part.day, part.spec).values
    killed = []

    def replace_the_worker():
        cluster.start_worker()
        first.kill()
        killed.append(first.wait(HANG_SECONDS))

    sent = replace(part, spec=Rows(part.spec, replace_the_worker))
    made = list(DaskRunner(cluster.address).run([sent], lambda partition, share: None))
    assert killed == [-9]
    assert [found.values.tobytes() for _, found in made] == [wanted.tobytes()]


def test_the_run_ends_when_the_scheduler_is_killed_while_rows_are_sent(cluster):
    cluster.start_worker()
    part = one_partition()
    address = cluster.address
    sent = replace(part, spec=Rows(part.spec, cluster.stop_scheduler))
    with pytest.raises(Unavailable, match="broke off") as refused:
        list(DaskRunner(address).run([sent], lambda partition, share: None))
    assert refused.value.reason == "PARTITION_WORKERS_UNAVAILABLE"
