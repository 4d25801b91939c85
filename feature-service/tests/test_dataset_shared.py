"""Two services over one database and one folder of data sets: one builds, the other serves and deletes."""

import asyncio

import numpy as np
import pandas as pd
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.dataset.folder import DatasetFolder
from penstock_kit.database import sqlite_url

ROWS = 400
TABLE = pd.DataFrame(
    {
        "timestamp": pd.date_range("2026-01-01", periods=ROWS, freq="s").strftime("%Y-%m-%dT%H:%M:%SZ"),
        "a": np.sin(np.arange(ROWS)),
        "state": np.where(np.arange(ROWS) % 80 < 40, "on", "off"),
    }
)


async def build(service):
    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=TABLE.to_csv(index=False).encode())

    await service.features.Ingest(messages())
    model = pb.DataModel(model_code="m", label_column="state")
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    options = pb.ExtractionOptions(window_size=20, overlap=0, features=["mean"], fields=["a"])
    return (await service.features.CreateDataset(pb.CreateDatasetRequest(model_code="m", options=options))).dataset


async def download(service, dataset_id, **wanted):
    content = b""
    async with service.features.DownloadDataset(pb.DownloadDatasetRequest(id=dataset_id, **wanted)) as messages:
        async for message in messages:
            content += message.chunk
    return content


@pytest.fixture
async def replicas(tmp_path, start_service):
    shared = {"DATABASE_URL": sqlite_url(tmp_path / "feature.db"), "DATASET_FOLDER": str(tmp_path / "shared")}
    async with (
        start_service(tmp_path / "first", **shared) as first,
        start_service(tmp_path / "second", **shared) as second,
    ):
        yield first, second


@pytest.mark.parametrize("file_format", ["npz", "parquet", "csv"])
async def test_what_one_replica_built_another_serves_whole_and_in_parts(replicas, file_format):
    first, second = replicas
    dataset = await build(first)
    assert dataset.state == "done"
    whole = await download(second, dataset.id, format=file_format)
    assert whole == await download(first, dataset.id, format=file_format)
    assert len(whole) > 200
    assert await download(second, dataset.id, format=file_format, offset=100, length=50) == whole[100:150]
    assert await download(second, dataset.id, format=file_format, offset=-30) == whole[-30:]


async def test_what_one_replica_built_another_deletes_with_its_files(replicas, tmp_path):
    first, second = replicas
    dataset = await build(first)
    assert (tmp_path / "shared" / dataset.id / "data.npz").exists()
    await second.features.DeleteDataset(pb.DeleteDatasetRequest(id=dataset.id))
    assert not (tmp_path / "shared" / dataset.id).exists()


async def test_replicas_that_make_one_form_at_once_leave_one_whole_file(replicas, tmp_path):
    dataset = await build(replicas[0])
    found = await asyncio.gather(*(download(each, dataset.id, format="csv") for each in (*replicas, *replicas)))
    assert len(set(found)) == 1
    left = sorted(path.name for path in (tmp_path / "shared" / dataset.id).iterdir())
    assert left == ["data.csv", "data.npz"]


def test_replicas_that_share_the_files_are_two_all_the_same(tmp_path):
    first, second = (
        DatasetFolder(tmp_path / "shared", own_folder=tmp_path / name / "datasets") for name in ("first", "second")
    )
    assert first.owner() != second.owner()
    assert first.owner() == first.owner()
