"""A job that is cancelled stops its work, and leaves no file behind."""

import asyncio
import threading

import numpy as np
import pytest

from feature_service.adapters.dataset.folder import DatasetFolder
from feature_service.adapters.dataset.sql_store import SqlDatasetStore
from feature_service.domain.dataset.build import LabelledRows, build_dataset
from feature_service.domain.dataset.jobs import DatasetJobs
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import NotFound
from penstock_testkit.clock import ManualClock

PLAN = DatasetPlan(
    model_code="m", label_field="l", extraction=ExtractionPlan(window=WindowPlan(size=2, overlap=0), features=("mean",))
)
BOUND = 60


class GatedDevices(dict):
    """The rows of many devices; whoever takes those of the second while building waits at a gate."""

    def __init__(self, devices):
        rows = LabelledRows(
            frame=Frame(timestamps=np.arange(20).astype("datetime64[us]"), numbers={"x": np.arange(20.0)}),
            labels=np.arange(20.0) % 2,
        )
        super().__init__({f"d{number}": rows for number in range(devices)})
        self.taken = 0
        self.reached, self.gate = threading.Event(), threading.Event()

    def __getitem__(self, code):
        self.taken += 1
        if self.taken == len(self) + 2:
            # Fitting took each once; this is the second row range that is made windows of.
            self.reached.set()
            assert self.gate.wait(BOUND)
        return super().__getitem__(code)


class GatedSource:
    """A source of gated devices."""

    def __init__(self, devices):
        self.devices = devices

    async def check(self, tenant_id, plan):
        """Find nothing wrong."""

    async def rows(self, tenant_id, plan, room=None):
        """Return the devices."""
        return self.devices


@pytest.fixture
async def store(tmp_path, migrated_database):
    (tmp_path / "feature.db").write_bytes(migrated_database.read_bytes())
    database = open_database(sqlite_url(tmp_path / "feature.db"))
    yield SqlDatasetStore(database)
    await database.close()


class FailingSource(GatedSource):
    """A source of no devices that fails."""

    def __init__(self, error):
        super().__init__({})
        self.error = error

    async def rows(self, tenant_id, plan, room=None):
        """Fail."""
        raise self.error


def jobs_of(source, store, folder, report=lambda error: None):
    numbers = iter(range(10))
    return DatasetJobs(
        source=source if isinstance(source, GatedSource) else GatedSource(source),
        store=store,
        files=DatasetFolder(folder),
        clock=ManualClock(),
        new_id=lambda: f"ds_{next(numbers)}",
        report=report,
        owner="here",
    )


async def test_a_removed_job_stops_within_its_stretch_and_is_waited_for(store, tmp_path):
    devices = GatedDevices(50)
    dataset_jobs = jobs_of(devices, store, tmp_path / "datasets")
    dataset = await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=0)
    assert await asyncio.to_thread(devices.reached.wait, BOUND)
    removing = asyncio.create_task(dataset_jobs.remove("t", dataset.id))
    done, _ = await asyncio.wait([removing], timeout=0.1)
    assert not done, "the thread that builds is still at work, and the next job may not begin beside it"
    taken = devices.taken
    devices.gate.set()
    await asyncio.wait_for(removing, BOUND)
    assert devices.taken == taken
    with pytest.raises(NotFound):
        await dataset_jobs.dataset("t", dataset.id)
    assert not (tmp_path / "datasets" / dataset.id).exists()


async def test_the_next_job_runs_after_one_that_was_stopped(store, tmp_path):
    devices = GatedDevices(3)
    dataset_jobs = jobs_of(devices, store, tmp_path / "datasets")
    first = await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=0)
    assert await asyncio.to_thread(devices.reached.wait, BOUND)
    devices.gate.set()
    await dataset_jobs.remove("t", first.id)
    second = await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=BOUND)
    assert (second.state.value, second.failure) == ("done", "")


async def test_stopping_the_service_stops_the_job(store, tmp_path):
    devices = GatedDevices(50)
    dataset_jobs = jobs_of(devices, store, tmp_path / "datasets")
    dataset = await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=0)
    assert await asyncio.to_thread(devices.reached.wait, BOUND)
    stopping = asyncio.create_task(dataset_jobs.stop())
    done, _ = await asyncio.wait([stopping], timeout=0.1)
    assert not done
    devices.gate.set()
    await asyncio.wait_for(stopping, BOUND)
    assert (await dataset_jobs.dataset("t", dataset.id)).failure == "it was stopped"
    assert devices.taken == 52


@pytest.mark.parametrize(
    ("error", "failure", "told"),
    [
        (ValueError("a secret path"), "an internal error; see the service's log", True),
        (NotFound("unknown model 'm'", reason="DATA_MODEL_NOT_FOUND"), "unknown model 'm'", False),
    ],
    ids=["unforeseen", "foreseen"],
)
async def test_a_build_that_fails_says_why_and_only_what_nobody_foresaw_is_reported(
    store, tmp_path, error, failure, told
):
    reported = []
    dataset_jobs = jobs_of(FailingSource(error), store, tmp_path / "datasets", reported.append)
    with pytest.raises(type(error), match=str(error)):
        await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=BOUND)
    assert reported == ([error] if told else [])
    dataset = await dataset_jobs.dataset("t", "ds_0")
    assert (dataset.state.value, dataset.failure) == ("failed", failure)


def test_what_is_told_of_progress_can_end_a_build():
    told = []

    def stop_at_a_half(share):
        told.append(share)
        if share >= 0.5:
            raise InterruptedError

    rows = LabelledRows(
        frame=Frame(
            timestamps=np.arange(80).astype("datetime64[us]"), numbers={name: np.arange(80.0) for name in "abcd"}
        ),
        labels=np.arange(80.0) % 2,
    )
    with pytest.raises(InterruptedError):
        build_dataset({"d": rows}, PLAN, stop_at_a_half)
    assert told == [0.125, 0.25, 0.375, 0.5]
