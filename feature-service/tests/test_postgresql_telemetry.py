# pyright: basic, reportOptionalMemberAccess=false
"""The telemetry store on a real PostgreSQL: the contract of all stores, and what only this one promises."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import numpy as np
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import NewestQuery
from penstock_kit.errors import InvalidArgument, ResourceExhausted, Unavailable
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, SECOND, frame_of, seconds_of
from penstock_testkit.contracts.telemetry_store import TelemetryStoreContract
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.waiting import HANG_SECONDS, until_true

DAY = 86_400
MONTH = 31 * DAY


@pytest.fixture
async def store(postgres_url):
    opened = PostgresTelemetryStore(postgres_url)
    yield opened
    await opened.close()


@pytest.fixture
async def proxy(postgres_url):
    proxy = FaultProxy(postgres_url)
    yield proxy
    await proxy.cut()


class TestPostgresTelemetryStore(TelemetryStoreContract):
    pass


async def asked(url, text, *values):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(text, *values)
    finally:
        await connection.close()


async def partitions(url):
    rows = await asked(url, "SELECT inhrelid::regclass::text AS name FROM pg_inherits ORDER BY 1")
    return [row["name"] for row in rows if not row["name"].endswith("_pkey")]


async def test_services_that_open_an_empty_database_at_once_make_one_schema(postgres_url):
    stores = [PostgresTelemetryStore(postgres_url) for _ in range(6)]
    assert await asyncio.gather(*(store.extent(KEY) for store in stores)) == [None] * 6
    for store in stores:
        await store.close()


async def test_first_rows_of_a_month_from_many_services_at_once_are_all_stored_while_others_read(postgres_url):
    stores = [PostgresTelemetryStore(postgres_url) for _ in range(4)]
    await stores[0].append(KEY, frame_of(range(100), a=range(100)))
    now = int(datetime.now(UTC).timestamp())
    keys = [SeriesKey(tenant_id="t", device_code=f"new {number}") for number in range(16)]
    is_over = False

    async def read():
        reads = 0
        while not is_over:
            assert (await stores[0].statistics([KEY], ["a"], Span())).rows == 100
            reads += 1
        return reads

    reading = asyncio.create_task(read())
    await asyncio.gather(*(stores[n % 4].append(key, frame_of([now], a=[n])) for n, key in enumerate(keys)))
    is_over = True
    assert await reading > 0
    assert [(await stores[1].extent(key)).rows for key in keys] == [1] * 16
    for store in stores:
        await store.close()


async def test_a_field_that_one_service_adds_is_read_by_another_at_once(postgres_url):
    writer, reader = PostgresTelemetryStore(postgres_url), PostgresTelemetryStore(postgres_url)
    await writer.append(KEY, frame_of(range(10), a=range(10)))
    for number in range(30):
        assert len(await reader.fields(KEY)) == number + 1
        await writer.append(KEY, frame_of([number], **{f"new {number}": [number]}))
        frame = await reader.read(KEY, ["a", f"new {number}"], Span())
        assert frame.numbers[f"new {number}"][number] == number
    await writer.close()
    await reader.close()


async def test_a_series_that_one_service_drops_takes_new_rows_of_another_and_shows_no_old_ones(postgres_url):
    one, other = PostgresTelemetryStore(postgres_url), PostgresTelemetryStore(postgres_url)
    await one.append(KEY, frame_of(range(10), a=range(10)))
    await other.drop(KEY)
    assert await asked(postgres_url, "SELECT FROM telemetry_rows") == []
    await one.append(KEY, frame_of([5], {"a": ["text now"]}))
    assert (await other.read(KEY, ["a"], Span())).texts["a"].tolist() == ["text now"]
    await one.close()
    await other.close()


async def test_two_loads_of_the_same_rows_at_once_leave_each_row_once(store):
    rows = [frame_of(range(start, start + 3_000), a=range(3_000)) for start in (0, 1_000, 2_000)]
    await asyncio.gather(*(store.append(KEY, each) for each in rows))
    frame = await store.read(KEY, ["a"], Span())
    assert seconds_of(frame) == list(range(5_000))


async def test_a_row_a_day_from_1970_to_2100_is_stored_in_few_partitions_and_read_without_bounds(store, postgres_url):
    days = np.arange(0, 130 * 366, 1)
    await store.append(KEY, frame_of(days * DAY, a=days))
    assert await store.row_count(KEY, Span()) == len(days)
    np.testing.assert_array_equal((await store.read(KEY, ["a"], Span())).numbers["a"], days)
    assert len(await partitions(postgres_url)) < 200


async def test_rows_of_the_present_lie_in_months_and_those_of_the_past_in_years(store, postgres_url):
    now = datetime.now(UTC)
    past, ancient = datetime(2003, 5, 4, tzinfo=UTC), datetime(1066, 10, 14, tzinfo=UTC)
    times = [int(moment.timestamp()) for moment in (ancient, past, now)]
    await store.append(KEY, frame_of(times, a=[1, 2, 3]))
    month = f"telemetry_rows_{now.year}_{now.month:02}"
    assert await partitions(postgres_url) == ["telemetry_rows_2003", month, "telemetry_rows_before"]


async def test_a_partition_that_was_dropped_is_made_again(store, postgres_url):
    await store.append(KEY, frame_of([0], a=[1]))
    await asked(postgres_url, "DROP TABLE telemetry_rows_before")
    with pytest.raises(Unavailable):
        await store.append(KEY, frame_of([1], a=[1]))
    await store.append(KEY, frame_of([1], a=[1]))
    assert (await store.extent(KEY)).rows == 1


async def test_rows_of_many_devices_in_one_body_are_stored_together_or_not_at_all(store):
    keys = [SeriesKey(tenant_id="t", device_code=f"d{number}") for number in range(200)]
    await store.append_all([(key, frame_of([number, number + 1], a=[1, 2])) for number, key in enumerate(keys)])
    assert [(await store.extent(key)).rows for key in keys[::50]] == [2] * 4
    parts = [(keys[0], frame_of([50], a=[1])), (keys[0], frame_of([60], {"a": ["text"]}))]
    with pytest.raises(InvalidArgument):
        await store.append_all(parts)
    assert (await store.extent(keys[0])).rows == 2


async def test_a_series_may_have_thousands_of_fields(store):
    names = [f"field {number}" for number in range(2_000)]
    columns = {name: [number, np.nan, -number] for number, name in enumerate(names)}
    await store.append(KEY, frame_of([1, 2, 3], **columns))
    frame = await store.read(KEY, names, Span())
    assert all(frame.numbers[name][2] == -number for number, name in enumerate(names))
    found = (await store.statistics([KEY], names, Span())).fields
    assert [each.max for each in found] == list(range(2_000))


async def test_long_texts_among_short_ones_are_kept(store):
    texts = ["x" * 3_000_000 if second % 50 == 7 else f"v{second}" for second in range(100)]
    await store.append(KEY, frame_of(range(100), {"t": texts}, a=range(100)))
    assert (await store.read(KEY, ["t"], Span())).texts["t"].tolist() == texts


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
async def test_a_text_that_no_database_holds_is_refused_with_its_rows_and_blocks_nothing(store, text):
    with pytest.raises(InvalidArgument) as refused:
        await store.append(KEY, frame_of(range(3), {"t": ["x", text, "y"]}))
    assert refused.value.reason == "VALUE_INVALID"
    assert await store.row_count(KEY, Span()) == 0
    await store.append(KEY, frame_of([1], {"t": ["x"]}))
    assert await store.row_count(KEY, Span()) == 1


async def test_writing_rows_again_writes_nothing(store, postgres_url):
    rows = frame_of(range(1_000), {"t": ["x"] * 1_000}, a=range(1_000), b=[np.nan] * 1_000)
    await store.append(KEY, rows)
    before = await asked(postgres_url, "SELECT ts, xmin::text FROM telemetry_rows ORDER BY ts")
    await store.append(KEY, rows)
    assert await asked(postgres_url, "SELECT ts, xmin::text FROM telemetry_rows ORDER BY ts") == before


async def test_a_question_that_takes_too_long_is_refused_and_costs_no_connection(postgres_url):
    store = PostgresTelemetryStore(postgres_url, query_seconds=0.2)
    locker = await asyncpg.connect(postgres_url)
    await store.append(KEY, frame_of([1], a=[1]))
    for _ in range(10):
        async with locker.transaction():
            await locker.execute("LOCK TABLE telemetry_rows IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(ResourceExhausted) as refused:
                await store.row_count(KEY, Span())
    assert refused.value.reason == "TELEMETRY_TIME_LIMIT_EXCEEDED"

    async def answers():
        with suppress(ResourceExhausted):  # a machine that is short of time does not count a row in 0.2 s either
            return await store.row_count(KEY, Span()) == 1
        return False

    await until_true(answers)
    await locker.close()
    await store.close()


async def test_callers_who_leave_cost_no_connection_and_leave_no_half(store):
    await store.append(OTHER, frame_of(range(20_000), {"t": ["x"] * 20_000}, a=range(20_000)))
    rows = frame_of(range(20_000), {"t": ["x"] * 20_000}, a=range(20_000))

    async def leave(work, seconds):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await work()

    for number in range(25):
        seconds = 0.01 + number / 250
        await asyncio.gather(
            leave(lambda: store.append(KEY, rows), seconds),
            leave(lambda: store.read(OTHER, ["a", "t"], Span()), seconds),
        )
    assert await store.row_count(KEY, Span()) in {0, 20_000}
    await store.append(KEY, rows)
    assert await store.row_count(KEY, Span()) == 20_000
    await asyncio.gather(*(store.read(OTHER, ["a"], Span()) for _ in range(16)))


async def test_rows_that_were_acknowledged_survive_another_process(postgres_url, store):
    await store.append(KEY, frame_of([1], {"t": ["x"]}, a=[1]))
    await store.close()
    second = PostgresTelemetryStore(postgres_url)
    await second.append(KEY, frame_of([2], b=[2]))
    assert list(await second.fields(KEY)) == ["a", "t", "b"]
    assert (await second.extent(KEY)).rows == 2
    await second.close()


async def test_a_server_that_is_not_there_is_named_at_once_and_used_when_it_comes(proxy):
    # A server without passwords takes any; one that asks for them has its own in the address.
    url = proxy.url if urlsplit(proxy.url).password else proxy.url.replace("penstock@", "penstock:hunter2@")
    secret = f"{urlsplit(url).username}:{urlsplit(url).password}"
    store = PostgresTelemetryStore(url, reconnect_seconds=0)
    for work in (store.ping, lambda: store.extent(KEY), lambda: store.append(KEY, frame_of([1], a=[1]))):
        with pytest.raises(Unavailable) as refused:
            await work()
        assert refused.value.reason == "TELEMETRY_UNAVAILABLE"
        assert secret not in str(refused.value)
        assert "hunter2" not in str(refused.value)
        assert "no connection" in refused.value.message
    await proxy.open()
    await store.ping()
    await store.append(KEY, frame_of([1], a=[1]))
    assert (await store.extent(KEY)).rows == 1
    await store.close()


async def test_a_server_that_restarts_costs_readers_and_new_loads_a_wait_and_no_failure(proxy):
    await proxy.open()
    store = PostgresTelemetryStore(proxy.url, reconnect_seconds=HANG_SECONDS)
    await store.append(KEY, frame_of(range(1_000), a=range(1_000)))
    await proxy.cut()
    asking: list[asyncio.Task[Any]] = [asyncio.create_task(store.read(KEY, ["a"], Span())) for _ in range(4)]
    asking.append(asyncio.create_task(store.append(OTHER, frame_of([1], a=[1]))))
    await asyncio.sleep(0.3)  # some attempts fail
    assert not any(task.done() for task in asking)
    await proxy.open()
    await asyncio.gather(*asking)
    assert (await store.extent(OTHER)).rows == 1
    await store.close()


async def test_connections_that_were_lost_without_a_sign_cost_a_reader_nothing(proxy):
    await proxy.open()
    store = PostgresTelemetryStore(proxy.url)
    await store.append(KEY, frame_of(range(1_000), a=range(1_000)))
    await asyncio.gather(*(store.read(KEY, ["a"], Span()) for _ in range(4)))
    before = proxy.connections
    assert before > 2
    proxy.spoil()
    assert len(await store.read(KEY, ["a"], Span())) == 1_000
    assert proxy.connections == before + 1, "one was lost, and the others are not tried"
    await store.close()


async def test_a_load_that_the_server_breaks_off_is_stored_whole_or_not_at_all(proxy, postgres_url):
    await proxy.open()
    store = PostgresTelemetryStore(proxy.url)
    await store.append(OTHER, frame_of([1], a=[1]))
    connection = await asyncpg.connect(postgres_url)
    rows = frame_of(range(300_000), a=range(300_000), b=range(300_000))
    load = asyncio.create_task(store.append(KEY, rows))

    async def is_copying():
        text = "SELECT FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'"
        return bool(await connection.fetch(text)) or load.done()

    await until_true(is_copying)
    await proxy.cut()
    with pytest.raises(Unavailable):
        await load
    await proxy.open()
    assert await store.row_count(KEY, Span()) == 0
    await store.append(KEY, rows)
    assert await store.row_count(KEY, Span()) == 300_000
    await connection.close()
    await store.close()


async def test_the_time_zone_of_process_and_server_does_not_matter(store, postgres_url, monkeypatch):
    database = postgres_url.rpartition("/")[2]
    await asked(postgres_url, f"ALTER DATABASE {database} SET timezone = 'Asia/Kathmandu'")
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    try:
        await store.append(KEY, frame_of([-DAY, 0, DAY], a=[1, 2, 3]))
        frame = await store.read(KEY, ["a"], Span(start=0, end=DAY * SECOND))
        extent = await store.extent(KEY)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert seconds_of(frame) == [0]
    assert (extent.first, extent.last) == (-DAY * SECOND, DAY * SECOND)


async def test_a_copy_is_a_file_of_the_default_store_with_every_row(store, tmp_path):
    days = Frame(timestamps=(np.arange(250_000) * SECOND).astype("datetime64[us]"), numbers={"a": np.arange(250_000.0)})
    await store.append(KEY, days)
    await store.append(OTHER, frame_of([1, 2], {"t": ["x", None]}, a=[np.nan, 2]))
    await store.copy_to(tmp_path / "copy.duckdb")
    copy = DuckDbTelemetryStore(tmp_path / "copy.duckdb")
    np.testing.assert_array_equal((await copy.read(KEY, ["a"], Span())).numbers["a"], days.numbers["a"])
    assert (await copy.read(OTHER, ["t"], Span())).texts["t"].tolist() == ["x", None]
    assert await copy.fields(OTHER) == await store.fields(OTHER)
    await copy.close()


async def test_a_copy_of_nothing_is_a_file_too(store, tmp_path):
    await store.copy_to(tmp_path / "copy.duckdb")
    copy = DuckDbTelemetryStore(tmp_path / "copy.duckdb")
    assert await copy.extent(KEY) is None
    await copy.close()


async def test_another_tenant_finds_a_connection_while_one_asks_more_than_there_are(store, as_tenant):
    await store.append(KEY, frame_of([1], a=[1]))
    gate = asyncio.Event()

    async def hold(_connection):
        await gate.wait()

    with as_tenant("greedy"):
        greedy = [asyncio.create_task(store._pool.read(hold)) for _ in range(20)]
    try:
        with as_tenant("other"):
            assert (await asyncio.wait_for(store.extent(KEY), HANG_SECONDS)).rows == 1
        assert not any(each.done() for each in greedy)
    finally:
        gate.set()
    await asyncio.gather(*greedy)


async def test_a_page_of_many_devices_and_fields_is_read_in_pieces_and_is_the_same(store, tmp_path):
    keys = [SeriesKey(tenant_id="t", device_code=f"d{number:02d}") for number in range(20)]
    duck = DuckDbTelemetryStore(tmp_path / "t.duckdb")
    for number, key in enumerate(keys):
        rows = frame_of([number, number + 1], {"t": [f"x{number}", None]}, **{f"f{n}": [n, number] for n in range(400)})
        for each in (store, duck):
            await each.append(key, rows)
    query = NewestQuery(fields=["t", *(f"f{n}" for n in range(400))], span=Span(), limit=7, offset=3)
    mine, theirs = await store.newest(keys, query), await duck.newest(keys, query)
    await duck.close()
    assert (mine.total, list(mine.device_codes)) == (theirs.total, list(theirs.device_codes)) == (40, mine.device_codes)
    assert mine.frame.texts["t"].tolist() == theirs.frame.texts["t"].tolist()
    for name in theirs.frame.numbers:
        np.testing.assert_array_equal(mine.frame.numbers[name], theirs.frame.numbers[name])
