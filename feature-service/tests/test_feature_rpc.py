"""The contract over gRPC: rows in, answers out, and what is said when something is wrong."""

import json

import numpy as np
import orjson
import pandas as pd
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.edge import convert_extraction, matrix_json
from penstock_kit.errors import (
    InvalidArgument,
    NotFound,
    PayloadTooLarge,
    Unprocessable,
)

DAY = pd.date_range("2024-05-01", periods=600, freq="1s")
RANDOM = np.random.default_rng(11)
TABLE = pd.DataFrame(
    {
        "timestamp": DAY,
        "Pressure": RANDOM.normal(5, 1, 600),
        "Flow Rate": RANDOM.normal(30, 2, 600),
        "label": np.where(np.arange(600) < 450, "good", "bad"),
    }
)
TABLE.loc[5:8, "Pressure"] = np.nan


def timestamp(text):
    moment = Timestamp()
    moment.FromDatetime(pd.Timestamp(text).to_pydatetime())
    return moment


async def ingest(service, body, *, body_format=pb.INGEST_FORMAT_CSV, chunk=1000, **options):
    async def messages():
        yield pb.IngestRequest(options=pb.IngestOptions(format=body_format, **options))
        for start in range(0, len(body), chunk):
            yield pb.IngestRequest(chunk=body[start : start + chunk])

    return await service.features.Ingest(messages())


async def ingest_json(service, **document):
    options = {"create": True} if document.pop("create", True) else {}
    return await ingest(service, orjson.dumps(document), body_format=pb.INGEST_FORMAT_JSON, **options)


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


@pytest.fixture
async def loaded(service):
    await ingest(service, TABLE.to_csv(index=False, sep=";").encode(), device_code="d1", model_code="m", create=True)
    model = pb.DataModel(model_code="m", label_column="label")
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    return service


def columns_of(table):
    return {column.name: list(column.texts) or list(column.numbers) for column in table.columns}


async def test_csv_rows_are_stored_and_counted(service):
    rows = (b"00:00:00;1.5;good", b"00:00:01;x;good", b"00:00:02;2;bad")
    body = b"timestamp;Flow Rate;label\n" + b"".join(b"2024-05-01 %s\n" % row for row in rows)
    answer = await ingest(service, body, device_code="pump 1", model_code="pumps", create=True, chunk=7)
    assert (answer.device_code, answer.model_code) == ("pump 1", "pumps")
    assert (answer.rows_accepted, answer.rows_rejected) == (2, 1)
    assert [(error.line, error.reason) for error in answer.errors] == [(3, "Flow Rate: 'x' is not a number")]
    assert list(answer.fields) == ["Flow Rate", "label"]
    device = (await service.metadata.GetDevice(pb.GetDeviceRequest(device_code="pump 1"))).device
    assert (device.model_code, device.device_type, list(device.fields)) == ("pumps", "pumps", ["Flow Rate", "label"])
    assert device.first_seen_time == timestamp("2024-05-01 00:00:00")
    assert device.last_seen_time == timestamp("2024-05-01 00:00:02")
    model = (await service.metadata.GetDataModel(pb.GetDataModelRequest(model_code="pumps"))).model
    assert [(field.field_code, field.data_type) for field in model.fields] == [
        ("Flow Rate", "number"),
        ("label", "text"),
    ]


async def test_json_rows_are_stored_and_merged(service):
    rows = [{"timestamp": "2024-05-01T00:00:00Z", "a": 1, "b": 5}]
    await ingest_json(service, device_code="d", rows=rows)
    later = [{"timestamp": "2024-05-01T00:00:00Z", "a": 2}, {"timestamp": "2024-04-30T00:00:00Z", "a": 0}]
    answer = await ingest_json(service, device_code="d", create=False, rows=later)
    assert (answer.rows_accepted, answer.rows_rejected) == (2, 0)
    history = await service.features.QueryHistory(pb.QueryHistoryRequest(device_code="d"))
    found = columns_of(history.rows)
    assert found["a"] == [0, 2]
    assert np.isnan(found["b"][0])
    assert found["b"][1] == 5


async def test_the_same_body_twice_changes_nothing(loaded):
    before = await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1"))
    await ingest(loaded, TABLE.to_csv(index=False, sep=";").encode(), device_code="d1")
    after = await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1"))
    assert before == after


async def test_a_body_without_good_rows_is_refused_and_registers_nothing(service):
    body = b"timestamp,a\nnever,1\n"
    with pytest.raises(Unprocessable, match="none of the 1 rows can be stored; line 2: timestamp 'never'") as caught:
        await ingest(service, body, device_code="d", model_code="m", create=True)
    assert (caught.value.reason, caught.value.metadata["rows_rejected"]) == ("ROWS_INVALID", "1")
    answer = await ingest(service, body, device_code="d", model_code="m", create=True, partial=True)
    assert (answer.rows_accepted, answer.rows_rejected) == (0, 1)
    assert (await service.metadata.ListDevices(pb.ListDevicesRequest())).total == 0
    assert (await service.metadata.ListDataModels(pb.ListDataModelsRequest())).total == 0


async def test_a_body_over_the_limit_is_refused(tmp_path, start_service):
    async with start_service(tmp_path, INGEST_MAX_BYTES=2000, INGEST_MAX_JSON_BYTES=1024) as service:
        with pytest.raises(PayloadTooLarge, match="larger than 2000 bytes"):
            await ingest(service, b"x" * 5000, device_code="d", create=True)
        with pytest.raises(PayloadTooLarge, match="JSON body may have 1024 bytes"):
            await ingest_json(service, device_code="d", rows=[{"timestamp": 0, "a": "x" * 1500}])


async def test_an_ingest_without_options_is_explained(service):
    async def chunks_only():
        yield pb.IngestRequest(chunk=b"timestamp,a\n")

    with pytest.raises(InvalidArgument, match="first message of Ingest must be the options"):
        await service.features.Ingest(chunks_only())


async def test_request_and_body_must_name_the_same_device(service):
    body = orjson.dumps({"device_code": "a", "rows": []})
    with pytest.raises(InvalidArgument, match="'b' in the request but 'a' in the body"):
        await ingest(service, body, body_format=pb.INGEST_FORMAT_JSON, device_code="b", create=True)


async def test_new_fields_of_a_device_extend_its_model(loaded):
    await ingest(loaded, b"timestamp,new\n2024-05-02,1\n", device_code="d1", create=True)
    model = (await loaded.metadata.GetDataModel(pb.GetDataModelRequest(model_code="m"))).model
    assert [field.field_code for field in model.fields] == ["Pressure", "Flow Rate", "label", "new"]


async def test_statistics_of_a_range_equal_those_of_pandas(loaded):
    request = pb.ComputeStatisticsRequest(
        device_code="d1",
        fields=["Pressure"],
        start_time=timestamp("2024-05-01 00:00:02"),
        end_time=timestamp("2024-05-01 00:01:00"),
    )
    answer = await loaded.features.ComputeStatistics(request)
    column = TABLE.set_index("timestamp")["Pressure"]["2024-05-01 00:00:02":"2024-05-01 00:00:59"]
    (field,) = answer.statistics
    assert answer.row_count == 58
    assert field.mean == pytest.approx(column.mean(), rel=1e-12)
    assert field.std == pytest.approx(column.std(), rel=1e-12)
    assert field.median == pytest.approx(column.median(), rel=1e-12)
    assert field.missing_ratio == pytest.approx(4 / 58)
    assert (answer.first_time, answer.last_time) == (request.start_time, timestamp("2024-05-01 00:00:59"))


async def test_features_are_those_of_the_windows(loaded):
    options = pb.ExtractionOptions(
        window_size=100, overlap=0.5, normalize_method="none", missing_value_method="mean", features=["mean", "max"]
    )
    answer = await loaded.features.ExtractFeatures(
        pb.ExtractFeaturesRequest(model_code="m", device_code="d1", options=options)
    )
    matrix = np.frombuffer(answer.values, dtype="<f8").reshape(answer.window_count, len(answer.feature_names))
    pressure = TABLE["Pressure"].fillna(TABLE["Pressure"].mean()).to_numpy()
    flow = TABLE["Flow Rate"].to_numpy()
    windows = [slice(start, start + 100) for start in range(0, 501, 50)]
    expected = [[pressure[w].mean(), pressure[w].max(), flow[w].mean(), flow[w].max()] for w in windows]
    np.testing.assert_allclose(matrix, expected, rtol=1e-12)
    assert list(answer.feature_names) == ["Pressure_mean", "Pressure_max", "Flow Rate_mean", "Flow Rate_max"]
    assert list(answer.timestamps) == [DAY[w.start].value // 1000 for w in windows]
    assert (answer.row_count, answer.missing_count, answer.outlier_count) == (600, 4, 0)
    assert list(answer.options.fields) == ["Pressure", "Flow Rate"]
    fitted = json.loads(answer.fitted_json)
    assert fitted["missing_values"]["fills"]["Pressure"] == pytest.approx(TABLE["Pressure"].mean())


@pytest.mark.parametrize("newest", [0, 5])
async def test_the_values_of_features_are_the_same_as_json(loaded, newest):
    options = pb.ExtractionOptions(window_size=3, overlap=0, missing_value_method="none", normalize_method="none")
    request = pb.ExtractFeaturesRequest(device_code="d1", options=options, newest_windows=newest)
    plain = await loaded.features.ExtractFeatures(request)
    request.as_json = True
    as_json = await loaded.features.ExtractFeatures(request)
    matrix = np.frombuffer(plain.values, dtype="<f8").reshape(plain.window_count, -1)
    expected = [[None if np.isnan(value) else value for value in row] for row in matrix.tolist()]
    assert json.loads(as_json.values_json) == expected
    assert (plain.values_json, as_json.values) == (b"", b"")
    assert as_json.timestamps == plain.timestamps
    assert as_json.fitted_json == plain.fitted_json


async def test_values_that_might_fit_into_no_message_as_json_come_as_they_are(loaded, monkeypatch):
    monkeypatch.setattr(convert_extraction, "MAX_BYTES", 1_000)
    answer = await loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="d1", as_json=True))
    assert answer.values_json == b""
    assert len(answer.values) == 8 * answer.window_count * len(answer.feature_names)


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (7, 3), (2, 9)])
def test_a_matrix_is_the_same_json_in_however_many_parts(shape, monkeypatch):
    matrix = np.arange(1.0 + np.prod(shape))[1:].reshape(shape) / 7
    matrix[::3] = np.inf
    whole = matrix_json.matrix_json(matrix)
    monkeypatch.setattr(matrix_json, "_VALUES_AT_ONCE", 6)
    assert matrix_json.matrix_json(np.asfortranarray(matrix)) == whole
    assert json.loads(whole) == [[None if np.isinf(value) else value for value in row] for row in matrix.tolist()]


async def test_extraction_without_options_applies_and_tells_the_defaults(loaded):
    answer = await loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="d1"))
    applied = answer.options
    assert (applied.window_size, applied.overlap) == (100, 0.5)
    assert (applied.normalize_method, applied.missing_value_method) == ("z_score", "interpolate")
    assert (applied.outlier_method, applied.outlier_threshold) == ("none", 1.5)
    assert list(applied.features) == ["mean", "std", "min", "max", "median", "rms", "slope"]
    matrix = np.frombuffer(answer.values, dtype="<f8").reshape(answer.window_count, -1)
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-9)
    scaling = json.loads(answer.fitted_json)["normalize"]["columns"]
    assert set(scaling) == set(answer.feature_names)


async def test_a_models_defaults_hold_where_a_request_says_nothing(loaded):
    defaults = pb.ExtractionOptions(window_size=50, features=["mean", "std"], normalize_method="min_max")
    model = pb.DataModel(model_code="m", defaults=defaults)
    await loaded.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    options = pb.ExtractionOptions(features=["max"], overlap=0)
    answer = await loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="d1", options=options))
    assert (answer.options.window_size, answer.window_count) == (50, 12)
    assert list(answer.options.features) == ["max"]
    assert answer.options.normalize_method == "min_max"


async def test_a_device_of_another_model_is_explained(loaded):
    await ingest(loaded, b"timestamp,a\n2024-05-01,1\n", device_code="d2", model_code="n", create=True)
    with pytest.raises(InvalidArgument, match="device 'd2' is not of model 'm'; its model is 'n'"):
        await loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(model_code="m", device_code="d2"))
    with pytest.raises(InvalidArgument, match="device 'd2' is not of model 'm'"):
        await ingest(loaded, b"timestamp,a\n2024-05-01,1\n", device_code="d2", model_code="m", create=True)


async def test_the_newest_rows_fit_the_filters(loaded):
    filters = [
        pb.Filter(field="label", operator=pb.Filter.OPERATOR_EQ, values=[pb.Value(text="good")]),
        pb.Filter(field="Flow Rate", operator=pb.Filter.OPERATOR_GT, values=[pb.Value(number=30)]),
        pb.Filter(field="timestamp", operator=pb.Filter.OPERATOR_LE, values=[pb.Value(text="2024-05-01T00:05:00Z")]),
        pb.Filter(field="device_code", operator=pb.Filter.OPERATOR_IN, values=[pb.Value(text="d1")]),
    ]
    request = pb.QueryRealtimeRequest(model_code="m", filters=filters, page=2, page_size=10)
    answer = await loaded.features.QueryRealtime(request)
    fitting = TABLE[
        (TABLE["label"] == "good") & (TABLE["Flow Rate"] > 30) & (TABLE["timestamp"] <= "2024-05-01 00:05:00")
    ]
    expected = fitting.iloc[::-1].iloc[10:20]
    assert answer.total == len(fitting)
    assert list(answer.rows.timestamps) == [moment.value // 1000 for moment in expected["timestamp"]]
    assert columns_of(answer.rows)["Flow Rate"] == pytest.approx(expected["Flow Rate"].tolist())
    assert set(answer.rows.device_codes) == {"d1"}


async def test_history_is_down_sampled_by_the_store(loaded):
    request = pb.QueryHistoryRequest(
        device_code="d1", fields=["Flow Rate"], interval=Duration(seconds=60), aggregate="max", limit=3
    )
    answer = await loaded.features.QueryHistory(request)
    expected = TABLE.set_index("timestamp")["Flow Rate"].resample("60s").max()
    assert columns_of(answer.rows)["Flow Rate"] == pytest.approx(expected.iloc[:3].tolist())
    assert answer.truncated
    assert not (await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1"))).truncated


async def test_buckets_come_reduced_in_several_ways_at_once(loaded):
    several = pb.QueryHistoryRequest(
        device_code="d1",
        fields=["Flow Rate"],
        interval=Duration(seconds=60),
        aggregates=["mean", "max", "count"],
        limit=3,
    )
    answer = await loaded.features.QueryHistory(several)
    buckets = TABLE.set_index("timestamp")["Flow Rate"].resample("60s")
    columns = columns_of(answer.rows)
    assert list(columns) == ["Flow Rate_mean", "Flow Rate_max", "Flow Rate_count"]
    assert columns["Flow Rate_mean"] == pytest.approx(buckets.mean().iloc[:3].tolist())
    assert columns["Flow Rate_max"] == pytest.approx(buckets.max().iloc[:3].tolist())
    assert columns["Flow Rate_count"] == pytest.approx(buckets.count().iloc[:3].tolist())
    assert answer.truncated


@pytest.mark.parametrize(
    "wrong",
    [{"aggregates": ["mean", "middle"]}, {"aggregates": ["mean"], "order_by": "Flow Rate"}, {"aggregates": ["max"]}],
)
async def test_several_ways_to_reduce_need_names_and_buckets(loaded, wrong):
    interval = None if wrong == {"aggregates": ["max"]} else Duration(seconds=60)
    with pytest.raises(InvalidArgument) as refused:
        await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1", interval=interval, **wrong))
    assert refused.value.reason == "AGGREGATE_INVALID"


async def test_history_comes_in_few_readings_that_keep_its_shape(loaded):
    request = pb.QueryHistoryRequest(device_code="d1", fields=["Flow Rate"], aggregate="lttb", limit=20)
    answer = await loaded.features.QueryHistory(request)
    known = TABLE.dropna(subset=["Flow Rate"]).set_index("timestamp")["Flow Rate"]
    times = [pd.Timestamp(micros, unit="us") for micros in answer.rows.timestamps]
    assert len(times) == 20
    assert (times[0], times[-1]) == (known.index[0], known.index[-1])
    assert columns_of(answer.rows)["Flow Rate"] == known.loc[times].tolist()
    assert not answer.truncated
    request.newest_first = True
    turned = await loaded.features.QueryHistory(request)
    assert list(turned.rows.timestamps) == list(answer.rows.timestamps)[::-1]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"interval": Duration(seconds=60)}, "AGGREGATE_INVALID"),
        ({"order_by": "Flow Rate"}, "AGGREGATE_INVALID"),
        ({"fields": []}, "AGGREGATE_INVALID"),
        ({"fields": ["Flow Rate", "label"]}, "AGGREGATE_INVALID"),
        (
            {"filters": [pb.Filter(field="Flow Rate", operator=pb.Filter.OPERATOR_GT, values=[pb.Value(number=1)])]},
            "AGGREGATE_INVALID",
        ),
        ({"fields": ["label"]}, "FIELD_TYPE_INVALID"),
        ({"fields": ["nothing"]}, "FIELD_NOT_FOUND"),
        ({"limit": 2}, "LIMIT_INVALID"),
        ({"max_gap": Duration(seconds=-1)}, "MAX_GAP_INVALID"),
        ({"aggregate": "mean", "max_gap": Duration(seconds=1)}, "AGGREGATE_INVALID"),
    ],
)
async def test_few_readings_are_of_one_number_field_as_it_is(loaded, wrong, reason):
    asked = {"device_code": "d1", "fields": ["Flow Rate"], "aggregate": "lttb", "limit": 20, **wrong}
    with pytest.raises(InvalidArgument) as refused:
        await loaded.features.QueryHistory(pb.QueryHistoryRequest(**asked))
    assert refused.value.reason == reason


async def test_feature_stats_without_rows_are_explained(loaded):
    request = pb.GetFeatureStatsRequest(model_code="m", start_time=timestamp("2025-01-01"))
    with pytest.raises(NotFound, match=r"devices of model 'm'.*there are 600"):
        await loaded.features.GetFeatureStats(request)
    await loaded.metadata.CreateDataModel(pb.CreateDataModelRequest(model=pb.DataModel(model_code="empty")))
    with pytest.raises(NotFound, match="no rows of the devices of model 'empty' yet"):
        await loaded.features.GetFeatureStats(pb.GetFeatureStatsRequest(model_code="empty"))


async def test_another_tenant_finds_nothing(loaded, as_tenant):
    calls = {
        "statistics": lambda: loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1")),
        "history": lambda: loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1")),
        "features": lambda: loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="d1")),
        "realtime": lambda: loaded.features.QueryRealtime(pb.QueryRealtimeRequest(model_code="m")),
        "stats": lambda: loaded.features.GetFeatureStats(pb.GetFeatureStatsRequest(model_code="m")),
        "ingest": lambda: ingest(loaded, b"timestamp,a\n2024-05-01,1\n", device_code="d1"),
        "device": lambda: loaded.metadata.GetDevice(pb.GetDeviceRequest(device_code="d1")),
        "deletion": lambda: loaded.metadata.DeleteDevice(pb.DeleteDeviceRequest(device_code="d1")),
        "model": lambda: loaded.metadata.GetDataModel(pb.GetDataModelRequest(model_code="m")),
    }
    with as_tenant("other"):
        for name, call in calls.items():
            with pytest.raises(NotFound) as caught:
                await call()
            assert "d1'" not in caught.value.message.split(";")[-1], name
        assert (await loaded.metadata.ListDevices(pb.ListDevicesRequest())).total == 0
        await ingest(loaded, b"timestamp,a\n2024-05-01,1\n", device_code="d1", create=True)
    statistics = await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1"))
    assert statistics.row_count == 600


async def test_the_status_names_both_stores_without_opening_telemetry(service, tmp_path):
    answer = await service.features.GetStatus(pb.GetStatusRequest())
    assert [(component.name, component.state) for component in answer.components] == [
        ("database", "ok"),
        ("telemetry", "ok"),
    ]
    assert answer.rss_bytes > 10_000_000
    assert not (tmp_path / "telemetry.duckdb").exists()


async def test_windows_by_time_are_those_of_pandas_however_they_are_asked_for(loaded):
    options = pb.ExtractionOptions(
        window_duration=Duration(seconds=60), step_duration=Duration(seconds=20), features=["mean", "max"], min_rows=2
    )
    options.normalize_method, options.missing_value_method = "none", "none"
    request = pb.ExtractFeaturesRequest(device_code="d1", options=options)
    request.start_time.CopyFrom(timestamp("2024-05-01T00:01:10"))
    request.end_time.CopyFrom(timestamp("2024-05-01T00:10:45"))  # the last row is at 00:09:59
    found = await loaded.features.ExtractFeatures(request)
    begins = pd.date_range("2024-05-01T00:01:20", "2024-05-01T00:09:40", freq="20s")
    assert [pd.Timestamp(each, unit="us") for each in found.timestamps] == list(begins)
    rows = TABLE.set_index("timestamp")[["Pressure", "Flow Rate"]]
    each = [rows[begin : begin + pd.Timedelta("60s") - pd.Timedelta("1us")] for begin in begins]
    expected = [[f(part[name]) for name in rows for f in (pd.Series.mean, pd.Series.max)] for part in each]
    matrix = np.frombuffer(found.values).reshape(len(begins), -1)
    np.testing.assert_allclose(matrix, expected, rtol=1e-12)
    assert (found.options.window_duration.seconds, found.options.window_size) == (60, 0)
    pieces = [
        answer.piece
        async for answer in loaded.features.DownloadFeatures(pb.DownloadFeaturesRequest(extraction=request))
    ]
    assert b"".join(piece.values for piece in pieces) == found.values
    assert [left.windows for left in pieces[0].left_out] == [left.windows for left in found.left_out] == []
    stats = await loaded.features.GetFeatureStats(
        pb.GetFeatureStatsRequest(
            model_code="m", start_time=request.start_time, end_time=request.end_time, options=options
        )
    )
    assert stats.sample_count == len(begins)
    assert [entry.max for entry in stats.feature_statistics] == matrix.max(axis=0).tolist()
