"""The telemetry store on a real DuckDB file, against pandas."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from functools import reduce

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Aggregate, Condition, HistoryQuery, NewestQuery, Operator
from penstock_kit.errors import FailedPrecondition, InvalidArgument, ResourceExhausted, Unavailable

KEY = SeriesKey(tenant_id="t", device_code="d'1")
OTHER = SeriesKey(tenant_id="t", device_code="d2")
SECOND = 1_000_000


def frame_of(seconds, texts=None, **numbers):
    times = (np.asarray(list(seconds)) * SECOND).astype("datetime64[us]")
    columns = {name: np.asarray(values, dtype=float) for name, values in numbers.items()}
    objects = {name: np.array(values, dtype=object) for name, values in (texts or {}).items()}
    return Frame(timestamps=times, numbers=columns, texts=objects)


def seconds_of(frame):
    return (frame.timestamps.astype("int64") // SECOND).tolist()


@pytest.fixture
async def store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    yield opened
    await opened.close()


async def test_rows_come_back_as_they_were_written(store):
    await store.append(KEY, frame_of([1, 2, 3], {"la bel": ["x", None, "z"]}, **{'Flow "Rate"': [1.5, np.nan, 3]}))
    frame = await store.read(KEY, ['Flow "Rate"', "la bel"], Span())
    assert seconds_of(frame) == [1, 2, 3]
    np.testing.assert_array_equal(frame.numbers['Flow "Rate"'], [1.5, np.nan, 3])
    assert frame.texts["la bel"].tolist() == ["x", None, "z"]
    assert await store.fields(KEY) == {'Flow "Rate"': FieldKind.NUMBER, "la bel": FieldKind.TEXT}


async def test_names_that_differ_in_case_are_two_fields(store):
    await store.append(KEY, frame_of([1], Pressure=[1], pressure=[2]))
    frame = await store.read(KEY, ["pressure", "Pressure"], Span())
    assert (frame.numbers["pressure"][0], frame.numbers["Pressure"][0]) == (2, 1)


async def test_the_range_includes_its_start_and_not_its_end(store):
    await store.append(KEY, frame_of(range(10), a=range(10)))
    frame = await store.read(KEY, ["a"], Span(start=2 * SECOND, end=5 * SECOND))
    assert seconds_of(frame) == [2, 3, 4]


async def test_a_series_never_written_is_empty(store):
    assert len(await store.read(KEY, ["a"], Span())) == 0
    assert await store.fields(KEY) == {}
    assert await store.extent(KEY) is None
    assert (await store.statistics([KEY], ["a"], Span())).rows == 0
    assert (await store.newest([KEY], NewestQuery(fields=["a"], span=Span()))).total == 0
    assert len(await store.history(KEY, HistoryQuery(fields=["a"], span=Span()))) == 0
    await store.drop(KEY)


async def test_a_field_the_series_does_not_have_is_missing_everywhere(store):
    await store.append(KEY, frame_of([1, 2], a=[1, 2]))
    assert np.isnan((await store.read(KEY, ["b"], Span())).numbers["b"]).all()


async def test_writing_the_same_rows_again_changes_nothing(store):
    rows = frame_of([1, 2, 3], a=[1, np.nan, 3])
    await store.append(KEY, rows)
    await store.append(KEY, rows)
    assert (await store.extent(KEY)).rows == 3


async def test_late_rows_are_put_in_order(store):
    await store.append(KEY, frame_of([10, 20], a=[1, 2]))
    await store.append(KEY, frame_of([5, 15], a=[3, 4]))
    frame = await store.read(KEY, ["a"], Span())
    assert seconds_of(frame) == [5, 10, 15, 20]
    assert frame.numbers["a"].tolist() == [3, 1, 4, 2]


async def test_a_later_value_replaces_and_a_missing_one_leaves_what_is_stored(store):
    await store.append(KEY, frame_of([1, 2, 3], {"t": ["x", "y", "z"]}, a=[1, 2, 3], b=[1, 2, 3]))
    await store.append(KEY, frame_of([2, 3, 4], {"t": [None, "w", "v"]}, a=[20, np.nan, 40], c=[7, 8, 9]))
    frame = await store.read(KEY, ["a", "b", "c", "t"], Span())
    np.testing.assert_array_equal(frame.numbers["a"], [1, 20, 3, 40])
    np.testing.assert_array_equal(frame.numbers["b"], [1, 2, 3, np.nan])
    np.testing.assert_array_equal(frame.numbers["c"], [np.nan, 7, 8, 9])
    assert frame.texts["t"].tolist() == ["x", "y", "w", "v"]


batches = st.lists(
    st.dictionaries(st.integers(0, 8), st.one_of(st.just(np.nan), st.integers(0, 99)), min_size=1, max_size=6),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15, deadline=None)
@given(batches=batches)
def test_any_batches_merge_as_combining_them_in_pandas(tmp_path_factory, batches):
    async def stored():
        store = DuckDbTelemetryStore(tmp_path_factory.mktemp("merge") / "telemetry.duckdb")
        for batch in batches:
            times = sorted(batch)
            await store.append(KEY, frame_of(times, a=[batch[time] for time in times]))
        frame = await store.read(KEY, ["a"], Span())
        await store.close()
        return frame

    frame = asyncio.run(stored())
    series = [pd.Series(batch, dtype=float) for batch in batches]
    expected = reduce(lambda old, new: new.combine_first(old), series).sort_index()
    assert seconds_of(frame) == expected.index.tolist()
    np.testing.assert_array_equal(frame.numbers["a"], expected.to_numpy())


async def test_a_field_cannot_change_its_kind(store):
    await store.append(KEY, frame_of([1], a=[1]))
    with pytest.raises(InvalidArgument, match="field 'a' of device \"d'1\" holds numbers, the rows bring texts"):
        await store.append(KEY, frame_of([2], {"a": ["x"]}, b=[1]))
    assert await store.fields(KEY) == {"a": FieldKind.NUMBER}
    await store.append(KEY, frame_of([2], b=[1]))
    assert (await store.extent(KEY)).rows == 2


async def test_statistics_equal_those_of_pandas(store):
    values = np.random.default_rng(1).normal(1e3, 2, size=5_000)
    values[::7] = np.nan
    other = np.random.default_rng(2).normal(size=5_000)
    await store.append(KEY, frame_of(range(5_000), a=values, b=other))
    result = await store.statistics([KEY], ["a", "b"], Span(), correlate=True)
    table = pd.DataFrame({"a": values, "b": other})
    for field in result.fields:
        column = table[field.field]
        present = column.dropna()
        expected = {
            "mean": column.mean(),
            "std": column.std(),
            "min": column.min(),
            "max": column.max(),
            "median": column.median(),
            "sum": column.sum(),
            "first": present.iloc[0],
            "last": present.iloc[-1],
            "missing_ratio": column.isna().mean(),
        }
        assert {name: getattr(field, name) for name in expected} == pytest.approx(expected, rel=1e-12)
        assert field.count == len(present)
    np.testing.assert_allclose(np.reshape(result.correlations, (2, 2)), table.corr().to_numpy(), rtol=1e-9)
    assert (result.rows, result.first_time, result.last_time) == (5_000, 0, 4_999 * SECOND)


async def test_statistics_of_nothing_and_of_constants_are_told_apart(store):
    await store.append(KEY, frame_of([1, 2], a=[5, 5], b=[np.nan, np.nan], c=[1, 2]))
    result = await store.statistics([KEY], ["a", "b", "c"], Span(), correlate=True)
    constant, empty, _ = result.fields
    assert (constant.mean, constant.std) == (5, 0)
    assert (empty.mean, empty.count, empty.missing_ratio) == (None, 0, 1.0)
    matrix = np.reshape(result.correlations, (3, 3))
    assert matrix[2, 2] == 1.0
    assert np.isnan(matrix[:2]).all()


async def test_statistics_cover_several_devices_that_differ_in_fields(store):
    await store.append(KEY, frame_of([1, 2], a=[1, 2]))
    await store.append(OTHER, frame_of([3], a=[6], b=[1]))
    result = await store.statistics([KEY, OTHER], ["a", "b"], Span())
    assert [(field.mean, field.count, field.missing_ratio) for field in result.fields] == [
        (3.0, 3, 0.0),
        (1.0, 1, pytest.approx(2 / 3)),
    ]


async def test_the_newest_rows_come_by_page_over_all_devices(store):
    await store.append(KEY, frame_of([1, 3, 5], a=[1, 3, 5]))
    await store.append(OTHER, frame_of([2, 4], {"t": ["x", "y"]}, a=[2, 4]))
    query = NewestQuery(fields=["a", "t"], span=Span(), limit=2, offset=1)
    page = await store.newest([KEY, OTHER], query)
    assert (seconds_of(page.frame), list(page.device_codes), page.total) == ([4, 3], ["d2", "d'1"], 5)
    assert page.frame.texts["t"].tolist() == ["y", None]


@pytest.mark.parametrize(
    ("operator", "operands", "expected"),
    [
        (Operator.EQ, (2.0,), [2]),
        (Operator.NE, (2.0,), [1, 3]),
        (Operator.LT, (2.0,), [1]),
        (Operator.LE, (2.0,), [1, 2]),
        (Operator.GT, (2.0,), [3]),
        (Operator.GE, (2.0,), [2, 3]),
        (Operator.IN, (1.0, 3.0), [1, 3]),
        (Operator.EQ, ("x",), []),
    ],
)
async def test_conditions_choose_rows(store, operator, operands, expected):
    await store.append(KEY, frame_of([1, 2, 3, 4], a=[1, 2, 3, np.nan]))
    conditions = [Condition(field="a", operator=operator, operands=operands)]
    page = await store.newest([KEY], NewestQuery(fields=["a"], span=Span(), conditions=conditions))
    assert (sorted(seconds_of(page.frame)), page.total) == (expected, len(expected))


@pytest.mark.parametrize("aggregate", list(Aggregate))
async def test_buckets_equal_resampling_in_pandas(store, aggregate):
    seconds = np.unique(np.random.default_rng(5).integers(-200, 400, size=150))
    values = np.random.default_rng(6).normal(size=len(seconds))
    values[::9] = np.nan
    await store.append(KEY, frame_of(seconds, {"t": [f"v{second}" for second in seconds]}, a=values))
    query = HistoryQuery(fields=["a"], span=Span(), interval=60 * SECOND, aggregate=aggregate)
    frame = await store.history(KEY, query)
    series = pd.Series(values, index=pd.to_datetime(seconds, unit="s"))
    buckets = series.resample("60s", origin="epoch")
    expected = getattr(buckets, aggregate.value)()[buckets.size() > 0]
    if aggregate is Aggregate.SUM:
        expected = expected.where(buckets.count()[buckets.size() > 0] > 0)
    assert seconds_of(frame) == (expected.index.astype("datetime64[s]").astype("int64")).tolist()
    np.testing.assert_allclose(frame.numbers["a"], expected.to_numpy(dtype=float), rtol=1e-12)


async def test_texts_in_buckets_are_the_last_or_the_first(store):
    await store.append(KEY, frame_of([0, 1, 60], {"t": ["x", "y", "z"]}))
    for aggregate, expected in ((Aggregate.MEAN, ["y", "z"]), (Aggregate.FIRST, ["x", "z"])):
        query = HistoryQuery(fields=["t"], span=Span(), interval=60 * SECOND, aggregate=aggregate)
        assert (await store.history(KEY, query)).texts["t"].tolist() == expected


async def test_history_is_limited_from_either_end(store):
    await store.append(KEY, frame_of(range(10), a=range(10)))
    oldest = await store.history(KEY, HistoryQuery(fields=["a"], span=Span(), limit=2))
    newest = await store.history(KEY, HistoryQuery(fields=["a"], span=Span(), limit=2, newest_first=True))
    assert (seconds_of(oldest), seconds_of(newest)) == ([0, 1], [9, 8])


async def test_tenants_do_not_see_each_others_series(store):
    await store.append(KEY, frame_of([1], a=[1]))
    stranger = SeriesKey(tenant_id="u", device_code=KEY.device_code)
    assert await store.extent(stranger) is None


async def test_a_dropped_series_is_gone_and_can_be_written_again(store):
    await store.append(KEY, frame_of([1], a=[1]))
    await store.drop(KEY)
    assert await store.extent(KEY) is None
    await store.append(KEY, frame_of([2], {"a": ["text now"]}))
    assert (await store.extent(KEY)).rows == 1


async def test_rows_survive_a_restart(tmp_path):
    path = tmp_path / "telemetry.duckdb"
    first = DuckDbTelemetryStore(path)
    await first.append(KEY, frame_of([1], {"t": ["x"]}, a=[1]))
    await first.close()
    second = DuckDbTelemetryStore(path)
    await second.append(KEY, frame_of([2], b=[2]))
    assert list(await second.fields(KEY)) == ["a", "t", "b"]
    assert (await second.extent(KEY)).rows == 2
    await second.close()


async def test_reads_go_on_beside_writes(store):
    await store.append(KEY, frame_of(range(1000), a=range(1000)))

    async def write(block):
        await store.append(KEY, frame_of(range(block * 1000, block * 1000 + 1000), a=range(1000)))

    async def read():
        statistic = (await store.statistics([KEY], ["a"], Span())).fields[0]
        assert statistic.count % 1000 == 0
        assert statistic.mean == 499.5

    await asyncio.gather(*(write(block) for block in range(1, 9)), *(read() for _ in range(16)))
    assert (await store.extent(KEY)).rows == 9000


async def test_the_file_is_opened_only_after_what_it_waits_for(tmp_path):
    gate = asyncio.Event()

    async def opened():
        await gate.wait()

    store = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb", before_open=opened)
    asked = asyncio.ensure_future(store.extent(KEY))
    await store.ping()
    assert not asked.done()
    assert not (tmp_path / "telemetry.duckdb").exists()
    gate.set()
    assert await asked is None
    await store.close()


async def test_a_file_another_process_holds_is_waited_for_and_named(tmp_path):
    path = tmp_path / "telemetry.duckdb"
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(path), stdin=PIPE, stdout=PIPE)
    try:
        assert await holder.stdout.readline() == b"held\n"
        store = DuckDbTelemetryStore(path, lock_seconds=0.2)
        with pytest.raises(Unavailable, match=r"another process holds the telemetry file telemetry\.duckdb"):
            await store.extent(KEY)
    finally:
        await holder.communicate(b"")
    assert await store.extent(KEY) is None
    await store.close()


async def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "telemetry.duckdb"
    path.write_bytes(b"not a database at all" * 1000)
    store = DuckDbTelemetryStore(path)
    with pytest.raises(FailedPrecondition, match=r"telemetry\.duckdb can't be opened"):
        await store.extent(KEY)
    await store.close()


async def test_a_closed_store_says_so(store):
    await store.close()
    with pytest.raises((Unavailable, RuntimeError)):
        await store.extent(KEY)


async def test_rows_that_need_more_memory_than_the_store_may_use_are_refused_as_that(tmp_path):
    small = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb", memory_mb=16)
    wide = {f"f{i}": np.arange(2_000.0) for i in range(1_500)}
    with pytest.raises(ResourceExhausted) as caught:
        await small.append(KEY, frame_of(range(2_000), **wide))
    assert caught.value.reason == "TELEMETRY_MEMORY_LIMIT_EXCEEDED"
    await small.append(OTHER, frame_of([1], a=[1]))
    await small.close()
