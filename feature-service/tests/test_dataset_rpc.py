"""Data sets over gRPC: built, followed, downloaded, deleted."""

import asyncio
import io
import json

import numpy as np
import pandas as pd
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import FailedPrecondition, NotFound, PenstockError
from penstock_testkit.waiting import HANG_SECONDS

TABLE = pd.DataFrame(
    {
        "timestamp": pd.date_range("2024-05-01", periods=400, freq="1s"),
        "a": np.random.default_rng(1).normal(size=400),
        "b": np.random.default_rng(2).normal(size=400),
        "state": np.where(np.arange(400) % 100 < 60, "good", "bad"),
        "fault": (np.arange(400) % 100 >= 60).astype(float),
    }
)


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


@pytest.fixture
async def loaded(service):
    for code in ("d1", "d2"):

        async def messages(code=code):
            options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code=code, model_code="m", create=True)
            yield pb.IngestRequest(options=options)
            yield pb.IngestRequest(chunk=TABLE.to_csv(index=False).encode())

        await service.features.Ingest(messages())
    model = pb.DataModel(model_code="m", label_column="state")
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    return service


def request_of(**fields):
    options = fields.pop(
        "options", pb.ExtractionOptions(window_size=20, overlap=0, features=["mean"], fields=["a", "b"])
    )
    return pb.CreateDatasetRequest(model_code="m", options=options, **fields)


async def create(service, **fields):
    return (await service.features.CreateDataset(request_of(**fields))).dataset


async def download(service, dataset_id, file_format=""):
    first, content = None, b""
    request = pb.DownloadDatasetRequest(id=dataset_id, format=file_format)
    async with service.features.DownloadDataset(request) as messages:
        async for message in messages:
            first = first or message
            content += message.chunk
    assert len(content) == first.size_bytes
    return first, content


async def until_final(service, dataset_id):
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            dataset = (await service.features.GetDataset(pb.GetDatasetRequest(id=dataset_id))).dataset
            if dataset.state in {"done", "failed"}:
                return dataset


async def test_a_data_set_is_built_and_downloaded_in_every_form(loaded):
    dataset = await create(loaded, val_split=0.25)
    assert (dataset.state, dataset.progress) == ("done", 1.0)
    assert (dataset.train_samples, dataset.val_samples, dataset.feature_count) == (30, 10, 2)
    assert dict(dataset.class_distribution) == {"bad": 16, "good": 24}
    assert list(dataset.formats) == ["npz", "parquet", "csv"]
    first, content = await download(loaded, dataset.id)
    assert first.filename == f"{dataset.id}.npz"
    with np.load(io.BytesIO(content)) as arrays:
        assert arrays["X_train"].shape == (30, 2)
        assert arrays["X_val"].shape == (10, 2)
        assert set(arrays["y_train"]) == {"good", "bad"}
        assert list(arrays["feature_names"]) == ["a_mean", "b_mean"]
        features = np.vstack([arrays["X_train"], arrays["X_val"]])
        labels = [*arrays["y_train"], *arrays["y_val"]]
    _, content = await download(loaded, dataset.id, "csv")
    table = pd.read_csv(io.BytesIO(content))
    assert list(table) == ["split", "device_code", "timestamp", "label", "a_mean", "b_mean"]
    np.testing.assert_allclose(table[["a_mean", "b_mean"]].to_numpy(), features)
    assert table["label"].tolist() == labels
    _, content = await download(loaded, dataset.id, "parquet")
    again = pd.read_parquet(io.BytesIO(content))
    assert again["timestamp"].iloc[0] == pd.Timestamp("2024-05-01", tz="UTC")
    np.testing.assert_allclose(again[["a_mean", "b_mean"]].to_numpy(), features)


async def test_the_manifest_makes_the_same_features_when_serving(loaded):
    dataset = await create(loaded, val_split=0.5, device_codes=["d1"])
    _, content = await download(loaded, dataset.id, "manifest")
    manifest = json.loads(content)
    assert manifest == json.loads(dataset.manifest_json)
    named = {"field": "state", "mode": "mode", "classes": ["bad", "good"], "commonest": "good"}
    assert manifest["label"] == {**named, "horizon_seconds": 0.0}
    assert (manifest["fields"], manifest["feature_names"]) == (["a", "b"], ["a_mean", "b_mean"])
    assert manifest["training"]["samples"] == 10
    assert manifest["training"]["last_window"] < manifest["validation"]["first_window"]
    _, content = await download(loaded, dataset.id)
    with np.load(io.BytesIO(content)) as arrays:
        validation = arrays["X_val"]
    windows = TABLE["a"].to_numpy().reshape(20, 20).mean(axis=1)
    centre, scale = windows[:10].mean(), windows[:10].std()
    np.testing.assert_allclose((windows[10:] - centre) / scale, validation[:, 0])
    assert manifest["fitted"]["normalize"]["columns"]["a_mean"] == {
        "centre": pytest.approx(centre, rel=1e-9),
        "scale": pytest.approx(scale, rel=1e-9),
    }


async def test_numeric_labels_come_as_whole_numbers(loaded):
    dataset = await create(loaded, label_column="fault", label_mode="any")
    _, content = await download(loaded, dataset.id)
    with np.load(io.BytesIO(content)) as arrays:
        assert arrays["y_train"].dtype == np.int64
        assert set(arrays["y_train"]) == {0, 1}


async def test_the_label_of_the_model_is_never_a_feature(loaded):
    model = pb.DataModel(model_code="m", label_column="fault")
    await loaded.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    options = pb.ExtractionOptions(window_size=20, features=["mean"])
    dataset = await create(loaded, options=options, label_column="state")
    assert list(dataset.feature_names) == ["a_mean", "b_mean"]


async def test_a_detached_build_goes_on_as_a_job(loaded):
    dataset = await create(loaded, detach=True)
    assert dataset.state in {"queued", "running"}
    assert (await until_final(loaded, dataset.id)).state == "done"


async def test_a_job_that_fails_says_why(loaded):
    dataset = await create(loaded, detach=True, options=pb.ExtractionOptions(window_size=350))
    finished = await until_final(loaded, dataset.id)
    assert finished.state == "failed"
    assert "the training part has no labelled window of 350 rows" in finished.failure
    with pytest.raises(FailedPrecondition, match="is failed: the training part"):
        await download(loaded, dataset.id)


async def test_the_same_request_id_builds_once(loaded):
    first = await create(loaded, request_id="r1")
    second = await create(loaded, request_id="r1")
    assert second.id == first.id
    assert len((await loaded.features.ListDatasets(pb.ListDatasetsRequest())).datasets) == 1


async def test_data_sets_are_listed_newest_first_by_page(loaded):
    ids = [(await create(loaded)).id for _ in range(3)]
    first = await loaded.features.ListDatasets(pb.ListDatasetsRequest(page_size=2))
    second = await loaded.features.ListDatasets(pb.ListDatasetsRequest(page_size=2, page_token=first.next_page_token))
    assert [dataset.id for dataset in (*first.datasets, *second.datasets)] == ids[::-1]
    assert second.next_page_token == ""


async def test_a_deleted_data_set_is_gone_with_its_files(loaded, tmp_path):
    dataset = await create(loaded)
    assert (tmp_path / "datasets" / dataset.id / "data.npz").exists()
    await loaded.features.DeleteDataset(pb.DeleteDatasetRequest(id=dataset.id))
    assert not (tmp_path / "datasets" / dataset.id).exists()
    with pytest.raises(NotFound, match="unknown data set"):
        await loaded.features.GetDataset(pb.GetDatasetRequest(id=dataset.id))


async def test_a_job_can_be_deleted_while_it_waits(loaded):
    waiting = [await create(loaded, detach=True) for _ in range(3)]
    await loaded.features.DeleteDataset(pb.DeleteDatasetRequest(id=waiting[2].id))
    assert (await until_final(loaded, waiting[1].id)).state == "done"
    with pytest.raises(NotFound):
        await loaded.features.GetDataset(pb.GetDatasetRequest(id=waiting[2].id))


async def test_what_a_stop_left_unfinished_ends_after_the_start_as_it_would_have(
    tmp_path, start_service, migrated_database
):
    async with start_service(tmp_path) as service:
        model = pb.DataModel(model_code="m", label_column="l", fields=[pb.Field(field_code="l")])
        await service.metadata.CreateDataModel(pb.CreateDataModelRequest(model=model))
        await service.metadata.CreateDevice(pb.CreateDeviceRequest(device=pb.Device(device_code="d", model_code="m")))
        dataset = await create(service, detach=True, options=pb.ExtractionOptions())
    async with start_service(tmp_path) as service:
        found = await until_final(service, dataset.id)
    assert (found.state, "d" in found.failure, "service" in found.failure) == ("failed", True, False), found.failure


async def test_another_tenant_has_other_data_sets(loaded, as_tenant):
    dataset = await create(loaded, request_id="r")
    with as_tenant("other"):
        for call in (
            lambda: loaded.features.GetDataset(pb.GetDatasetRequest(id=dataset.id)),
            lambda: loaded.features.DeleteDataset(pb.DeleteDatasetRequest(id=dataset.id)),
            lambda: download(loaded, dataset.id),
            lambda: create(loaded),
        ):
            with pytest.raises(NotFound):
                await call()
        assert not (await loaded.features.ListDatasets(pb.ListDatasetsRequest())).datasets


async def test_the_request_id_of_another_tenant_makes_a_data_set_of_its_own(loaded, as_tenant):
    first = await create(loaded, request_id="same")
    with as_tenant("other"):
        for code in ("d1", "d2"):

            async def messages(code=code):
                options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code=code, model_code="m", create=True)
                yield pb.IngestRequest(options=options)
                yield pb.IngestRequest(chunk=TABLE.to_csv(index=False).encode())

            await loaded.features.Ingest(messages())
        second = await create(loaded, request_id="same", label_column="state")
        assert (second.id != first.id, second.state) == (True, "done")
        assert (await create(loaded, request_id="same", label_column="state")).id == second.id
    assert (await create(loaded, request_id="same")).id == first.id


@pytest.mark.parametrize("labels", [["007", "07", "7"], ["1000000", "1000001", "1000002"], ["1.0", "NULL", "ß 日本"]])
async def test_labels_come_out_as_they_went_in_in_every_form(service, labels):
    field = pb.Field(field_code="label", data_type="text")
    model = pb.DataModel(model_code="m", label_column="label", fields=[pb.Field(field_code="a"), field])
    await service.metadata.CreateDataModel(pb.CreateDataModelRequest(model=model))
    rows = "".join(f"{1_704_067_200 + row},{row},{labels[row // 4 % 3]}\n" for row in range(120))

    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=f"timestamp,a,label\n{rows}".encode())

    await service.features.Ingest(messages())
    options = pb.ExtractionOptions(window_size=4, overlap=0, features=["mean"])
    dataset = await create(service, options=options)
    assert dict(dataset.class_distribution) == dict.fromkeys(labels, 10)
    assert json.loads(dataset.manifest_json)["label"]["classes"] == sorted(labels)
    _, content = await download(service, dataset.id)
    with np.load(io.BytesIO(content)) as arrays:
        assert set(arrays["y_train"]) == set(labels)
    _, content = await download(service, dataset.id, "parquet")
    assert set(pd.read_parquet(io.BytesIO(content))["label"]) == set(labels)
    _, content = await download(service, dataset.id, "csv")
    assert set(pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)["label"]) == set(labels)


async def test_an_unknown_form_is_answered_with_the_known_ones(loaded):
    dataset = await create(loaded)
    with pytest.raises(PenstockError, match="format is 'xls'; it must be one of: npz, parquet, csv"):
        await download(loaded, dataset.id, "xls")


async def test_a_label_that_is_a_number_is_no_feature_unless_it_is_asked_for(loaded):
    model = pb.DataModel(model_code="m", label_column="fault")
    await loaded.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    options = pb.ExtractionOptions(window_size=20, overlap=0, features=["mean"])
    asked = {"model_code": "m", "device_code": "d1", "options": options}
    table = await loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(**asked))
    assert list(table.feature_names) == ["a_mean", "b_mean"]
    _, content = await download(loaded, (await create(loaded, options=options)).id)
    with np.load(io.BytesIO(content)) as arrays:
        assert list(arrays["feature_names"]) == ["a_mean", "b_mean"]
        assert set(arrays["y_train"].tolist()) == {0, 1}
    options.fields.extend(["a", "fault"])
    table = await loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(**asked))
    assert list(table.feature_names) == ["a_mean", "fault_mean"]
