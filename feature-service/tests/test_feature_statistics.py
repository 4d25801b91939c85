"""Statistics of window features over the devices of a model: as pandas gives them, bounded for wide models."""

import io
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.domain.query.column_statistics import column_statistics, correlation_matrix
from penstock_kit.errors import InvalidArgument, NotFound, Unprocessable


async def ingest(service, device_code, columns, rows, model_code="m"):
    times = pa.array(1_704_067_200_000_000 + np.arange(rows) * 1_000_000).cast(pa.timestamp("us"))
    table, sink = pa.table({"timestamp": times, **columns}), io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    async def messages():
        options = pb.IngestOptions(
            format=pb.INGEST_FORMAT_ARROW, device_code=device_code, model_code=model_code, create=True
        )
        yield pb.IngestRequest(options=options)
        body = sink.getvalue()
        for start in range(0, len(body), 1_000_000):
            yield pb.IngestRequest(chunk=body[start : start + 1_000_000])

    await service.features.Ingest(messages())


RANDOM = np.random.default_rng(5)
DEVICES = {
    code: {"a": RANDOM.normal(5, 1, rows), "b c": np.cumsum(RANDOM.normal(size=rows)), "label": ["x"] * rows}
    for code, rows in (("d1", 500), ("d2", 130), ("d3", 40))
}


@pytest.fixture
async def loaded(service):
    for code, columns in DEVICES.items():
        await ingest(service, code, columns, len(columns["a"]))
    return service


def request_of(**fields):
    return pb.GetFeatureStatsRequest(model_code="m", **fields)


def windows(size, step, codes=DEVICES):
    """The means and largest values of all windows, as pandas computes them."""
    rows = []
    for code in codes:
        table = pd.DataFrame({name: DEVICES[code][name] for name in ("a", "b c")})
        for start in range(0, len(table) - size + 1, step):
            window = table.iloc[start : start + size]
            rows.append([window["a"].mean(), window["a"].max(), window["b c"].mean(), window["b c"].max()])
    return pd.DataFrame(rows, columns=["a_mean", "a_max", "b c_mean", "b c_max"])


async def test_statistics_are_those_of_the_windows_as_extraction_names_and_makes_them(loaded):
    options = pb.ExtractionOptions(window_size=50, overlap=0.5, features=["mean", "max"])
    answer = await loaded.features.GetFeatureStats(request_of(options=options))
    expected = windows(50, 25)
    assert [feature.field for feature in answer.feature_statistics] == list(expected)
    assert (answer.sample_count, answer.row_count) == (len(expected), 670)
    for feature in answer.feature_statistics:
        column = expected[feature.field]
        assert (feature.count, feature.missing_ratio) == (len(column), 0.0)
        assert [feature.min, feature.max, feature.mean, feature.std, feature.median] == pytest.approx(
            [column.min(), column.max(), column.mean(), column.std(), column.median()], rel=1e-9
        )
    matrix = np.reshape(answer.correlation_matrix, (4, 4))
    np.testing.assert_allclose(matrix, expected.corr().to_numpy(), rtol=1e-9)
    assert (answer.options.window_size, answer.options.normalize_method) == (50, "none")


async def test_devices_fields_and_correlations_can_be_chosen(loaded):
    options = pb.ExtractionOptions(window_size=10, overlap=0, features=["mean"], fields=["b c"])
    request = request_of(options=options, device_codes=["d3"], without_correlations=True)
    answer = await loaded.features.GetFeatureStats(request)
    assert [feature.field for feature in answer.feature_statistics] == ["b c_mean"]
    assert (answer.sample_count, list(answer.correlation_matrix)) == (4, [])


async def test_the_models_defaults_hold_where_nothing_is_named(loaded):
    defaults = pb.ExtractionOptions(window_size=20, overlap=0, features=["mean"], fields=["a"])
    await loaded.metadata.UpdateDataModel(
        pb.UpdateDataModelRequest(model=pb.DataModel(model_code="m", defaults=defaults))
    )
    answer = await loaded.features.GetFeatureStats(request_of())
    assert [feature.field for feature in answer.feature_statistics] == ["a_mean"]
    assert answer.sample_count == 25 + 6 + 2
    named = await loaded.features.GetFeatureStats(request_of(options=pb.ExtractionOptions(window_size=40)))
    assert (named.options.window_size, named.options.overlap, named.sample_count) == (40, 0.0, 12 + 3 + 1)


async def test_a_window_that_nobody_named_shrinks_to_the_rows_there_are(loaded):
    answer = await loaded.features.GetFeatureStats(request_of(device_codes=["d3"]))
    assert (answer.options.window_size, answer.sample_count) == (40, 1)
    with pytest.raises(Unprocessable, match="window_size is 100 but there are only 40 rows"):
        options = pb.ExtractionOptions(window_size=100)
        await loaded.features.GetFeatureStats(request_of(device_codes=["d3"], options=options))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"fields": ["nope"]}, "FIELD_NOT_FOUND"),
        ({"fields": ["label"]}, "FIELD_TYPE_INVALID"),
        ({"overlap": 2}, "OVERLAP_INVALID"),
    ],
)
async def test_statistics_that_make_no_sense_are_refused(loaded, options, reason):
    with pytest.raises(InvalidArgument) as caught:
        await loaded.features.GetFeatureStats(request_of(options=pb.ExtractionOptions(**options)))
    assert caught.value.reason == reason


async def test_the_statistics_of_2000_fields_are_answered_or_refused_with_what_to_do(service, measured):
    wide = {f"f{number}": RANDOM.normal(size=60) for number in range(2000)}
    await ingest(service, "w", wide, 60, model_code="wide")
    request = pb.GetFeatureStatsRequest(model_code="wide")
    with pytest.raises(Unprocessable, match="say correlations=false") as caught:
        await service.features.GetFeatureStats(request)
    assert caught.value.reason == "CORRELATIONS_LIMIT_EXCEEDED"
    request.without_correlations = True
    began = time.perf_counter()
    answer = await service.features.GetFeatureStats(request)
    measured(f"14,000 statistics in {time.perf_counter() - began:.1f} s, correlations refused with what to do")
    assert len(answer.feature_statistics) == 14_000
    few = pb.ExtractionOptions(features=["mean"], window_size=20, fields=[f"f{number}" for number in range(1500)])
    answer = await service.features.GetFeatureStats(pb.GetFeatureStatsRequest(model_code="wide", options=few))
    assert len(answer.correlation_matrix) == 1500 * 1500
    fields = await service.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="w"))
    assert len(fields.statistics) == 2000
    assert fields.statistics[1999].mean == pytest.approx(wide["f1999"].mean(), rel=1e-12)
    with pytest.raises(Unprocessable, match="name at most 100"):
        await service.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="w", correlate=True))


async def test_an_answer_that_fits_into_no_message_is_refused_with_what_to_do(service):
    rows = 90_000
    await ingest(service, "d", {f"f{number}": np.zeros(rows) for number in range(50)}, rows)
    with pytest.raises(Unprocessable, match="at most 31 MB are sent; ask for fewer fields, a shorter range") as caught:
        await service.features.QueryHistory(pb.QueryHistoryRequest(device_code="d", limit=100_000))
    assert caught.value.reason == "ANSWER_LIMIT_EXCEEDED"
    options = pb.ExtractionOptions(window_size=1, overlap=0, normalize_method="none")
    with pytest.raises(Unprocessable, match="at most 31 MB are sent; ask for a shorter range, a larger window_size"):
        await service.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="d", options=options))


async def test_a_single_window_is_not_scaled_to_zeros(loaded):
    answer = await loaded.features.ExtractFeatures(
        pb.ExtractFeaturesRequest(device_code="d3", options=pb.ExtractionOptions(window_size=40, features=["mean"]))
    )
    found = np.frombuffer(answer.values, dtype="<f8")
    assert found == pytest.approx([DEVICES["d3"]["a"].mean(), DEVICES["d3"]["b c"].mean()])
    assert answer.options.normalize_method == "none"
    for method in ("z_score", "min_max"):
        options = pb.ExtractionOptions(window_size=40, normalize_method=method)
        with pytest.raises(Unprocessable, match=f"a single window, which {method} makes zeros of") as caught:
            await loaded.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="d3", options=options))
        assert caught.value.reason == "NORMALIZATION_INVALID"


async def test_another_tenant_has_no_statistics(loaded, as_tenant):
    with as_tenant("other"), pytest.raises(NotFound):
        await loaded.features.GetFeatureStats(request_of())


values = st.one_of(st.just(float("nan")), st.integers(-5, 5).map(float), st.floats(-1e6, 1e6))


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.tuples(values, values, values), min_size=1, max_size=30))
def test_statistics_of_columns_with_holes_equal_those_of_pandas(rows):
    table = pd.DataFrame(rows, columns=["x", "y", "z"], dtype=float)
    found = column_statistics(table.to_numpy(), list(table))
    for column, statistic in zip(table, found, strict=True):
        assert statistic.count == table[column].count()
        assert statistic.missing_ratio == pytest.approx(table[column].isna().mean())
        if statistic.count:
            assert statistic.mean == pytest.approx(table[column].mean(), rel=1e-9, abs=1e-9)
        if statistic.count > 1:
            assert statistic.std == pytest.approx(table[column].std(), rel=1e-7, abs=1e-7)
    found = np.reshape(correlation_matrix(table.to_numpy()), (3, 3))
    for left in range(3):
        for right in range(3):
            both = table.iloc[:, [left, right]].dropna().to_numpy()
            spread = np.ptp(both, axis=0).min() if len(both) > 1 else 0.0
            if spread > 1e-3 * np.abs(table.fillna(0).to_numpy()).max():
                expected = np.corrcoef(both, rowvar=False)[0, 1]
                assert found[left, right] == pytest.approx(expected, abs=1e-6)
            elif spread == 0:
                assert np.isnan(found[left, right]), (left, right)
