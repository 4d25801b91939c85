"""Features of any number of windows, as files and in pieces: the same as a short answer has."""

import io
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import InvalidArgument, NotFound

ROWS = 2_000


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


@pytest.fixture
async def loaded(service, as_tenant):
    random = np.random.default_rng(5)
    table = pd.DataFrame({f"f{n}": random.normal(size=ROWS) for n in range(5)})
    table.insert(0, "timestamp", pd.date_range("2024-05-01", periods=ROWS, freq="1s"))
    table.loc[300:420, "f3"] = np.nan

    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=table.to_csv(index=False).encode())

    with as_tenant("t"):
        await service.features.Ingest(messages())
        yield service


def asked(**options):
    made = pb.ExtractionOptions(window_size=50, overlap=0.5, missing_value_method="none", **options)
    return pb.ExtractFeaturesRequest(device_code="d", options=made)


async def download(service, file_format, **options):
    request = pb.DownloadFeaturesRequest(extraction=asked(**options), format=file_format)
    async with service.features.DownloadFeatures(request) as messages:
        received = [message async for message in messages]
    return received[0], b"".join(message.chunk for message in received)


@pytest.fixture
async def short(loaded):
    answer = await loaded.features.ExtractFeatures(asked())
    matrix = np.frombuffer(answer.values).reshape(answer.window_count, -1)
    return answer, matrix


async def test_arrow_is_read_by_pandas_and_polars_in_one_line_with_nulls_for_what_is_undefined(loaded, short):
    answer, matrix = short
    first, content = await download(loaded, "arrow")
    assert (first.content_type, first.size_bytes) == ("application/vnd.apache.arrow.file", len(content))
    assert first.filename == "d_features.arrow"
    frame = pd.read_feather(io.BytesIO(content))
    assert list(frame.columns) == ["timestamp", *answer.feature_names]
    np.testing.assert_array_equal(frame[list(answer.feature_names)].to_numpy(), matrix)
    assert frame["timestamp"].astype("datetime64[us, UTC]").astype("int64").tolist() == list(answer.timestamps)
    read = pl.read_ipc(io.BytesIO(content))
    assert read["f3_mean"].null_count() == np.isnan(matrix[:, answer.feature_names[:].index("f3_mean")]).sum() > 0
    assert not read["f3_mean"].is_nan().any()


async def test_parquet_and_npz_hold_the_same(loaded, short):
    answer, matrix = short
    frame = pd.read_parquet(io.BytesIO((await download(loaded, "parquet"))[1]))
    np.testing.assert_array_equal(frame[list(answer.feature_names)].to_numpy(), matrix)
    with np.load(io.BytesIO((await download(loaded, "npz"))[1])) as arrays:
        np.testing.assert_array_equal(arrays["features"], matrix)
        assert arrays["feature_names"].tolist() == list(answer.feature_names)
        assert arrays["timestamps"].astype("int64").tolist() == list(answer.timestamps)
        metadata = json.loads(str(arrays["metadata"]))
    assert metadata["window_count"] == answer.window_count
    assert metadata["fitted"] == json.loads(answer.fitted_json)
    assert metadata["options"]["window_size"] == 50
    assert list(metadata["undefined"]) == ["f3"]


async def test_pieces_hold_the_same(loaded, short):
    answer, matrix = short
    request = pb.DownloadFeaturesRequest(extraction=asked())
    async with loaded.features.DownloadFeatures(request) as messages:
        pieces = [message.piece async for message in messages]
    assert [stamp for piece in pieces for stamp in piece.timestamps] == list(answer.timestamps)
    values = np.frombuffer(b"".join(piece.values for piece in pieces)).reshape(matrix.shape)
    np.testing.assert_array_equal(values, matrix)
    head = pieces[0]
    for name in ("feature_names", "options", "fitted_json", "row_count", "missing_count", "undefined"):
        assert getattr(head, name) == getattr(answer, name)


async def test_an_undefined_feature_is_told_with_its_reason(short):
    answer, matrix = short
    (told,) = answer.undefined
    column = list(answer.feature_names).index("f3_mean")
    assert (told.field, told.windows) == ("f3", int(np.isnan(matrix[:, column]).sum()))
    assert "no value" in told.reason


async def test_windows_do_not_span_gaps_and_the_option_is_told(loaded):
    request = asked()
    request.options.max_gap.FromMilliseconds(500)
    with pytest.raises(Exception, match="the longest stretch has 1"):
        await loaded.features.ExtractFeatures(request)
    request.options.max_gap.FromMilliseconds(1_500)
    assert (await loaded.features.ExtractFeatures(request)).options.max_gap.ToMilliseconds() == 1_500


async def test_what_is_wrong_is_told_before_anything_is_sent(loaded):
    with pytest.raises(InvalidArgument, match="arrow, parquet, npz"):
        await download(loaded, "xml")
    request = pb.DownloadFeaturesRequest(extraction=pb.ExtractFeaturesRequest(device_code="none"), format="arrow")
    with pytest.raises(NotFound):
        async with loaded.features.DownloadFeatures(request) as messages:
            _ = [message async for message in messages]
