"""The telemetry store on a real DuckDB file: the contract of all stores, and what only this one promises."""

import asyncio
import sys
import threading
from asyncio.subprocess import PIPE
from functools import reduce

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.adapters.duckdb import range_extent, result, telemetry_sql
from feature_service.adapters.duckdb.connection import DuckDbConnection
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from penstock_kit.errors import FailedPrecondition, ResourceExhausted, Unavailable
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, frame_of, seconds_of
from penstock_testkit.contracts.telemetry_store import TelemetryStoreContract


@pytest.fixture
async def store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    yield opened
    await opened.close()


class TestDuckDbTelemetryStore(TelemetryStoreContract):
    pass


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


async def test_rows_of_blocks_are_in_memory_of_their_own_with_nothing_where_there_is_nothing(store, monkeypatch):
    await store.append(KEY, frame_of([3, 1], {"t": ["x", None]}, a=[3.0, np.nan]))
    await _check_two_rows(store)
    monkeypatch.setattr(result, "_FEW_VALUES", 0)
    await _check_two_rows(store)


async def _check_two_rows(store):
    for rows in (None, 1):
        blocks = [block async for block in store.blocks(KEY, ["a", "t", "unknown"], Span(), rows)]
        columns = [(*block.numbers.values(), block.timestamps) for block in blocks]
        assert all(column.flags.writeable for each in columns for column in each)
        assert np.concatenate([block.numbers["a"] for block in blocks]).tolist() == [
            pytest.approx(np.nan, nan_ok=True),
            3,
        ]
        assert [text for block in blocks for text in block.texts["t"].tolist()] == [None, "x"]
        assert all(np.isnan(block.numbers["unknown"]).all() for block in blocks)


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


@pytest.mark.parametrize("rows", [40, 64, 1_000])
async def test_blocks_are_nearly_full_however_unevenly_rows_lie_in_time(store, rows):
    together = [1_700_000_000_000_000 + micros for micros in range(700)]
    times = [-60_000_000_000_000_000, *together, *range(1_800_000_000_000_000, 1_800_300_000_000_000, 1_000_000_000)]
    frame = Frame(timestamps=np.array(times, dtype="datetime64[us]"), numbers={"a": np.arange(len(times), dtype=float)})
    await store.append(KEY, frame)
    blocks = [block async for block in store.blocks(KEY, ["a"], Span(), rows)]
    assert np.concatenate([block.numbers["a"] for block in blocks]).tolist() == list(range(len(times)))
    assert all(len(block) <= rows for block in blocks)
    assert len(blocks) <= 1.2 * len(times) / rows + 1


async def test_a_range_is_counted_once_for_all_who_ask_until_its_series_is_written_to(store, monkeypatch):
    counted, extent = [], telemetry_sql.extent
    monkeypatch.setattr(telemetry_sql, "extent", lambda table, span: counted.append(span) or extent(table, span))
    span = Span(start=2_000_000, end=5_000_000)
    await store.append(KEY, frame_of(range(8), a=np.arange(8.0)))
    await store.append(OTHER, frame_of([3], a=[1]))
    for _ in range(2):
        assert await store.row_count(KEY, span) == 3
        assert seconds_of(await store.read(KEY, ["a"], span)) == [2, 3, 4]
        assert [len(block) async for block in store.blocks(KEY, ["a"], span, 3)] == [3]
    await store.append(OTHER, frame_of([4], a=[1]))
    assert await store.row_count(KEY, span) == 3
    assert counted == [span]
    assert await store.row_count(OTHER, span) == 2
    assert (await store.extent(KEY)).rows == 8
    assert counted == [span, span, Span()]
    await store.append(KEY, frame_of([8], a=[8]))
    assert (await store.extent(KEY)).rows == 9
    assert await store.delete_before(3_000_000) == 3
    assert await store.row_count(KEY, span) == 2
    await store.drop(KEY)
    assert await store.row_count(KEY, span) == 0
    assert await store.extent(KEY) is None


async def test_ranges_that_were_counted_longest_ago_are_forgotten():
    ranges, counted = range_extent.RangeExtents(lambda key: 0, most_ranges=2), []

    async def ask(start):
        async def count():
            counted.append(start)

        assert await ranges.get_or_count(KEY, Span(start=start), count) is None

    for start in (1, 2, 1, 3, 1, 2):
        await ask(start)
    assert counted == [1, 2, 3, 2]


async def memory_of(file):
    used = await file.read(
        lambda cursor: cursor.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()
    )
    limit = await file.read(lambda cursor: cursor.execute("SELECT current_setting('memory_limit')").fetchall())
    return used[0][0] / 1e6, limit[0][0]


async def test_what_is_kept_of_the_file_in_memory_is_given_back_unless_a_statement_runs(tmp_path):
    file = DuckDbConnection(tmp_path / "telemetry.duckdb", prepare=lambda _: None, memory_mb=256)
    await file.write(
        lambda cursor: cursor.execute("CREATE TABLE t AS SELECT random() AS x FROM range(4_000_000)"),
        committed=lambda _: True,
    )
    await file.write(lambda _: None, committed=lambda _: False)  # behind the writing of the log, which is a statement
    total = "SELECT max(x) FROM t"
    before = await file.read(lambda cursor: cursor.execute(total).fetchall())
    held, limit = await memory_of(file)
    assert held > 20
    begun, may_end = threading.Event(), threading.Event()
    runs = asyncio.ensure_future(file.read(lambda _: begun.set() or may_end.wait(30)))
    assert await asyncio.to_thread(begun.wait, 30)
    await file.release_cache(8)
    assert (await memory_of(file))[0] == pytest.approx(held, rel=0.2)
    may_end.set()
    assert await runs
    await file.release_cache(8)
    assert (await memory_of(file))[0] <= 8.5
    assert (await memory_of(file))[1] == limit
    assert await file.read(lambda cursor: cursor.execute(total).fetchall()) == before
    await file.close()
