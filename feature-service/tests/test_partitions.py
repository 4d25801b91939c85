"""Data sets are computed in partitions, the same to the bit by threads, processes and a Dask cluster."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.partition.dask import DaskRunner
from feature_service.adapters.partition.processes import ProcessRunner, WorkerPool
from feature_service.adapters.partition.threads import ThreadRunner
from feature_service.composition.partitions import partition_runner
from feature_service.domain.dataset import partition as partition_module
from feature_service.domain.dataset.build import LabelledRows, build_dataset
from feature_service.domain.dataset.partition import InlineRunner, partitions_of, run_partition
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.extraction.extract import CleanRows, feature_matrix
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.catalog import feature_names
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.settings import FeatureSettings
from penstock_kit.errors import Unavailable

BOUND = 60
WINDOW = WindowPlan(size=64, overlap=0.5)
PLAN = DatasetPlan(
    model_code="m", label_field="l", extraction=ExtractionPlan(window=WINDOW, features=tuple(feature_names()))
)


def rows_of(count, seed, holes=True):
    random = np.random.default_rng(seed)
    values = {name: 1e3 + random.normal(size=count).cumsum() for name in ("current", "voltage")}
    if holes:
        values["current"][random.random(count) < 0.02] = np.nan
    times = np.datetime64("2026-03-01T20:00", "us") + np.arange(count) * np.timedelta64(1_000_000, "us")
    return LabelledRows(frame=Frame(timestamps=times, numbers=values), labels=random.integers(0, 2, count) * 1.0)


@pytest.fixture(scope="module")
def devices():
    return {f"d{number}": rows_of(120_000, number) for number in range(2)}


@pytest.fixture(scope="module")
def expected(devices):
    return build_dataset(devices, PLAN, lambda share: None)


def clean_of(count):
    rows = rows_of(count, 7, holes=False).frame
    absent = {name: np.zeros(count, dtype=np.bool_) for name in rows.numbers}
    return CleanRows(frame=rows, absent=absent, kept=np.ones(count, dtype=np.bool_))


def parts_of(clean, window=WINDOW, features=("mean", "slope")):
    windows = clean.windows(window)
    return windows.first, list(partitions_of("d", clean, windows, window=window, features=features))


def assert_same(built, expected):
    for part, other in ((built.training, expected.training), (built.validation, expected.validation)):
        assert part.features.tobytes() == other.features.tobytes()
        assert part.labels.tobytes() == other.labels.tobytes()
        assert part.starts.tobytes() == other.starts.tobytes()
        assert part.purity.tobytes() == other.purity.tobytes()
        assert part.device_codes.tolist() == other.device_codes.tolist()
        assert (part.rows.tolist(), part.unlabelled) == (other.rows.tolist(), other.unlabelled)


def test_partitions_are_the_days_of_a_device_and_together_all_its_windows():
    clean = clean_of(200_000)
    starts, parts = parts_of(clean)
    # The first day has 4 hours of rows, 14,400: too few for a partition of their own.
    assert [part.day for part in parts] == ["2026-03-01", "2026-03-03", "2026-03-04"]
    assert [part.windows.stop for part in parts][-1] == len(starts) == sum(map(len, parts))
    made = np.concatenate([run_partition(part.device_code, part.day, part.spec).values for part in parts])
    assert made.tobytes() == feature_matrix(clean, WINDOW, ("mean", "slope"), clean.windows(WINDOW)).tobytes()


def test_a_day_of_very_many_rows_is_cut():
    clean = clean_of(600_000)
    times = clean.frame.timestamps[0] + np.arange(600_000) * np.timedelta64(1, "us")
    _, parts = parts_of(replace(clean, frame=replace(clean.frame, timestamps=times)))
    assert {part.day for part in parts} == {"2026-03-01"}
    assert len(parts) == 3
    assert all(len(part.spec.rows.frame) <= partition_module.MOST_ROWS + WINDOW.size for part in parts)


def days_of(*rows):
    """Rows of days that follow each other, every second, so many of each day."""
    clean = clean_of(sum(rows))
    day, second = np.timedelta64(86_400_000_000, "us"), np.timedelta64(1_000_000, "us")
    times = [
        np.datetime64("2026-03-01", "us") + number * day + np.arange(count) * second
        for number, count in enumerate(rows)
    ]
    return replace(clean, frame=replace(clean.frame, timestamps=np.concatenate(times)))


def test_a_day_of_few_rows_goes_with_the_next_wherever_it_stands():
    one_by_one = WindowPlan(size=1, overlap=0)
    least = partition_module.LEAST_ROWS
    _, parts = parts_of(days_of(least, 100, least - 100, least, 50), one_by_one)
    assert [(part.day, len(part)) for part in parts] == [
        ("2026-03-01", least),
        ("2026-03-02", least),
        ("2026-03-04", least),
        ("2026-03-05", 50),
    ], "behind the last there is none to go with"


def test_a_partition_has_no_window_that_begins_as_many_rows_behind_its_first_as_are_too_many(monkeypatch):
    monkeypatch.setattr(partition_module, "MOST_ROWS", 300)
    one_by_one = WindowPlan(size=1, overlap=0)
    assert [len(part) for part in parts_of(days_of(300), one_by_one)[1]] == [300]
    assert [len(part) for part in parts_of(days_of(301), one_by_one)[1]] == [300, 1]


@pytest.mark.parametrize("window", [WINDOW, WindowPlan(size=60_000, overlap=0), WindowPlan(size=300_000, overlap=0.9)])
def test_windows_as_long_as_days_are_in_one_partition_each(window):
    clean = clean_of(400_000)
    starts, parts = parts_of(clean, window)
    assert sum(map(len, parts)) == len(starts)
    assert all(len(part.spec.rows.frame) >= window.size for part in parts)


def test_a_window_has_the_same_features_to_the_bit_in_any_company():
    clean = clean_of(5_000)
    window, features = WindowPlan(size=100, overlap=0.9), tuple(feature_names())
    windows = clean.windows(window)
    whole = feature_matrix(clean, window, features, windows)
    for index in range(0, len(windows), 37):
        alone = clean.cut(slice(int(windows.first[index]), int(windows.stop[index])))
        assert feature_matrix(alone, window, features, alone.windows(window)).tobytes() == whole[index].tobytes()


@pytest.mark.parametrize("runner", [ThreadRunner(3), ProcessRunner(2)], ids=["threads", "processes"])
def test_threads_and_processes_make_the_same_bytes(runner, devices, expected):
    shares = []
    assert_same(build_dataset(devices, PLAN, shares.append, runner), expected)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_killed_worker_has_its_partition_computed_by_another():
    _, parts = parts_of(clean_of(30_000), features=tuple(feature_names()))
    part = parts[0]
    expected = run_partition(part.device_code, part.day, part.spec)
    with WorkerPool() as pool:
        pool.compute(part)
        (first,) = pool.process_ids
        os.kill(first, signal.SIGKILL)
        again = pool.compute(part)
        assert first not in pool.process_ids
    assert again.values.tobytes() == expected.values.tobytes()


def test_a_partition_that_ends_every_worker_is_given_up_with_its_name():
    _, parts = parts_of(clean_of(30_000))
    with WorkerPool() as pool:
        done = threading.Event()

        def end_workers():
            while not done.wait(0.005):
                for process in pool.process_ids:
                    os.kill(process, signal.SIGKILL)

        killer = threading.Thread(target=end_workers)
        killer.start()
        try:
            with pytest.raises(Unavailable, match="3 workers ended over the rows of 'd' of 2026-03-01") as refused:
                pool.compute(parts[0])
        finally:
            done.set()
            killer.join()
    assert refused.value.reason == "PARTITION_WORKERS_UNAVAILABLE"


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Nobody wants the data set any more."""


def cancel_after(share_wanted):
    def progress(share):
        if share >= share_wanted:
            raise Cancelled

    return progress


@pytest.mark.parametrize(
    "runner", [InlineRunner(), ThreadRunner(2), ProcessRunner(2)], ids=["inline", "threads", "processes"]
)
def test_a_run_that_is_wanted_no_more_ends_with_its_threads_and_processes(runner, devices):
    with pytest.raises(Cancelled):
        build_dataset(devices, PLAN, cancel_after(0.1), runner)
    assert not [each for each in threading.enumerate() if each.name.startswith("partition")]


def test_closing_the_pool_ends_a_worker_that_computes_at_once():
    clean = clean_of(250_000)
    _, parts = parts_of(clean, WindowPlan(size=10_000, overlap=0.9999), tuple(feature_names()))
    with WorkerPool() as pool:
        failures = []

        def compute():
            try:
                pool.compute(parts[0])
            except Unavailable as error:
                failures.append(error.reason)

        working = threading.Thread(target=compute)
        working.start()
        waited = threading.Event()
        while not pool.process_ids:
            waited.wait(0.01)
        pool.close()
        working.join(BOUND)
    assert failures == ["PARTITION_WORKERS_UNAVAILABLE"]


@contextmanager
def cluster_of(folder, count, **environment):
    """A scheduler and workers, each a process of its own; give the scheduler's file and the workers."""
    file = folder / "scheduler.json"
    log = (folder / "log").open("wb")

    def start(*arguments):
        command = [sys.executable, "-m", *arguments]
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **environment})

    scheduler = start(
        "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
        "--scheduler-file", str(file),
    )  # fmt: skip
    workers = [
        start(
            "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny",
            "--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(folder), "--death-timeout", "60",
        )
        for _ in range(count)
    ]  # fmt: skip
    try:
        yield file, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
        log.close()


@pytest.fixture(scope="module")
def dask_cluster(tmp_path_factory):
    with cluster_of(tmp_path_factory.mktemp("dask"), 2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def scheduler(dask_cluster):
    return address_of(dask_cluster)


def address_of(cluster):
    """The address of a scheduler that has all its workers."""
    from distributed import Client

    file, workers = cluster
    with Client(scheduler_file=str(file), timeout=BOUND, set_as_default=False) as client:
        client.wait_for_workers(len(workers), timeout=BOUND)
        return client.scheduler.address


def test_a_dask_cluster_makes_the_same_bytes_and_goes_on_without_a_killed_worker(
    scheduler, dask_cluster, devices, expected
):
    runner = DaskRunner(scheduler)
    assert_same(build_dataset(devices, PLAN, lambda share: None, runner), expected)
    shares = []

    def kill_one(share):
        if not shares:
            os.kill(dask_cluster[1][0].pid, signal.SIGKILL)
        shares.append(share)

    assert_same(build_dataset(devices, PLAN, kill_one, runner), expected)
    with pytest.raises(Cancelled):
        build_dataset(devices, PLAN, cancel_after(0.1), runner)


@pytest.fixture
def grown(scheduler):
    """Return by how many bytes the peak of the scheduler's memory has grown in this test."""
    from distributed import Client

    with Client(scheduler, timeout=BOUND, set_as_default=False) as client:
        status = Path(f"/proc/{client.run_on_scheduler(os.getpid)}/status")
    if not status.exists():
        pytest.skip("only Linux tells the peak of another process")

    def peak():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024

    before = peak()
    return lambda: peak() - before


def test_features_come_from_the_workers_and_are_never_in_the_memory_of_the_scheduler(scheduler, grown):
    features = ("mean", "min", "max", "range", "first", "last", "energy", "rms", "std", "slope", "skew", "kurtosis")
    _, (part,) = parts_of(clean_of(60_000), WindowPlan(size=8, overlap=0.9), features * 3)
    for _, found in DaskRunner(scheduler).run([part] * 3, nobody):
        assert found.values.nbytes > 30_000_000
    assert grown() < 20_000_000, "features went through the scheduler"


def test_rows_go_to_the_workers_and_are_never_in_the_memory_of_the_scheduler(scheduler, grown):
    _, (part,) = parts_of(clean_of(240_000), WindowPlan(size=240_000, overlap=0), ("mean",))
    numbers = {f"f{number}": np.random.default_rng(number).normal(size=240_000) for number in range(20)}
    absent = {name: np.zeros(240_000, dtype=np.bool_) for name in numbers}
    rows = replace(part.spec.rows, frame=replace(part.spec.rows.frame, numbers=numbers), absent=absent)
    many = replace(part, spec=replace(part.spec, rows=rows))
    for _, found in DaskRunner(scheduler).run([many] * 4, nobody):
        assert found.values.tolist() == [[values.mean() for values in numbers.values()]]
    assert grown() < 20_000_000, "rows went through the scheduler"


def test_a_cluster_that_made_a_partition_makes_it_anew_after_a_late_row(scheduler):
    _, (part,) = parts_of(clean_of(20_000))
    later = replace(part, spec=replace(part.spec, rows=part.spec.rows.cut(slice(None))))
    values = later.spec.rows.frame.numbers["current"].copy()
    values[100] += 1_000.0
    frame = later.spec.rows.frame.with_numbers({**later.spec.rows.frame.numbers, "current": values})
    later = replace(later, spec=replace(later.spec, rows=replace(later.spec.rows, frame=frame)))
    runner = DaskRunner(scheduler)
    made = [next(iter(runner.run([each], nobody)))[1].values.tobytes() for each in (part, later, part)]
    wanted = [run_partition(each.device_code, each.day, each.spec).values.tobytes() for each in (part, later, part)]
    assert made == wanted
    assert made[0] != made[1]


def nobody(partition, share):
    """Take no notice."""


def test_a_partition_over_which_the_workers_of_dask_end_is_given_up_with_its_name(tmp_path):
    _, (part,) = parts_of(clean_of(80_000), WindowPlan(size=1_000, overlap=0.99), tuple(feature_names()))
    with cluster_of(tmp_path, 1, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as cluster:
        address = address_of(cluster)

        def kill(*_):
            if any(client.processing().values()):
                cluster[1][0].kill()

        from distributed import Client

        with (
            Client(address, timeout=BOUND, set_as_default=False) as client,
            pytest.raises(Unavailable, match="lost worker after worker over the rows of 'd' of 2026-03-01") as refused,
        ):
            list(DaskRunner(address).run([part], kill))
    assert refused.value.reason == "PARTITION_WORKERS_UNAVAILABLE"


def test_a_dask_cluster_that_is_not_there_is_named():
    with pytest.raises(Unavailable, match=r"DASK_SCHEDULER_ADDRESS=tcp://127.0.0.1:9 can't be reached") as refused:
        build_dataset({"d": rows_of(1_000, 1)}, PLAN, lambda share: None, DaskRunner("tcp://127.0.0.1:9"))
    assert refused.value.reason == "PARTITION_WORKERS_UNAVAILABLE"


def settings_of(**values):
    return FeatureSettings(_env_file=None, **values)


def test_the_settings_choose_where_partitions_are_computed():
    kinds = {
        InlineRunner: {"PARTITION_WORKERS": 1},
        ThreadRunner: {"PARTITION_WORKERS": 2},
        ProcessRunner: {"PARTITION_BACKEND": "processes"},
        DaskRunner: {"PARTITION_BACKEND": "dask", "DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:8786"},
    }
    assert [type(partition_runner(settings_of(**values))()) for values in kinds.values()] == list(kinds)
    with pytest.raises(ValueError, match="needs DASK_SCHEDULER_ADDRESS"):
        settings_of(PARTITION_BACKEND="dask")


async def test_a_service_told_to_use_processes_builds_the_same_data_set(tmp_path, start_service, as_tenant):
    found = []
    for number, backend in enumerate(("threads", "processes")):
        async with start_service(tmp_path / str(number), PARTITION_BACKEND=backend, PARTITION_WORKERS=2) as running:
            with as_tenant("t"):
                found.append(await built_through(running))
    assert found[0] == found[1]


async def built_through(running):
    csv = "timestamp,x,label\n" + "".join(
        f"{1_700_000_000 + row},{np.sin(row / 9) + row % 7},{row // 50 % 2}\n" for row in range(3_000)
    )

    async def messages():
        yield pb.IngestRequest(
            options=pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        )
        yield pb.IngestRequest(chunk=csv.encode())

    await running.features.Ingest(messages())
    request = pb.CreateDatasetRequest(model_code="m", label_column="label")
    created = (await running.features.CreateDataset(request)).dataset
    wanted = pb.DownloadDatasetRequest(id=created.id, format="csv")
    async with running.features.DownloadDataset(wanted) as chunks:
        return b"".join([message.chunk async for message in chunks])
