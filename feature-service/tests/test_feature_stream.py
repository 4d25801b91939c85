"""Features of a range read block by block are those of the range read at once, to the bit."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.extraction.extract import extract_features
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.catalog import feature_names
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.device import Device
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from feature_service.domain.query.feature_statistics import FeatureStatisticsQuery, FeatureStatisticsReader
from feature_service.domain.query.feature_stream import FeatureStream, MemoryMatrix
from feature_service.domain.query.telemetry_queries import FeatureTarget, TelemetryQueries
from penstock_kit.errors import Aborted, InvalidArgument, Unprocessable
from penstock_testkit.contracts.telemetry_rows import KEY, frame_of

ROWS = 1_000
FIELDS = ("a", "b", "holes", "never", "late")


@pytest.fixture
async def store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    await opened.append(KEY, rows())
    yield opened
    await opened.close()


def rows():
    random = np.random.default_rng(3)
    numbers = {name: random.normal(1e6, 1, size=ROWS) for name in FIELDS}
    numbers["b"][random.integers(0, ROWS, 60)] += 50
    for start, end in ((0, 30), (90, 101), (190, 460), (599, 601), (970, ROWS)):
        numbers["holes"][start:end] = np.nan
    numbers["never"][:] = np.nan
    numbers["late"][:700] = np.nan
    seconds = np.arange(ROWS) + np.where(np.arange(ROWS) > 333, 500, 0) + np.where(np.arange(ROWS) > 599, 100, 0)
    return Frame(timestamps=(seconds * 1_000_000).astype("datetime64[us]"), numbers=numbers)


def plan_of(size=60, overlap=0.5, **options):
    features = options.pop("features", feature_names())
    max_gap = options.pop("max_gap", None)
    window = WindowPlan(size=size, overlap=overlap, max_gap=max_gap)
    return ExtractionPlan(window=window, features=tuple(features), **options)


async def streamed(store, plan, fields=FIELDS, most_values=100, span=None):
    stream = FeatureStream(store, KEY, span or Span(), plan, most_values=most_values)
    return await stream.fill(MemoryMatrix(), fields, await store.row_count(KEY, span or Span()))


def assert_same(found, expected):
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    np.testing.assert_array_equal(found.starts, expected.starts)
    assert found.undefined() == expected.undefined()
    assert found.fitted == expected.fitted
    for name in ("names", "fields", "rows", "outliers", "missing"):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize("outliers", OutlierMethod)
@pytest.mark.parametrize("missing", MissingMethod)
async def test_every_way_to_treat_rows_gives_the_same_in_blocks_as_at_once(store, missing, outliers):
    fields = ("a", "b", "holes") if missing is MissingMethod.DROP else FIELDS
    plan = plan_of(missing=missing, outliers=outliers)
    whole = await store.read(KEY, fields, Span())
    for most_values in (100, 333):
        found = await streamed(store, plan, fields, most_values)
        assert_same(found, extract_features(whole, plan))


@pytest.mark.parametrize("max_gap", [None, 2_000_000, 200_000_000])
@pytest.mark.parametrize(("size", "overlap"), [(1, 0), (7, 0.9), (60, 0), (250, 0.95), (333, 0.5)])
async def test_windows_lie_where_they_do_at_once(store, size, overlap, max_gap):
    plan = plan_of(size, overlap, max_gap=max_gap, features=("mean", "slope_per_second", "last"))
    assert_same(await streamed(store, plan), extract_features(await store.read(KEY, FIELDS, Span()), plan))


@pytest.mark.parametrize("normalize", NormalizeMethod)
async def test_features_are_scaled_as_at_once(store, normalize):
    plan = plan_of(normalize=normalize, value_range=(-1.0, 3.0))
    assert_same(await streamed(store, plan), extract_features(await store.read(KEY, FIELDS, Span()), plan))


@pytest.mark.parametrize("end", [300_000_000, 199_000_001, 1_599_000_001])
@pytest.mark.parametrize("most_values", [100, 100_000])  # a field after the other, and two beside each other
async def test_a_part_of_the_rows_is_filled_from_within_it_alone(store, end, most_values):
    span = Span(start=40_000_000, end=end)
    plan = plan_of(missing=MissingMethod.INTERPOLATE)
    fields = ("a", "holes", "never", "b", "late")
    expected = extract_features(await store.read(KEY, fields, span), plan)
    assert_same(await streamed(store, plan, fields, most_values, span), expected)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"size": 1_001}, Unprocessable),
        ({"missing": MissingMethod.DROP}, Unprocessable),
        ({"size": 400, "max_gap": 1_000_000}, Unprocessable),
        ({"outlier_threshold": -1.0}, InvalidArgument),
        ({"value_range": (2.0, 1.0)}, InvalidArgument),
        ({"size": 1_000, "normalize": NormalizeMethod.MIN_MAX}, Unprocessable),
    ],
)
async def test_what_is_wrong_is_told_in_the_same_words(store, options, kind):
    plan = plan_of(**options)
    with pytest.raises(kind) as at_once:
        extract_features(await store.read(KEY, FIELDS, Span()), plan)
    with pytest.raises(kind) as in_blocks:
        await streamed(store, plan)
    assert str(in_blocks.value) == str(at_once.value)
    assert in_blocks.value.reason == at_once.value.reason


async def test_a_single_window_that_nobody_asked_to_scale_is_left_as_it_is(store):
    plan = replace(plan_of(size=1_000), normalize_is_default=True)
    assert_same(await streamed(store, plan), extract_features(await store.read(KEY, FIELDS, Span()), plan))


async def test_rows_that_arrive_in_the_range_meanwhile_are_told(store):
    stream = FeatureStream(store, KEY, Span(), plan_of(size=10, overlap=0), most_values=100)
    before = await store.row_count(KEY, Span())
    late = [second + 0.5 for second in range(200)]
    await store.append(KEY, frame_of(late, a=late))
    with pytest.raises(Aborted, match="rows arrived in the range"):
        await stream.fill(MemoryMatrix(), FIELDS, before)


@pytest.fixture
async def long_store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    numbers = {"a": np.random.default_rng(1).normal(size=1_050_000)}
    times = (np.arange(1_050_000) * 1_000_000).astype("datetime64[us]")
    await opened.append(KEY, Frame(timestamps=times, numbers={**numbers, "b": numbers["a"] * 2}))
    yield opened
    await opened.close()


async def test_memory_does_not_grow_with_the_range(long_store):
    whole = 1_050_000 * 3 * 8
    tracemalloc.start()
    try:
        found = await streamed(long_store, plan_of(size=1_000), ("a", "b"), most_values=60_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found.starts) == 2_099
    assert peak < whole / 2


async def test_answers_and_statistics_of_a_range_too_long_to_read_at_once_are_the_same(long_store):
    plan = plan_of(size=10_000, overlap=0, features=("mean", "std"), normalize=NormalizeMethod.NONE)
    expected = extract_features(await long_store.read(KEY, ["a", "b"], Span()), plan)
    kinds = {"a": FieldKind.NUMBER, "b": FieldKind.NUMBER}
    target = FeatureTarget(device=Device(code=KEY.device_code, fields=kinds), model=None)
    reads = NoWholeReads(long_store)
    queries = TelemetryQueries(registry=None, telemetry=reads)
    found = await queries.features(KEY.tenant_id, target, Span(), plan, convert=lambda table, _: table)
    assert_same(found, expected)
    query = FeatureStatisticsQuery(fields=("a", "b"), span=Span(), plan=plan)
    statistics = await FeatureStatisticsReader(reads).read({KEY: 1_050_000}, query)
    assert statistics.windows == 105
    assert [each.mean for each in statistics.features] == pytest.approx(expected.matrix.mean(axis=0))


class NoWholeReads:
    """A store of which no range may be read at once."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        assert name != "read", "the range was read at once"
        return getattr(self._store, name)
