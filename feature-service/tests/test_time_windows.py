"""Windows by time hold the rows of their time, whatever range and blocks they are read in."""

from bisect import bisect_left
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.extraction.extract import CleanRows, extract_features
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.extraction.time_window_carry import carry_of
from feature_service.domain.feature.catalog import feature_names
from feature_service.domain.feature.kernel import window_features
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_rows import extent_of
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Extent, Span
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from feature_service.domain.query.feature_statistics import FeatureStatisticsQuery, FeatureStatisticsReader
from feature_service.domain.query.feature_stream import FeatureStream, MemoryMatrix
from penstock_kit.errors import InvalidArgument, Unprocessable
from penstock_testkit.contracts.telemetry_rows import KEY

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
WINDOWS = [
    TimeWindowPlan(size=10 * MINUTE),
    TimeWindowPlan(size=10 * MINUTE, step=10 * MINUTE, min_rows=5),
    TimeWindowPlan(size=7 * MINUTE, step=3 * MINUTE, min_rows=3, max_gap=90 * SECOND),
    TimeWindowPlan(size=90 * SECOND, step=7 * SECOND, max_gap=60 * SECOND),
    TimeWindowPlan(size=2 * 60 * MINUTE, step=MINUTE, min_rows=60),
]


def rows_of(seed=1, count=900):
    """Rows some seconds apart, with hours without any and two devices' worth of odd microseconds."""
    random = np.random.default_rng(seed)
    apart = random.integers(1, 40 * SECOND, count)
    apart[random.integers(0, count, 5)] += 50 * MINUTE
    apart[random.integers(0, count, 40)] = SECOND
    times = START + 137 + np.cumsum(apart)
    numbers = {name: 1e3 + random.normal(size=count).cumsum() for name in ("a", "b")}
    numbers["b"][random.random(count) < 0.1] = np.nan
    return Frame(timestamps=times.astype("datetime64[us]"), numbers=numbers)


def plan_of(window, features=("mean", "min", "last", "missing_ratio"), **options):
    values = {"normalize": NormalizeMethod.NONE, "missing": MissingMethod.NONE, **options}
    return ExtractionPlan(window=window, features=tuple(features), **values)


def expected_windows(times, window, start, end):
    """Which rows are in which window, told window by window: (begin, rows), and how many have too few or a gap."""
    found, few, gap = [], 0, 0
    begin = -(-start // window.step) * window.step
    while begin + window.size <= end:
        rows = list(range(bisect_left(times, begin), bisect_left(times, begin + window.size)))
        edges = [begin, *(times[row] for row in rows), begin + window.size]
        longest = max(after - before for before, after in pairwise(edges))
        if len(rows) < window.min_rows:
            few += 1
        elif window.max_gap is not None and longest > window.max_gap:
            gap += 1
        else:
            found.append((begin, rows))
        begin += window.step
    return found, few, gap


def assert_same(found, expected):
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    np.testing.assert_array_equal(found.starts, expected.starts)
    assert (found.rows, found.missing, found.outliers) == (expected.rows, expected.missing, expected.outliers)
    assert found.left_out == expected.left_out
    assert found.undefined() == expected.undefined()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_window_has_the_rows_of_its_time_and_their_features(window, seed):
    frame = rows_of(seed)
    times = frame.timestamps.astype(np.int64).tolist()
    table = extract_features(frame, plan_of(window, feature_names()))
    windows, few, gap = expected_windows(times, window, times[0], times[-1] + 1)
    assert table.starts.astype(np.int64).tolist() == [begin for begin, _ in windows]
    assert (table.left_out.too_few, table.left_out.over_gap) == (few, gap)
    for place, (_, rows) in list(enumerate(windows))[:: max(1, len(windows) // 40)]:
        alone = [
            window_features(
                values[rows],
                WindowPlan(size=len(rows), overlap=0),
                feature_names(),
                times=frame.timestamps[rows],
            )[0]
            for values in frame.numbers.values()
        ]
        np.testing.assert_array_equal(table.matrix[place], np.concatenate(alone))


@pytest.fixture
async def store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    await opened.append(KEY, rows_of())
    yield opened
    await opened.close()


async def streamed(store, plan, most_values, span=None):
    stream = FeatureStream(store, KEY, span or Span(), plan, most_values=most_values)
    return await stream.fill(MemoryMatrix(), ("a", "b"), await store.row_count(KEY, span or Span()))


@pytest.mark.parametrize("missing", [MissingMethod.NONE, MissingMethod.INTERPOLATE, MissingMethod.DROP])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
async def test_blocks_of_any_size_give_the_same_bytes_as_all_rows_at_once(store, window, missing):
    plan = plan_of(window, missing=missing, outliers=OutlierMethod.IQR, features=("mean", "slope_per_second", "range"))
    expected = extract_features(await store.read(KEY, ("a", "b"), Span()), plan)
    for most_values in (90, 700):
        assert_same(await streamed(store, plan, most_values), expected)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_blocks_of_a_row_each_or_of_any_number_give_the_same_bytes(window):
    frame = rows_of(5, 400)
    window = window.within(Span(), extent_of(frame.timestamps))
    absent = {name: np.isnan(values) for name, values in frame.numbers.items()}
    clean = CleanRows(frame=frame, absent=absent, kept=np.ones(400, dtype=np.bool_))
    expected = extract_features(frame, plan_of(window))
    random = np.random.default_rng(1)
    for edges in (range(401), [0, 1, 399, 400], sorted({0, 400, *random.integers(0, 400, 30).tolist()})):
        carry = carry_of(window, ("mean", "min", "last", "missing_ratio"), lambda: None)
        made = [carry.cut(clean.cut(slice(*each))) for each in pairwise(edges)]
        made.append(carry.end())
        assert np.concatenate([times for times, _ in made]).tolist() == expected.starts.tolist()
        np.testing.assert_array_equal(np.concatenate([values for _, values in made]), expected.matrix)
        assert carry.over_gap == expected.left_out.over_gap


async def test_a_window_is_the_same_in_every_range_that_holds_it(store):
    plan = plan_of(TimeWindowPlan(size=10 * MINUTE, step=5 * MINUTE, min_rows=2))
    whole = await streamed(store, plan, 100)
    known = dict(zip(whole.starts.astype(np.int64).tolist(), whole.matrix.tolist(), strict=True))
    assert len(known) > 40
    seen = 0
    for minutes in (0, 7, 33, 61):
        span = Span(start=START + 20 * MINUTE + minutes * 61 * SECOND, end=START + (140 + minutes) * MINUTE)
        part = await streamed(store, plan, 64, span)
        begins = part.starts.astype(np.int64).tolist()
        assert all(span.start <= begin and begin + 10 * MINUTE <= span.end for begin in begins)
        assert begins == [each for each in known if span.start <= each and each + 10 * MINUTE <= span.end]
        np.testing.assert_array_equal(part.matrix, np.array([known[begin] for begin in begins]))
        seen += len(begins)
    assert seen > 40


async def test_a_window_that_the_range_names_is_made_though_rows_end_within_it():
    times = (START + np.arange(60) * 10 * SECOND + 3).astype("datetime64[us]")  # ten minutes less ten seconds
    frame = Frame(timestamps=times, numbers={"a": np.arange(60.0)})
    window = TimeWindowPlan(size=10 * MINUTE, step=10 * MINUTE)
    named = window.within(Span(start=START, end=START + 10 * MINUTE), Extent(first=START + 3, last=START + 60, rows=60))
    assert extract_features(frame, plan_of(named, ("last",))).matrix.tolist() == [[59.0]]
    with pytest.raises(Unprocessable, match=r"no window of 10m lies between 2026-01-01T00:00:00.000003Z") as refused:
        extract_features(frame, plan_of(window))
    assert refused.value.reason == "WINDOW_LIMIT_EXCEEDED"


async def test_windows_left_out_are_counted_with_the_reason(store):
    window = TimeWindowPlan(size=5 * MINUTE, step=5 * MINUTE, min_rows=4, max_gap=45 * SECOND)
    table = await streamed(store, plan_of(window), 100)
    reasons = table.left_out.reasons(window)
    assert list(reasons) == [
        "the window has fewer than min_rows rows (4)",
        "the window has no row for longer than max_gap (45s)",
    ]
    assert all(count > 0 for count in reasons.values())
    first, stop = window.within(Span(), await store.extent(KEY)).places()
    assert len(table.matrix) + sum(reasons.values()) == stop - first
    strict = plan_of(replace(window, max_gap=1))
    for attempt in (streamed(store, strict, 100), at_once(store, strict)):
        with pytest.raises(Unprocessable, match=r"all windows of 5m in the range are left out: \d+ as the window has"):
            await attempt


async def at_once(store, plan):
    return extract_features(await store.read(KEY, ("a", "b"), Span()), plan)


async def test_ten_rows_in_ten_years_are_windows_of_seconds_at_once():
    times = (START + np.arange(10) * 365 * 24 * 60 * MINUTE).astype("datetime64[us]")
    frame = Frame(timestamps=times, numbers={"a": np.arange(10.0)})
    table = extract_features(frame, plan_of(TimeWindowPlan(size=SECOND, step=SECOND), ("mean",)))
    assert table.matrix[:, 0].tolist() == [float(row) for row in range(9)]  # the last second is not over
    assert table.left_out.too_few == 9 * 365 * 24 * 3_600 - 9


async def test_statistics_are_those_of_the_same_windows(store):
    plan = plan_of(TimeWindowPlan(size=10 * MINUTE, step=5 * MINUTE), ("mean", "std"))
    expected = await at_once(store, plan)
    query = FeatureStatisticsQuery(fields=("a", "b"), span=Span(), plan=plan)
    found = await FeatureStatisticsReader(store).read({KEY: await store.row_count(KEY, Span())}, query)
    assert found.windows == len(expected.matrix)
    assert [each.max for each in found.features] == np.nanmax(expected.matrix, axis=0).tolist()


async def test_a_window_of_too_many_rows_is_refused(monkeypatch, store):
    times = (START + np.arange(1_000_002)).astype("datetime64[us]")
    frame = Frame(timestamps=times, numbers={"a": np.zeros(1_000_002)})
    with pytest.raises(Unprocessable, match="has 1000002 rows, at most 1000000"):
        named = TimeWindowPlan(size=MINUTE, start=START, end=START + MINUTE)
        extract_features(frame, plan_of(named, ("mean",)))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"size": 0}, "WINDOW_SIZE_INVALID"),
        ({"size": -1}, "WINDOW_SIZE_INVALID"),
        ({"size": 10**18}, "WINDOW_SIZE_INVALID"),
        ({"size": MINUTE, "step": MINUTE + 1}, "STEP_INVALID"),
        ({"size": MINUTE, "step": MINUTE // 1_001}, "STEP_INVALID"),
        ({"size": MINUTE, "step": -1}, "STEP_INVALID"),
        ({"size": MINUTE, "min_rows": 0}, "MIN_ROWS_INVALID"),
        ({"size": MINUTE, "min_rows": 10**7}, "MIN_ROWS_INVALID"),
        ({"size": MINUTE, "max_gap": 0}, "MAX_GAP_INVALID"),
    ],
)
def test_windows_that_are_none_are_refused(options, reason):
    with pytest.raises(InvalidArgument) as refused:
        TimeWindowPlan(**options)
    assert refused.value.reason == reason
