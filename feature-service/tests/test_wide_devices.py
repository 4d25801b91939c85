"""Devices of thousands of fields on a real DuckDB file: what they cost is bounded, and other tenants are served."""

import asyncio
import threading
import time

import duckdb
import numpy as np
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.duckdb import newest_page
from feature_service.adapters.duckdb.connection import DuckDbConnection
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.ingest.new_field import MAX_ADDED, MAX_NEW, NewFields, require_dense
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, HistoryQuery, NewestQuery, Operator, StatisticsQuery
from penstock_kit.errors import NotFound, Unavailable, Unprocessable
from penstock_testkit.contracts.telemetry_rows import KEY, frame_of
from penstock_testkit.waiting import HANG_SECONDS


@pytest.fixture
async def store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    yield opened
    await opened.close()


def key_of(code, tenant="t1"):
    return SeriesKey(tenant_id=tenant, device_code=code)


def wide(count, prefix="f"):
    return {f"{prefix}{number}": [float(number)] for number in range(count)}


async def cpu_seconds(work):
    """Return what the work takes of this process's processors, which the load of the machine changes little."""
    begin = time.process_time()
    await work
    return time.process_time() - begin


async def test_a_new_device_of_five_thousand_fields_is_stored_in_two_seconds(store):
    await store.append(key_of("warm"), frame_of([1], a=[1]))
    texts = {f"t{number}": ["v"] for number in range(5_000)}
    assert await cpu_seconds(store.append(KEY, frame_of([1], texts, v=[1.0]))) < 2.5
    assert len(await store.fields(KEY)) == 5_001


async def test_two_thousand_fields_more_are_stored_in_two_seconds_and_old_rows_stay(store):
    await store.append(KEY, frame_of(range(1_000), {"t": ["x", None] * 500}, a=range(1_000)))
    assert (
        await cpu_seconds(
            store.append(KEY, frame_of([500, 2_000], b=[7, 8], **{k: v * 2 for k, v in wide(2_000).items()}))
        )
        < 2
    )
    rows = await store.read(KEY, ["a", "t", "b", "f1999"], Span())
    assert len(rows) == 1_001
    assert rows.numbers["a"][500] == 500
    assert rows.numbers["b"][[500, 1_000]].tolist() == [7, 8]
    assert rows.numbers["f1999"][[500, 1_000]].tolist() == [1999, 1999]
    assert np.isnan(rows.numbers["b"][0])
    assert rows.texts["t"][:2].tolist() == ["x", None]


async def test_fields_that_a_body_brings_one_after_another_are_all_there(store):
    parts = [(KEY, frame_of([start], **wide(300, f"p{start}_"))) for start in range(5)]
    await store.append_all(parts)
    assert len(await store.fields(KEY)) == 1_500
    rows = await store.read(KEY, ["p0_7", "p4_7"], Span())
    assert rows.numbers["p0_7"][0] == rows.numbers["p4_7"][4] == 7
    with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
        await store._file.write(  # the wider table keeps what the old one promised
            lambda cursor: cursor.execute(f"INSERT INTO {store._catalog.table(KEY).name} (ts) VALUES (NULL)"),
            committed=lambda _: None,
        )


async def test_the_log_of_wide_tables_is_written_into_the_file_before_the_next_write(tmp_path):
    path = tmp_path / "telemetry.duckdb"
    store = DuckDbTelemetryStore(path)
    log = path.with_name("telemetry.duckdb.wal")
    await store.append(KEY, frame_of([1], **wide(1_000)))
    assert log.stat().st_size > 10_000
    await store.append(KEY, frame_of([2], **wide(20, "more")))  # each of the 20 copies the description of a thousand
    await store.append(key_of("other"), frame_of([1], a=[1.0]))
    assert not log.exists() or log.stat().st_size < 1_000
    await store.close()


async def test_a_write_is_answered_before_the_log_is_written_into_the_file(tmp_path):
    file = DuckDbConnection(tmp_path / "t.duckdb", prepare=lambda _: None)
    begun, go_on, order = threading.Event(), threading.Event(), []

    def hold(_cursor):
        begun.set()
        assert go_on.wait(HANG_SECONDS)

    # The log waits for this write, and so does the next one then.
    holding = asyncio.ensure_future(file.write(hold, committed=lambda _: None, tenant_id="b"))
    await asyncio.to_thread(begun.wait, HANG_SECONDS)
    create = file.write(lambda cursor: cursor.execute("CREATE TABLE a (x INTEGER)"), committed=lambda _: True)
    await asyncio.wait_for(create, HANG_SECONDS)
    assert (tmp_path / "t.duckdb.wal").stat().st_size > 0
    after = asyncio.ensure_future(file.write(order.append, committed=lambda _: None, tenant_id="c"))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(holding, after)
    assert len(order) == 1
    assert not (tmp_path / "t.duckdb.wal").exists()
    await file.close()


async def test_a_long_write_of_one_tenant_holds_up_no_other(tmp_path):
    store = DuckDbTelemetryStore(tmp_path / "t.duckdb")
    begun, go_on = threading.Event(), threading.Event()

    def parts():
        yield KEY, frame_of([1], a=[1.0])
        begun.set()
        assert go_on.wait(HANG_SECONDS)
        yield KEY, frame_of([2], b=[2.0])

    long = asyncio.ensure_future(store.append_all(parts(), tenant_id=KEY.tenant_id))
    await asyncio.to_thread(begun.wait, HANG_SECONDS)
    others = [SeriesKey(tenant_id=f"t{number}", device_code="d") for number in range(9)]
    await asyncio.wait_for(asyncio.gather(*(store.append(each, frame_of([1], a=[1.0])) for each in others)), 120)
    assert not long.done()
    assert await store.fields(KEY) == {}
    go_on.set()
    await long
    assert {(await store.extent(each)).rows for each in others} == {1}
    assert list(await store.fields(KEY)) == ["a", "b"]
    await store.close()


async def test_writes_of_many_tenants_at_once_are_all_there_when_the_file_is_opened_again(tmp_path):
    store = DuckDbTelemetryStore(tmp_path / "t.duckdb")
    keys = [SeriesKey(tenant_id=f"t{number}", device_code="d") for number in range(5)]
    await asyncio.gather(
        *(store.append(key, frame_of([turn], **wide(200, f"p{turn}_"))) for turn in range(3) for key in keys)
    )
    await store.close()
    again = DuckDbTelemetryStore(tmp_path / "t.duckdb")
    for key in keys:
        assert len(await again.fields(key)) == 600
        assert (await again.extent(key)).rows == 3
    await again.close()


async def test_another_tenant_writes_between_the_bodies_of_one_that_sends_many(tmp_path):
    file = DuckDbConnection(tmp_path / "t.duckdb", prepare=lambda _: None)
    gate, order = threading.Event(), []

    def work(name):
        def run(_cursor):
            gate.wait(60)
            order.append(name)

        return run

    greedy = [
        asyncio.ensure_future(file.write(work(f"a{n}"), committed=lambda _: None, tenant_id="a")) for n in range(9)
    ]
    await asyncio.sleep(0)
    other = asyncio.ensure_future(file.write(work("b"), committed=lambda _: None, tenant_id="b"))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(other, *greedy)
    assert order.index("b") <= 1
    await file.close()


async def test_another_tenant_finds_a_reader_while_one_asks_more_than_there_are(tmp_path):
    file = DuckDbConnection(tmp_path / "t.duckdb", prepare=lambda _: None)
    gate = threading.Event()
    greedy = [asyncio.ensure_future(file.read(lambda _: gate.wait(60), tenant_id="a")) for _ in range(9)]
    try:
        await asyncio.sleep(0)
        assert await asyncio.wait_for(file.read(lambda _: "served", tenant_id="b"), HANG_SECONDS) == "served"
        assert not any(each.done() for each in greedy)
    finally:
        gate.set()
    await asyncio.gather(*greedy)
    await file.close()
    with pytest.raises(Unavailable, match="is closed"):
        await file.read(lambda _: None)


def test_one_body_may_add_so_many_fields_to_a_device_and_to_all_of_them():
    NewFields().add("new", [], [str(number) for number in range(10_000)])
    with pytest.raises(Unprocessable, match=f"{MAX_ADDED + 1} new fields to device 'old', which has 1; at most 2000"):
        NewFields().add("old", ["a"], [f"f{number}" for number in range(MAX_ADDED + 1)])
    several = NewFields()
    several.add("d1", [], [str(number) for number in range(MAX_NEW // 2)])
    several.add("d2", [], [str(number) for number in range(MAX_NEW // 2)])
    with pytest.raises(Unprocessable, match="more than 20000 new fields to its devices") as caught:
        several.add("d3", [], ["a"])
    assert caught.value.reason == "FIELDS_LIMIT_EXCEEDED"


async def test_a_body_that_adds_too_many_fields_to_a_device_is_refused_before_anything_is_stored(service):
    def body(line):
        yield pb.IngestRequest(options=pb.IngestOptions(format=pb.INGEST_FORMAT_LINE_PROTOCOL, create=True))
        yield pb.IngestRequest(chunk=line.encode())

    await service.features.Ingest(body("m,device=d1 a=1 1700000000000000000"))
    more = ",".join(f"f{number}=1" for number in range(MAX_ADDED + 1))
    with pytest.raises(Unprocessable, match="new fields to device 'd1', which has 1"):
        await service.features.Ingest(body(f"m,device=d1 {more} 1700000001000000000"))
    device = (await service.metadata.GetDevice(pb.GetDeviceRequest(device_code="d1"))).device
    assert list(device.fields) == ["a"]


async def fleet(store, count=60):
    """Store devices with some fields in common and some of their own, and return their keys."""
    keys = [key_of(f"d{number:03d}") for number in range(count)]
    for number, key in enumerate(keys):
        texts = {"t": [f"x{number}", None], "mixed": ["a", "b"]} if number % 2 else {"t": ["y", "z"]}
        numbers = {"common": [number, -number], f"own{number}": [1, 2]} | ({} if number % 2 else {"mixed": [1, 2]})
        await store.append(key, frame_of([number % 7, number % 7 + 1], texts, **numbers))
    fields = ["common", "t", "mixed", "nowhere", *(f"own{number}" for number in range(count))]
    return keys, fields


@pytest.mark.parametrize("bounds", [(7, 50), (1, 1), (1_000, 40), (7, 100_000)])
@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 1_000},
        {"limit": 10, "offset": 5},
        {"limit": 10, "offset": 115},
        {"limit": 10, "offset": 1_000},
        {"conditions": (Condition(field="common", operator=Operator.GT, operands=(10.0,)),)},
        {"span": Span(start=2_000_000, end=5_000_000)},
    ],
)
async def test_a_page_read_in_pieces_is_the_page_of_one_statement(store, bounds, asked):
    keys, fields = await fleet(store, 30)
    query = NewestQuery(**{"fields": fields[:34], "span": Span(), **asked})
    whole = await store.newest(keys, query)
    sources = await store._sources(keys)
    page = newest_page.NewestPage(sources, query, lambda statement: store._columns(statement, "t1"), *bounds)
    rows = await page.rows()
    frame = await page.frame(
        rows, {name: FieldKind.TEXT if name in {"t", "mixed"} else FieldKind.NUMBER for name in query.fields}
    )
    assert rows.total == whole.total
    assert [keys[place].device_code for place in rows.places] == list(whole.device_codes)
    assert frame.timestamps.tolist() == whole.frame.timestamps.tolist()
    for name in query.fields:
        if name in whole.frame.texts:
            assert frame.texts[name].tolist() == whole.frame.texts[name].tolist()
        else:
            np.testing.assert_array_equal(frame.numbers[name], whole.frame.numbers[name])


async def test_rows_of_one_moment_are_paged_in_the_order_of_their_devices_and_none_twice(store):
    keys = [key_of(f"d{number:03d}") for number in range(60)]
    for key in keys:
        await store.append(key, frame_of([1, 2], {}, a=[1.0, 2.0]))
    sources, seen = await store._sources(keys), []
    for offset in range(0, 120, 7):
        query = NewestQuery(fields=["a"], span=Span(), limit=7, offset=offset)
        rows = await newest_page.NewestPage(sources, query, lambda statement: store._columns(statement, "t1")).rows()
        seen += rows.places.tolist()
    assert seen == [*range(60), *range(60)]


async def test_the_newest_row_of_many_devices_one_of_them_of_two_thousand_fields_takes_two_seconds(store):
    keys = [key_of(f"d{number:03d}") for number in range(60)]
    for key in keys:
        await store.append(key, frame_of([1], a=[1], b=[2]))
    await store.append(key_of("wide"), frame_of([2], **wide(2_000)))
    query = NewestQuery(fields=["a", "b", *wide(2_000)], span=Span(), limit=1)

    async def ask():
        found = await store.newest([*keys, key_of("wide")], query)
        assert (found.total, found.device_codes) == (61, ["wide"])
        assert found.frame.numbers["f1999"].tolist() == [1999]

    assert await cpu_seconds(ask()) < 2


async def test_a_page_far_behind_of_very_many_devices_is_refused(store):
    await store.append(KEY, frame_of([1], a=[1]))
    sources = await store._sources([KEY]) * 301
    query = NewestQuery(fields=["a"], span=Span(), offset=10**9, limit=10)
    with pytest.raises(Unprocessable, match="ends at row 1000000010 of 301 devices") as caught:
        await newest_page.NewestPage(sources, query, lambda statement: store._columns(statement, "t1")).rows()
    assert caught.value.reason == "PAGE_INVALID"


async def test_times_of_extremes_of_six_hundred_fields_take_two_seconds(store):
    await store.append(KEY, frame_of([1], **wide(600)))
    query = StatisticsQuery(fields=list(wide(600)), span=Span(), extreme_times=True, percentiles=(50.0,))

    async def ask():
        found = await store.insight(KEY, query)
        assert [each.percentiles[0] for each in found[:3]] == [0, 1, 2]

    assert await cpu_seconds(ask()) < 2


async def test_thousands_of_text_fields_are_read_within_the_memory_of_questions(store):
    texts = {f"t{number}": [f"v{number}", None] for number in range(2_500)}
    await store.append(KEY, frame_of([1, 2], texts, a=[5, 4]))
    fields = [*texts, "a"]
    newest = await store.newest([KEY], NewestQuery(fields=fields, span=Span()))
    assert [newest.frame.texts[f"t{number}"].tolist() for number in (0, 2_499)] == [[None, "v0"], [None, "v2499"]]
    for query in (
        HistoryQuery(fields=fields, span=Span()),
        HistoryQuery(fields=fields, span=Span(), order_by="a", descending=True),
    ):
        rows = await store.history(KEY, query)
        assert rows.numbers["a"].tolist() == [5, 4]
        assert all(rows.texts[f"t{number}"].tolist() == [f"v{number}", None] for number in (0, 499, 500, 2_499))
    bucket = await store.history(KEY, HistoryQuery(fields=fields, span=Span(), interval=10_000_000))
    assert bucket.numbers["a"].tolist() == [4.5]
    assert bucket.texts["t2499"].tolist() == ["v2499"]


async def test_rows_of_thousands_of_text_fields_are_merged_field_by_field_within_the_memory_of_questions(store):
    texts = {f"t{number}": [f"v{number}", None, "z"] for number in range(5_000)}
    rows = frame_of([1, 2, 3], texts, a=[1, np.nan, 3], b=[4, 5, 6])
    await store.append(KEY, rows)
    await store.append(KEY, rows)
    changed = frame_of(
        [0, 2, 3], {"t7": ["new", "new", None], "u": [None, "u", None]}, a=[0, 2, np.nan], c=[7, np.nan, 9]
    )
    assert await cpu_seconds(store.append(KEY, changed)) < 5
    found = await store.read(KEY, ["t7", "t8", "u", "a", "b", "c"], Span())
    assert found.texts["t7"].tolist() == ["new", "v7", "new", "z"]
    assert found.texts["t8"].tolist() == [None, "v8", None, "z"]
    assert found.texts["u"].tolist() == [None, None, "u", None]
    np.testing.assert_array_equal(found.numbers["a"], [0, 1, 2, 3])
    np.testing.assert_array_equal(found.numbers["b"], [np.nan, 4, 5, 6])
    np.testing.assert_array_equal(found.numbers["c"], [7, np.nan, np.nan, 9])


async def test_many_rows_of_few_fields_are_merged_into_a_wide_table_part_by_part(store):
    count = 2_500
    await store.append(KEY, frame_of(range(count), **{f"f{number}": range(count) for number in range(1_000)}))
    await store.append(KEY, frame_of(range(1, count + 1), f3=range(count)))
    found = await store.read(KEY, ["f3", "f4"], Span())
    assert len(found) == count + 1
    np.testing.assert_array_equal(found.numbers["f3"], [0, *range(count)])
    np.testing.assert_array_equal(found.numbers["f4"], [*range(count), np.nan])


def test_points_that_have_fields_of_their_own_are_few_or_have_values_in_some_of_their_places():
    require_dense("d", 1_000, 1_000, 1_000)
    require_dense("d", 1_000, 2_000, 20_000)
    with pytest.raises(Unprocessable, match="the 1001 points of device 'd' have 1000 fields together and 1001 values"):
        require_dense("d", 1_001, 1_000, 1_001)
    with pytest.raises(Unprocessable, match="send the points in parts") as refused:
        require_dense("d", 1_000, 2_000, 19_999)
    assert refused.value.reason == "FIELDS_LIMIT_EXCEEDED"


async def test_a_body_of_points_with_a_field_each_is_refused_before_a_table_is_made(service, as_tenant):
    def messages(lines):
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_LINE_PROTOCOL, create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk="\n".join(lines).encode())

    sparse = [f"m,device=thin g{number}=1 {1_714_557_600 + number}000000000" for number in range(1_100)]
    quoted = [f'm,device=thin g{number}="x" {1_714_557_600 + number}000000000' for number in range(1_100)]
    with as_tenant("t"):
        for lines in (sparse, quoted):
            with pytest.raises(Unprocessable, match="nearly all of the places would be empty"):
                await service.features.Ingest(messages(lines), timeout=60)
        with pytest.raises(NotFound):
            await service.metadata.GetDevice(pb.GetDeviceRequest(device_code="thin"))
        one = await service.features.Ingest(messages(sparse[:300]))
    assert one.rows_accepted == 300
