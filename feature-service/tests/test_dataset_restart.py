"""A data set that a process left unfinished is built by the next one, from the plan that is kept with it."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from penstock.feature.v1 import feature_pb2 as pb
from sqlalchemy import update

from feature_service.adapters.dataset.plan_json import plan_from_json, plan_to_json
from feature_service.adapters.dataset.sql_store import SqlDatasetStore
from feature_service.adapters.metadata.table import dataset
from feature_service.domain.dataset.plan import DatasetPlan, LabelMode, SplitMethod
from feature_service.domain.dataset.record import Dataset, Lease
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from penstock_kit.database import open_database, sqlite_url
from penstock_testkit.waiting import until_true

FULL = DatasetPlan(
    model_code="m",
    label_field="state",
    device_codes=("d1", "d 2"),
    span=Span(start=1, end=2**53 + 1),
    fields=("a b", "ä"),
    extraction=ExtractionPlan(
        window=WindowPlan(size=20, overlap=0.25, max_gap=5),
        features=("mean", "skew"),
        missing=MissingMethod.MEDIAN,
        outliers=OutlierMethod.CLIP,
        outlier_threshold=0.1,
        normalize=NormalizeMethod.MIN_MAX,
        normalize_is_default=True,
        value_range=(-1.0, 1.0),
    ),
    split=SplitMethod.DEVICE,
    val_split=0.3,
    random_state=7,
    label_mode=LabelMode.ANY,
    horizon=60_000_000,
)
BY_TIME = ExtractionPlan(window=TimeWindowPlan(size=600_000_000, step=60_000_000, min_rows=3, start=1, end=5))


@pytest.mark.parametrize(
    "plan",
    [
        FULL,
        DatasetPlan(model_code="m", label_field=""),
        replace(FULL, extraction=BY_TIME, split=SplitMethod.TIME, embargo=1),
    ],
    ids=["every option", "no option", "windows by time"],
)
def test_a_plan_is_the_same_after_it_was_kept(plan):
    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"by_time": false}', plan_to_json(FULL).replace("size", "rows")])
def test_a_plan_of_another_version_is_none(text):
    assert plan_from_json(text) is None


@pytest.fixture
async def store(tmp_path, migrated_database):
    (tmp_path / "feature.db").write_bytes(migrated_database.read_bytes())
    database = open_database(sqlite_url(tmp_path / "feature.db"))
    yield SqlDatasetStore(database)
    await database.close()


async def test_what_ends_its_process_each_time_is_begun_three_times(store):
    lease = Lease(owner="r", until=100)
    await store.add("t", Dataset(id="ds_1", model_code="m", created=0), lease, FULL)
    begun, failed = [], []
    for _ in range(3):
        failed.append(await store.fail_abandoned("again", now=1, attempts=3, owner="r"))
        begun.append(len(await store.take_abandoned(lease, now=1, attempts=3, limit=9, owner="r")))
    assert (begun, failed) == ([1, 1, 0], [0, 0, 1])
    found = await store.dataset("t", "ds_1")
    assert (found.state.value, found.failure) == ("failed", "again")


async def test_an_orderly_stop_is_no_attempt_and_leaves_the_job_to_whoever_comes_first(store):
    lease = Lease(owner="r", until=100)
    await store.add("t", Dataset(id="ds_1", model_code="m", created=0), lease, FULL)
    for _ in range(5):
        await store.release("r")
        taken = await store.take_abandoned(lease, now=1, attempts=3, limit=9)
        assert [(job.tenant_id, job.dataset.id, job.plan) for job in taken] == [("t", "ds_1", FULL)]


async def test_replicas_that_look_at_once_take_a_job_over_once(store):
    for number in range(5):
        left = Dataset(id=f"ds_{number}", model_code="m", created=0)
        await store.add("t", left, Lease(owner="gone", until=0), FULL)
    leases = [Lease(owner=name, until=100) for name in "abc"]
    found = await asyncio.gather(*(store.take_abandoned(each, now=1, attempts=3, limit=9) for each in leases))
    assert sorted(job.dataset.id for jobs in found for job in jobs) == [f"ds_{number}" for number in range(5)]


async def test_a_job_whose_plan_nobody_can_read_fails(store):
    await store.add("t", Dataset(id="ds_1", model_code="m", created=0), Lease(owner="gone", until=0), FULL)
    async with store._database.write() as connection:
        await connection.execute(update(dataset).values(plan="{}"))
    assert await store.take_abandoned(Lease(owner="a", until=100), now=1, attempts=3, limit=9) == []
    assert await store.fail_abandoned("gone", now=1, attempts=3) == 1


async def ingest(service):
    lines = [f"2026-01-01T00:{row // 60:02}:{row % 60:02}Z,{row % 7},{'ab'[row // 40 % 2]}" for row in range(400)]

    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk="\n".join(["timestamp,x,state", *lines]).encode())

    await service.features.Ingest(messages())


async def dataset_of(service, dataset_id):
    return (await service.features.GetDataset(pb.GetDatasetRequest(id=dataset_id))).dataset


async def test_a_service_that_starts_builds_what_another_process_left_as_that_would_have(start_service, tmp_path):
    url = sqlite_url(tmp_path / "feature.db")
    window = ExtractionPlan(window=WindowPlan(size=10, overlap=0), features=("mean",))
    plan = DatasetPlan(model_code="m", label_field="state", extraction=window)
    options = pb.ExtractionOptions(window_size=10, overlap=0, features=["mean"])
    request = pb.CreateDatasetRequest(model_code="m", label_column="state", options=options)
    async with start_service(tmp_path / "home", DATABASE_URL=url) as service:
        await ingest(service)
        plain = (await service.features.CreateDataset(request)).dataset
    database = open_database(url)
    left = Dataset(id="ds_left", model_code="m", created=0)
    await SqlDatasetStore(database).add("default", left, Lease(owner="gone", until=0), plan)
    await database.close()
    async with start_service(tmp_path / "home", DATABASE_URL=url) as service:

        async def is_ended():
            return (await dataset_of(service, "ds_left")).state in {"done", "failed"}

        await until_true(is_ended)
        found = await dataset_of(service, "ds_left")
    assert (found.state, found.train_samples) == ("done", plain.train_samples)
    folder = tmp_path / "home" / "datasets"
    arrays = [np.load(folder / each / "data.npz")["X_train"] for each in ("ds_left", plain.id)]
    assert arrays[0].tobytes() == arrays[1].tobytes()
