"""Replicas of the service that share a database: each keeps what it builds, whoever starts or ends beside it."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.dataset.folder import DatasetFolder
from feature_service.adapters.dataset.sql_store import SqlDatasetStore
from feature_service.domain.dataset.jobs import LEASE_SECONDS, DatasetJobs, remove_ended
from feature_service.domain.dataset.record import Dataset, DatasetState, Lease
from penstock_kit.clock import SystemClock
from penstock_kit.database import open_database, sqlite_url
from penstock_testkit.clock import ManualClock

TENANT = "default"


class Unused:
    """A source and files that no test here gets to."""


@pytest.fixture
async def store(tmp_path: Path, migrated_database: Path) -> AsyncIterator[SqlDatasetStore]:
    file = tmp_path / "feature.db"
    shutil.copy(migrated_database, file)
    database = open_database(sqlite_url(file))
    yield SqlDatasetStore(database)
    await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def dataset_jobs(store: SqlDatasetStore, clock: ManualClock, owner: str) -> DatasetJobs:
    unused = Unused()
    return DatasetJobs(source=unused, store=store, files=unused, clock=clock, new_id=str, report=print, owner=owner)


def micros(clock: ManualClock, seconds: float = 0.0) -> int:
    return int((clock.now().timestamp() + seconds) * 1e6)


async def begin(store: SqlDatasetStore, clock: ManualClock, dataset_id: str, owner: str) -> None:
    running = Dataset(id=dataset_id, model_code="m", created=micros(clock), state=DatasetState.RUNNING)
    await store.add(TENANT, running, Lease(owner=owner, until=micros(clock, LEASE_SECONDS)))


async def state_of(store: SqlDatasetStore, dataset_id: str) -> DatasetState:
    found = await store.dataset(TENANT, dataset_id)
    assert found is not None
    return found.state


async def test_a_replica_that_starts_leaves_the_jobs_of_another_alone(
    store: SqlDatasetStore, clock: ManualClock
) -> None:
    await begin(store, clock, "ds_1", "first")
    second = dataset_jobs(store, clock, "second")
    await second.start()
    await second.keep_leases()
    await second.stop()
    assert await state_of(store, "ds_1") is DatasetState.RUNNING


async def test_a_replica_that_starts_again_fails_what_its_earlier_life_left_without_a_plan(
    store: SqlDatasetStore, clock: ManualClock
) -> None:
    await begin(store, clock, "ds_1", "first")
    await begin(store, clock, "ds_2", "second")
    again = dataset_jobs(store, clock, "first")
    await again.start()
    await again.stop()
    assert await state_of(store, "ds_1") is DatasetState.FAILED
    assert await state_of(store, "ds_2") is DatasetState.RUNNING


async def test_what_a_replica_that_is_gone_left_without_a_plan_is_failed_once_its_lease_is_over(
    store: SqlDatasetStore, clock: ManualClock
) -> None:
    await begin(store, clock, "ds_1", "gone")
    other = dataset_jobs(store, clock, "other")
    clock.advance(LEASE_SECONDS - 1)
    await other.keep_leases()
    assert await state_of(store, "ds_1") is DatasetState.RUNNING
    clock.advance(2)
    await other.keep_leases()
    found = await store.dataset(TENANT, "ds_1")
    assert found is not None
    assert (found.state, "the service ended" in found.failure) == (DatasetState.FAILED, True)


async def test_a_lease_that_is_renewed_holds_as_long_again(store: SqlDatasetStore, clock: ManualClock) -> None:
    await begin(store, clock, "ds_1", "first")
    await begin(store, clock, "ds_2", "second")
    clock.advance(LEASE_SECONDS - 1)
    await store.renew(Lease(owner="first", until=micros(clock, LEASE_SECONDS)))
    clock.advance(LEASE_SECONDS - 1)
    assert await store.fail_abandoned("gone", now=micros(clock), attempts=3) == 1
    assert await state_of(store, "ds_1") is DatasetState.RUNNING
    assert await state_of(store, "ds_2") is DatasetState.FAILED


async def test_what_is_finished_stays_as_it_is(store: SqlDatasetStore, clock: ManualClock) -> None:
    done = Dataset(id="ds_1", model_code="m", created=micros(clock), state=DatasetState.DONE)
    await store.add(TENANT, done, Lease(owner="first", until=0))
    assert await store.fail_abandoned("gone", now=micros(clock), attempts=3, owner="first") == 0
    assert await state_of(store, "ds_1") is DatasetState.DONE


def test_a_replica_is_the_same_after_a_restart_and_no_other(tmp_path: Path) -> None:
    first = DatasetFolder(tmp_path / "a").owner()
    assert DatasetFolder(tmp_path / "a").owner() == first
    assert DatasetFolder(tmp_path / "b").owner() != first


async def test_a_service_that_starts_on_a_shared_database_lets_the_others_finish(
    start_service, store: SqlDatasetStore, tmp_path: Path
) -> None:
    now = SystemClock()
    until = int((now.now().timestamp() + LEASE_SECONDS) * 1e6)
    running = Dataset(id="ds_1", model_code="m", created=0, state=DatasetState.RUNNING)
    await store.add(TENANT, running, Lease(owner="another", until=until))
    await store.add(TENANT, replace(running, id="ds_2"), Lease(owner="gone", until=0))
    url = sqlite_url(tmp_path / "feature.db")
    async with start_service(tmp_path / "home", DATABASE_URL=url) as service:
        states = [
            (await service.features.GetDataset(pb.GetDatasetRequest(id=name))).dataset.state
            for name in ("ds_1", "ds_2")
        ]
    assert states == ["running", "failed"]


async def test_a_record_of_the_same_id_of_another_tenant_is_neither_changed_nor_removed(
    store: SqlDatasetStore, clock: ManualClock
) -> None:
    mine = Dataset(id="ds_1", model_code="m", created=micros(clock), state=DatasetState.RUNNING)
    theirs = replace(mine, model_code="n")
    for tenant, each in ((TENANT, mine), ("other", theirs)):
        await store.add(tenant, each, Lease(owner="first", until=micros(clock, LEASE_SECONDS)))
    await store.change(TENANT, replace(mine, state=DatasetState.DONE, progress=1.0), owner="first")
    assert await store.dataset("other", "ds_1") == theirs
    assert await store.remove(TENANT, "ds_1")
    assert not await store.remove(TENANT, "ds_1")
    assert [await store.dataset(tenant, "ds_1") for tenant in (TENANT, "other")] == [None, theirs]


async def test_ended_data_sets_that_are_older_than_their_time_go_with_their_files(
    store: SqlDatasetStore, clock: ManualClock, tmp_path: Path
) -> None:
    files = DatasetFolder(tmp_path / "datasets")
    names = [f"ds_{number:02}" for number in range(45)]
    for name in names:
        await begin(store, clock, name, "first")
        clock.advance(3600)
        done = Dataset(id=name, model_code="m", created=micros(clock), state=DatasetState.DONE)
        await store.change(TENANT, done, owner="first")
        (tmp_path / "datasets" / name).mkdir(parents=True)
    await begin(store, clock, "ds_running", "first")
    await begin(store, clock, "ds_others", "second")
    others = Dataset(id="ds_others", model_code="m", created=0, state=DatasetState.DONE)
    await store.change(TENANT, others, owner="second")
    moment = micros(clock, -3600 * 4.5)
    assert await remove_ended(store, files, moment, owner="first") == 40
    assert await remove_ended(store, files, moment, owner="first") == 0
    left = [found.id for found in await store.datasets(TENANT, before="", limit=100)]
    assert sorted(left) == [*names[40:], "ds_others", "ds_running"]
    assert sorted(path.name for path in (tmp_path / "datasets").iterdir()) == names[40:]
