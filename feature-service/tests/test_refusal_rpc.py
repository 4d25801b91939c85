"""What can't be answered is explained: the reason, the value, and what would be right. All on one loaded service."""

import numpy as np
import pandas as pd
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import ErrorKind, PenstockError, Unprocessable

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLE = pd.DataFrame(
    {
        "timestamp": pd.date_range("2024-05-01", periods=600, freq="1s"),
        "Pressure": np.random.default_rng(1).normal(size=600),
        "Flow Rate": np.random.default_rng(2).normal(size=600),
        "label": "good",
    }
)


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


def timestamp(text):
    moment = Timestamp()
    moment.FromDatetime(pd.Timestamp(text).to_pydatetime())
    return moment


async def ingest(service, body, *, body_format=pb.INGEST_FORMAT_CSV, **options):
    async def messages():
        yield pb.IngestRequest(options=pb.IngestOptions(format=body_format, **options))
        yield pb.IngestRequest(chunk=body)

    return await service.features.Ingest(messages())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loaded(tmp_path_factory, start_service):
    async with start_service(tmp_path_factory.mktemp("refusals")) as service:
        body = TABLE.to_csv(index=False, sep=";").encode()
        await ingest(service, body, device_code="d1", model_code="m", create=True)
        model = pb.DataModel(model_code="m", label_column="label")
        await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
        yield service


@pytest.mark.parametrize(
    ("options", "reason", "message"),
    [
        ({"device_code": "d1x"}, "DEVICE_NOT_FOUND", "unknown device 'd1x'; did you mean d1.*create=true"),
        ({"device_code": "d1", "model_code": "n"}, "DATA_MODEL_NOT_FOUND", "unknown model 'n'; there is m"),
        ({"device_code": ""}, "DEVICE_CODE_REQUIRED", "no device_code"),
        ({"device_code": "a/b", "create": True}, "CODE_INVALID", "'a/b' is not a code"),
        ({"device_code": "d1", "time_zone": "Mars/Base"}, "TIME_ZONE_INVALID", "time zone 'Mars/Base'"),
        ({"device_code": "d1", "delimiter": ";;"}, "DELIMITER_INVALID", "must be one character"),
        (
            {"device_code": "d1", "timestamp_column": "when"},
            "TIMESTAMP_COLUMN_NOT_FOUND",
            "columns are: timestamp, new",
        ),
        ({"device_code": "d1"}, "FIELD_NOT_FOUND", "unknown field 'new'; the device has: Pressure, Flow Rate, label"),
        (
            {"device_code": "d1", "body_format": pb.INGEST_FORMAT_UNSPECIFIED},
            "FORMAT_INVALID",
            "must be JSON, NDJSON, CSV",
        ),
    ],
)
async def test_an_ingest_that_cannot_be_is_explained(loaded, options, reason, message):
    with pytest.raises(PenstockError, match=message) as caught:
        await ingest(loaded, b"timestamp,new\n2024-05-01,1\n", **options)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("request_fields", "kind", "reason", "message"),
    [
        ({"device_code": "d"}, ErrorKind.NOT_FOUND, "DEVICE_NOT_FOUND", "unknown device 'd'; did you mean d1?"),
        ({"device_code": ""}, ErrorKind.NOT_FOUND, "DEVICE_NOT_FOUND", "no device is named"),
        (
            {"device_code": "d1", "fields": ["pressure"]},
            ErrorKind.INVALID_ARGUMENT,
            "FIELD_NOT_FOUND",
            "unknown field 'pressure'; device 'd1' has: Pressure, Flow Rate, label",
        ),
        (
            {"device_code": "d1", "fields": ["label"]},
            ErrorKind.INVALID_ARGUMENT,
            "FIELD_TYPE_INVALID",
            "field 'label' of device 'd1' holds text; the numeric ones are: Pressure, Flow Rate",
        ),
        (
            {"device_code": "d1", "start_time": "2024-05-02", "end_time": "2024-05-01"},
            ErrorKind.INVALID_ARGUMENT,
            "TIME_RANGE_INVALID",
            "end_time 2024-05-01T00:00:00Z is not after start_time 2024-05-02T00:00:00Z",
        ),
        (
            {"device_code": "d1", "start_time": "2025-01-01"},
            ErrorKind.NOT_FOUND,
            "TIME_RANGE_EMPTY",
            "there are 600 from 2024-05-01T00:00:00Z to 2024-05-01T00:09:59Z",
        ),
    ],
)
async def test_statistics_that_cannot_be_are_explained(loaded, request_fields, kind, reason, message):
    times = {name: timestamp(text) for name, text in request_fields.items() if name.endswith("_time")}
    with pytest.raises(PenstockError) as caught:
        await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(**{**request_fields, **times}))
    assert (caught.value.kind, caught.value.reason) == (kind, reason)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("request_fields", "options", "reason", "message"),
    [
        ({"model_code": "x"}, {}, "DATA_MODEL_NOT_FOUND", "unknown model 'x'; there is m"),
        ({}, {"window_size": 601}, "WINDOW_LIMIT_EXCEEDED", "window_size is 601 but there are only 600 rows"),
        ({}, {"window_size": -1}, "WINDOW_SIZE_INVALID", "window_size is -1"),
        ({}, {"overlap": 1.0}, "OVERLAP_INVALID", "overlap is 1.0; it must be at least 0 and less than 1"),
        ({}, {"features": ["avg"]}, "FEATURE_NOT_FOUND", "unknown feature 'avg'; the features are: mean, std"),
        (
            {},
            {"missing_value_method": "x"},
            "METHOD_INVALID",
            "missing_value_method is 'x'; it must be one of: none",
        ),
        ({}, {"outlier_method": "x"}, "METHOD_INVALID", "outlier_method is 'x'; it must be one of: none, iqr"),
        ({}, {"normalize_method": "x"}, "METHOD_INVALID", "normalize_method is 'x'; it must be one of: none, z_score"),
        ({}, {"outlier_method": "iqr", "outlier_threshold": -2}, "THRESHOLD_INVALID", "outlier_threshold is -2"),
        ({}, {"normalize_method": "min_max", "range_min": 3}, "RANGE_INVALID", "range is [3.0, 1.0]"),
        ({}, {"fields": ["label"]}, "FIELD_TYPE_INVALID", "field 'label' of device 'd1' holds text"),
    ],
)
async def test_an_extraction_that_cannot_be_is_explained(loaded, request_fields, options, reason, message):
    request = pb.ExtractFeaturesRequest(
        **{"device_code": "d1", **request_fields}, options=pb.ExtractionOptions(**options)
    )
    with pytest.raises(PenstockError) as caught:
        await loaded.features.ExtractFeatures(request)
    assert caught.value.reason == reason
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("request_fields", "reason"),
    [
        ({"start_time": Timestamp(seconds=2**62)}, "TIME_INVALID"),
        ({"end_time": Timestamp(seconds=-(2**62))}, "TIME_INVALID"),
        ({"start_time": Timestamp(seconds=253_402_300_800)}, "TIME_INVALID"),
        ({"interval": Duration(seconds=2**62)}, "INTERVAL_INVALID"),
        ({"interval": Duration(seconds=-5)}, "INTERVAL_INVALID"),
        ({"limit": 2**31 - 1}, "LIMIT_INVALID"),
    ],
)
async def test_times_beyond_the_calendar_are_explained(loaded, request_fields, reason):
    with pytest.raises(PenstockError) as caught:
        await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1", **request_fields))
    assert (caught.value.kind, caught.value.reason) == (ErrorKind.INVALID_ARGUMENT, reason)


async def test_a_window_larger_than_the_data_is_unprocessable(loaded):
    options = pb.ExtractionOptions(window_size=1000)
    with pytest.raises(Unprocessable):
        await loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="d1", options=options))


@pytest.mark.parametrize(
    ("request_fields", "reason"),
    [
        ({"model_code": "x"}, "DATA_MODEL_NOT_FOUND"),
        ({"page_size": 1001}, "PAGE_SIZE_INVALID"),
        ({"page": -1}, "PAGE_INVALID"),
        ({"fields": ["nope"]}, "FIELD_NOT_FOUND"),
        ({"filters": [pb.Filter(field="nope", values=[pb.Value(number=1)])]}, "FIELD_NOT_FOUND"),
        ({"filters": [pb.Filter(field="label", values=[pb.Value(number=1)])]}, "FILTER_INVALID"),
        ({"filters": [pb.Filter(field="Pressure")]}, "FILTER_INVALID"),
        ({"filters": [pb.Filter(field="Pressure", values=[pb.Value()])]}, "FILTER_INVALID"),
        ({"filters": [pb.Filter(field="timestamp", values=[pb.Value(text="never")])]}, "FILTER_INVALID"),
        ({"filters": [pb.Filter(field="device_code", operator=3, values=[pb.Value(text="d")])]}, "FILTER_INVALID"),
    ],
)
async def test_a_realtime_query_that_cannot_be_is_explained(loaded, request_fields, reason):
    with pytest.raises(PenstockError) as caught:
        await loaded.features.QueryRealtime(pb.QueryRealtimeRequest(**{"model_code": "m", **request_fields}))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("request_fields", "reason"),
    [
        ({"aggregate": "avg"}, "AGGREGATE_INVALID"),
        ({"limit": 100_001}, "LIMIT_INVALID"),
        ({"interval": Duration(seconds=-1)}, "INTERVAL_INVALID"),
        ({"start_time": timestamp("2025-01-01")}, "TIME_RANGE_EMPTY"),
    ],
)
async def test_a_history_query_that_cannot_be_is_explained(loaded, request_fields, reason):
    with pytest.raises(PenstockError) as caught:
        await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1", **request_fields))
    assert caught.value.reason == reason


@pytest.mark.asyncio(loop_scope="function")
async def test_a_device_and_a_model_without_rows_have_no_data_whatever_field_is_named(service):
    device = pb.Device(device_code="bare", model_code="bare")
    await service.metadata.CreateDataModel(pb.CreateDataModelRequest(model=pb.DataModel(model_code="bare", name="n")))
    await service.metadata.CreateDevice(pb.CreateDeviceRequest(device=device))
    condition = pb.Filter(field="a", values=[pb.Value(number=1)])
    options = pb.ExtractionOptions(fields=["a"])
    asked = (
        service.features.QueryHistory(pb.QueryHistoryRequest(device_code="bare", fields=["a"])),
        service.features.QueryHistory(pb.QueryHistoryRequest(device_code="bare", filters=[condition])),
        service.features.QueryHistory(pb.QueryHistoryRequest(device_code="bare", order_by="a")),
        service.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="bare", fields=["a"])),
        service.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="bare", options=options)),
        service.features.DrawPlot(pb.DrawPlotRequest(device_code="bare", fields=["a"])),
        service.features.QueryRealtime(pb.QueryRealtimeRequest(model_code="bare", fields=["a"])),
    )
    for call in asked:
        with pytest.raises(PenstockError, match=r"there are no rows of .* 'bare' yet, and no field 'a'") as caught:
            await call
        assert (caught.value.kind, caught.value.reason) == (ErrorKind.NOT_FOUND, "DATA_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model_code": "x"}, "DATA_MODEL_NOT_FOUND"),
        ({"device_codes": ["d3"]}, "DEVICE_NOT_FOUND"),
        ({"label_column": "nope"}, "FIELD_NOT_FOUND"),
        ({"options": pb.ExtractionOptions(fields=["nope"])}, "FIELD_NOT_FOUND"),
        ({"options": pb.ExtractionOptions(fields=["label"])}, "FIELD_TYPE_INVALID"),
        ({"label_column": "Pressure", "options": pb.ExtractionOptions(fields=["Pressure"])}, "FIELD_TYPE_INVALID"),
        ({"label_column": "Pressure", "options": pb.ExtractionOptions()}, "CLASSES_LIMIT_EXCEEDED"),
        ({"val_split": 1.5}, "VAL_SPLIT_INVALID"),
        ({"split": "fair"}, "SPLIT_INVALID"),
        ({"label_mode": "first"}, "LABEL_MODE_INVALID"),
        ({"random_state": -1}, "RANDOM_STATE_INVALID"),
        ({"split": "random", "options": pb.ExtractionOptions(overlap=0.5)}, "SPLIT_CONFLICT"),
        ({"start_time": Timestamp(seconds=9), "end_time": Timestamp(seconds=8)}, "TIME_RANGE_INVALID"),
        ({"start_time": Timestamp(seconds=1_900_000_000)}, "TIME_RANGE_EMPTY"),
    ],
)
async def test_a_data_set_that_cannot_be_is_explained(loaded, fields, reason):
    request = pb.CreateDatasetRequest(**{"model_code": "m", **fields})
    with pytest.raises(PenstockError) as caught:
        await loaded.features.CreateDataset(request)
    assert caught.value.reason == reason
