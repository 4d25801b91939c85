"""A job that is cancelled stops its work, and leaves no file behind."""

import asyncio
import sys
import threading

import numpy as np
import pytest

from feature_service.adapters.dataset.folder import DatasetFolder
from feature_service.adapters.dataset.sql_store import SqlDatasetStore
from feature_service.domain.dataset.build import LabelledRows, build_dataset
from feature_service.domain.dataset.job_places import MAX_JOBS_OF_TENANT
from feature_service.domain.dataset.jobs import LEASE_SECONDS, DatasetJobs
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.dataset.record import FileFormat
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import FailedPrecondition, NotFound, ResourceExhausted, Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import until, until_true

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


def jobs_of(source, store, folder, *, report=lambda error: None, clock=None, owner="here", number=0):
    numbers = iter(range(number, 50))
    return DatasetJobs(
        source=source if isinstance(source, GatedSource) else GatedSource(source),
        store=store,
        files=DatasetFolder(folder),
        clock=clock or ManualClock(),
        new_id=lambda: f"ds_{next(numbers)}",
        report=report,
        owner=owner,
    )


async def ended(jobs, dataset_id):
    """The data set once nothing more happens to it."""

    async def is_final():
        return (await jobs.dataset("t", dataset_id)).state.is_final

    await until_true(is_final)
    return await jobs.dataset("t", dataset_id)


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


async def test_stopping_the_service_stops_the_job_and_leaves_it_to_the_next_start(store, tmp_path):
    devices = GatedDevices(50)
    dataset_jobs = jobs_of(devices, store, tmp_path / "datasets")
    dataset = await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=0)
    assert await asyncio.to_thread(devices.reached.wait, BOUND)
    stopping = asyncio.create_task(dataset_jobs.stop())
    done, _ = await asyncio.wait([stopping], timeout=0.1)
    assert not done
    devices.gate.set()
    await asyncio.wait_for(stopping, BOUND)
    assert (await dataset_jobs.dataset("t", dataset.id)).state.value == "running"
    assert devices.taken == 52
    for _ in range(4):  # a stop is no attempt that failed, however often it comes
        again = jobs_of(GatedDevices(3), store, tmp_path / "datasets")
        await again.start()
        await again.stop()
    last = jobs_of(GatedDevices(3), store, tmp_path / "datasets")
    last._source.devices.gate.set()
    await last.start()
    assert (await ended(last, dataset.id)).state.value == "done"
    await last.stop()


async def create(dataset_jobs, tenant_id):
    return await dataset_jobs.create(tenant_id, PLAN, request_id="", wait_seconds=0)


async def test_a_tenant_that_queues_data_sets_is_refused_before_another_one_is_and_at_once_too(store, tmp_path):
    devices = GatedDevices(3)
    dataset_jobs = jobs_of(devices, store, tmp_path / "datasets")
    answers = await asyncio.gather(*(create(dataset_jobs, "t") for _ in range(20)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, ResourceExhausted)]
    assert len(refused) == 20 - MAX_JOBS_OF_TENANT
    assert {error.reason for error in refused} == {"DATASET_JOBS_LIMIT_EXCEEDED"}
    other = await create(dataset_jobs, "u")
    devices.gate.set()
    await dataset_jobs.remove("u", other.id)
    for answer in answers:
        if not isinstance(answer, ResourceExhausted):
            await dataset_jobs.remove("t", answer.id)
    await create(dataset_jobs, "t")
    await dataset_jobs.stop()


async def test_tenants_take_turns_at_building_data_sets(store, tmp_path):
    devices = GatedDevices(3)
    dataset_jobs = jobs_of(devices, store, tmp_path / "datasets")
    mine = [await create(dataset_jobs, "t") for _ in range(3)]
    assert await asyncio.to_thread(devices.reached.wait, BOUND)
    theirs = await create(dataset_jobs, "u")
    last, order = dataset_jobs._jobs[mine[2].id], []
    for name, dataset in (("mine", mine[1]), ("mine", mine[2]), ("theirs", theirs)):
        dataset_jobs._jobs[dataset.id].add_done_callback(lambda _, name=name: order.append(name))
    devices.gate.set()
    await asyncio.wait_for(last, BOUND)
    assert order == ["mine", "theirs", "mine"]
    await dataset_jobs.stop()


async def test_a_data_set_that_could_not_be_noted_takes_no_place(store, tmp_path):
    dataset_jobs = jobs_of({}, RefusingStore(store), tmp_path / "datasets")
    for _ in range(MAX_JOBS_OF_TENANT + 1):
        with pytest.raises(Unavailable):
            await create(dataset_jobs, "t")


async def test_a_job_that_another_replica_deleted_ends_and_leaves_no_files(store, tmp_path):
    devices = GatedDevices(3)
    building = jobs_of(devices, store, tmp_path / "datasets")
    other = jobs_of(GatedDevices(3), store, tmp_path / "datasets", owner="other")
    dataset = await building.create("t", PLAN, request_id="", wait_seconds=0)
    assert await asyncio.to_thread(devices.reached.wait, BOUND)
    await other.remove("t", dataset.id)
    devices.gate.set()
    with pytest.raises(NotFound):
        await next(iter(building._jobs.values()))
    assert not (tmp_path / "datasets" / dataset.id).exists()


async def test_what_a_replica_that_is_gone_was_building_another_builds_with_the_same_content(store, tmp_path):
    clock = ManualClock()
    held = GatedDevices(3)
    lost = jobs_of(held, store, tmp_path / "datasets", clock=clock)
    lost_dataset = await lost.create("t", PLAN, request_id="", wait_seconds=0)
    assert await asyncio.to_thread(held.reached.wait, BOUND)
    devices = GatedDevices(3)
    devices.gate.set()
    other = jobs_of(devices, store, tmp_path / "datasets", clock=clock, owner="other", number=1)
    clock.advance(LEASE_SECONDS + 1)
    await other.keep_leases()
    taken = await ended(other, lost_dataset.id)
    plain = await other.create("t", PLAN, request_id="", wait_seconds=BOUND)
    assert (taken.state.value, taken.train_samples) == ("done", plain.train_samples)
    arrays = [np.load(tmp_path / "datasets" / each.id / "data.npz") for each in (taken, plain)]
    assert arrays[0]["X_train"].tobytes() == arrays[1]["X_train"].tobytes()
    held.gate.set()
    with pytest.raises(NotFound, match="is built by another replica"):  # it was only slow: it writes nothing any more
        await next(iter(lost._jobs.values()))
    assert (await lost.dataset("t", lost_dataset.id)) == taken


class NotingStore:
    """A store that notes the progress of each change."""

    def __init__(self, store):
        self.store, self.progress = store, []

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def change(self, tenant_id, dataset, *, owner):
        """Note it and let the store have it."""
        self.progress.append(dataset.progress)
        return await self.store.change(tenant_id, dataset, owner=owner)


class RefusingStore:
    """A store that is away when something is added."""

    def __init__(self, store):
        self.store = store

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def add(self, tenant_id, dataset, lease, plan):
        """Fail."""
        raise Unavailable("the database is away", reason="DATABASE_UNAVAILABLE")


async def test_a_build_is_at_nothing_until_it_tells_of_its_first_part(store, tmp_path):
    devices, noting = GatedDevices(3), NotingStore(store)
    devices.taken = len(devices) + 1  # the gate is before the first device
    dataset_jobs = jobs_of(devices, noting, tmp_path / "datasets")
    await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=0)
    assert await asyncio.to_thread(devices.reached.wait, BOUND)
    seen = len(noting.progress)
    await until(lambda: len(noting.progress) > seen + 1)
    devices.gate.set()
    await dataset_jobs.stop()
    assert set(noting.progress) == {0.0}


async def test_a_service_that_stops_keeps_no_leases_any_more(store, tmp_path):
    before = asyncio.all_tasks()
    dataset_jobs = jobs_of({}, store, tmp_path / "datasets")
    for _ in range(2):
        await dataset_jobs.start()
        assert len(asyncio.all_tasks() - before) == 1
    await dataset_jobs.stop()
    await until(lambda: asyncio.all_tasks() <= before)


async def test_a_build_that_outlasts_its_lease_keeps_it_while_its_replica_lives(store, tmp_path):
    clock, devices = ManualClock(), GatedDevices(3)
    dataset_jobs = jobs_of(devices, store, tmp_path / "datasets", clock=clock)
    other = jobs_of(devices, store, tmp_path / "other", clock=clock, owner="other")
    dataset = await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=0)
    assert await asyncio.to_thread(devices.reached.wait, BOUND)
    taken = []
    for alive in (True, False):
        clock.advance(LEASE_SECONDS - 1)
        if alive:
            await dataset_jobs.keep_leases()
        clock.advance(LEASE_SECONDS - 1)
        await other.keep_leases()
        taken.append(dataset.id in other._jobs)
    devices.gate.set()
    assert taken == [False, True]
    assert (await ended(other, dataset.id)).state.value == "done"
    assert (tmp_path / "other" / dataset.id / "data.npz").exists()
    await dataset_jobs.stop()


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
    dataset_jobs = jobs_of(FailingSource(error), store, tmp_path / "datasets", report=reported.append)
    with pytest.raises(type(error), match=str(error)):
        await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=BOUND)
    assert reported == ([error] if told else [])
    dataset = await dataset_jobs.dataset("t", "ds_0")
    assert (dataset.state.value, dataset.failure) == ("failed", failure)


async def test_a_data_set_that_is_not_done_is_not_downloaded_and_says_why(store, tmp_path):
    error = NotFound("unknown model 'm'", reason="DATA_MODEL_NOT_FOUND")
    dataset_jobs = jobs_of(FailingSource(error), store, tmp_path / "datasets")
    with pytest.raises(NotFound):
        await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=BOUND)
    with pytest.raises(FailedPrecondition, match="data set 'ds_0' is failed: unknown model 'm'") as caught:
        await dataset_jobs.download("t", "ds_0", FileFormat.NPZ)
    assert caught.value.reason == "DATASET_UNAVAILABLE"


async def test_a_replica_deletes_its_own_old_data_sets_and_no_others(store, tmp_path):
    clock, devices = ManualClock(), GatedDevices(3)
    devices.gate.set()
    first, second = (
        jobs_of(devices, store, tmp_path / f"of_{number}", clock=clock, owner=f"replica {number}", number=number)
        for number in range(2)
    )
    for replica in (first, second):
        built = await replica.create("t", PLAN, request_id="", wait_seconds=BOUND)
        assert built.state.value == "done"
    clock.advance(60)
    assert await first.remove_before(int(clock.now().timestamp() * 1e6)) == 1
    assert [each.id for each in await first.datasets("t", before="", limit=10)] == ["ds_1"]
    assert [path.name for path in tmp_path.glob("*/ds_*")] == ["ds_1"]


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


async def test_beside_a_build_the_loop_has_its_turn_within_half_a_millisecond(store, tmp_path):
    usual = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.005)
        devices = GatedDevices(3)
        devices.gate.set()
        dataset_jobs = jobs_of(devices, store, tmp_path / "datasets")
        await dataset_jobs.create("t", PLAN, request_id="", wait_seconds=BOUND)
        assert sys.getswitchinterval() == pytest.approx(0.0005, rel=0.05)
    finally:
        sys.setswitchinterval(usual)
