"""Statistics of the rows that fit conditions, percentiles, times of extremes, correlations and counts of values."""

import numpy as np
import orjson
import pandas as pd
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import InvalidArgument, NotFound

START = pd.Timestamp("2024-05-01")
NOISE = np.random.default_rng(5)
TABLE = pd.DataFrame(
    {
        "timestamp": pd.date_range(START, periods=400, freq="s"),
        "current": NOISE.normal(100, 20, size=400).round(3),
        "voltage": NOISE.normal(20, 2, size=400).round(3),
        "label": [["good", "porosity", None, "good"][at % 4] for at in range(400)],
    }
)


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


@pytest.fixture
async def loaded(service):
    rows = orjson.loads(TABLE.assign(timestamp=TABLE["timestamp"].astype(str)).to_json(orient="records"))
    body = orjson.dumps({"device_code": "d1", "model_code": "m", "rows": rows})

    async def messages():
        yield pb.IngestRequest(options=pb.IngestOptions(format=pb.INGEST_FORMAT_JSON, create=True))
        yield pb.IngestRequest(chunk=body)

    await service.features.Ingest(messages())
    fields = [pb.Field(field_code="current", data_type="number", unit="A")]
    fields += [pb.Field(field_code="voltage", data_type="number"), pb.Field(field_code="label", data_type="text")]
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=pb.DataModel(model_code="m", fields=fields)))
    return service


def condition(field, operator, value):
    given = pb.Value(text=value) if isinstance(value, str) else pb.Value(number=value)
    return pb.Filter(field=field, operator=operator, values=[given])


async def test_statistics_are_those_of_the_rows_that_fit_every_condition(loaded):
    filters = [
        condition("label", pb.Filter.OPERATOR_EQ, "good"),
        condition("current", pb.Filter.OPERATOR_GT, 90.0),
    ]
    answer = await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1", filters=filters))
    fitting = TABLE[(TABLE["label"] == "good") & (TABLE["current"] > 90)]
    assert (answer.row_count, answer.rows_in_range) == (len(fitting), 400)
    means = {field.field: field.mean for field in answer.statistics}
    assert means == pytest.approx({name: fitting[name].mean() for name in ("current", "voltage")}, rel=1e-12)
    assert answer.first_time == stamp(fitting["timestamp"].iloc[0])


async def test_conditions_that_no_row_fits_are_a_count_of_zero_and_no_error(loaded):
    filters = [condition("current", pb.Filter.OPERATOR_GT, 1e6)]
    answer = await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1", filters=filters))
    assert (answer.row_count, answer.rows_in_range) == (0, 400)
    history = await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1", filters=filters))
    assert list(history.rows.timestamps) == []


async def test_a_range_without_rows_stays_an_error_whatever_the_conditions(loaded):
    request = pb.ComputeStatisticsRequest(
        device_code="d1", start_time=stamp(pd.Timestamp("2030-01-01")), filters=[condition("current", 5, 1.0)]
    )
    with pytest.raises(NotFound, match="there are 400 from"):
        await loaded.features.ComputeStatistics(request)


async def test_percentiles_and_times_of_extremes_are_told_when_asked_for(loaded):
    request = pb.ComputeStatisticsRequest(
        device_code="d1", fields=["voltage"], percentiles=[5, 50, 97.5], extreme_times=True
    )
    (field,) = (await loaded.features.ComputeStatistics(request)).statistics
    column = TABLE.set_index("timestamp")["voltage"]
    assert list(field.percentiles) == pytest.approx([column.quantile(share) for share in (0.05, 0.5, 0.975)])
    assert (field.min_time, field.max_time) == (stamp(column.idxmin()), stamp(column.idxmax()))
    plain = await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1"))
    assert not plain.statistics[0].HasField("min_time")
    assert not plain.statistics[0].percentiles


async def test_correlations_of_the_fields_are_told_when_asked_for(loaded):
    request = pb.ComputeStatisticsRequest(device_code="d1", fields=["current", "voltage"], correlate=True)
    matrix = (await loaded.features.ComputeStatistics(request)).correlation_matrix
    assert matrix[1] == pytest.approx(TABLE["current"].corr(TABLE["voltage"]))


async def test_values_of_text_fields_are_counted_when_asked_for(loaded):
    request = pb.ComputeStatisticsRequest(device_code="d1", value_counts=True)
    counts = (await loaded.features.ComputeStatistics(request)).value_counts
    assert [(each.field, each.value, each.count) for each in counts] == [
        ("label", "good", 200),
        ("label", "porosity", 100),
        ("label", "", 100),
    ]


async def test_statistics_and_rows_name_the_units_of_the_data_model(loaded):
    statistics = (await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1"))).statistics
    assert [(field.field, field.unit) for field in statistics] == [("current", "A"), ("voltage", "")]
    history = await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1", limit=1))
    assert {column.name: column.unit for column in history.rows.columns} == {"current": "A", "voltage": "", "label": ""}


async def test_buckets_hold_the_median_of_the_rows_that_fit(loaded):
    request = pb.QueryHistoryRequest(
        device_code="d1",
        fields=["current"],
        interval=Duration(seconds=100),
        aggregate="median",
        filters=[condition("label", pb.Filter.OPERATOR_EQ, "good")],
    )
    rows = (await loaded.features.QueryHistory(request)).rows
    good = TABLE[TABLE["label"] == "good"].set_index("timestamp")["current"]
    assert list(rows.columns[0].numbers) == pytest.approx(good.resample("100s").median().tolist())


async def test_filters_and_percentiles_that_make_no_sense_are_refused(loaded):
    async def ask(**parts):
        return await loaded.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1", **parts))

    with pytest.raises(InvalidArgument, match=r"percentile 101 is out of range.*from 0 to 100"):
        await ask(percentiles=[101])
    with pytest.raises(InvalidArgument, match="percentile nan is out of range"):
        await ask(percentiles=[float("nan")])
    with pytest.raises(InvalidArgument, match="21 percentiles are too many"):
        await ask(percentiles=range(21))
    with pytest.raises(InvalidArgument, match="the filter on timestamp belongs into the request"):
        await ask(filters=[condition("timestamp", pb.Filter.OPERATOR_GT, "2024-05-01")])
    with pytest.raises(InvalidArgument, match="compares with 'x', but the field holds numbers"):
        await ask(filters=[condition("current", pb.Filter.OPERATOR_EQ, "x")])
    with pytest.raises(InvalidArgument, match="unknown field 'nope'"):
        await ask(filters=[condition("nope", pb.Filter.OPERATOR_EQ, 1.0)])


def stamp(moment):
    proto = Timestamp()
    proto.FromNanoseconds(moment.value)
    return proto
