"""Pages of newest rows that are asked for again: as exact as the rows themselves."""

import pytest

from feature_service.adapters.duckdb.newest_cache import NewestCache
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, NewestQuery, NewestRows, Operator
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, frame_of, seconds_of

QUERY = NewestQuery(fields=("a",), span=Span(), limit=2)


@pytest.fixture
async def store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    await opened.append(KEY, frame_of([1, 2, 3], a=[1, 2, 3]))
    await opened.append(OTHER, frame_of([2], a=[9]))
    yield opened
    await opened.close()


async def seconds(store, *keys, query=QUERY):
    return seconds_of((await store.newest(keys or (KEY,), query)).frame)


async def test_a_page_that_is_asked_for_again_is_not_read_again(store):
    assert await store.newest([KEY], QUERY) is await store.newest([KEY], QUERY)


async def test_rows_that_are_written_are_in_the_next_page_also_late_ones_and_changed_ones(store):
    assert await seconds(store) == [3, 2]
    await store.append(KEY, frame_of([4], a=[4]))
    assert await seconds(store) == [4, 3]
    await store.append(KEY, frame_of([3], a=[7]))
    assert (await store.newest([KEY], QUERY)).frame.numbers["a"].tolist() == [4, 7]
    await store.append_all([(KEY, frame_of([5], a=[5])), (OTHER, frame_of([6], a=[6]))], tenant_id=KEY.tenant_id)
    assert await seconds(store, KEY, OTHER) == [6, 5]


async def test_rows_that_are_deleted_or_dropped_are_in_no_page(store):
    assert await seconds(store, query=NewestQuery(fields=("a",), span=Span(), limit=9)) == [3, 2, 1]
    await store.delete_before(2_000_000)
    assert await seconds(store, query=NewestQuery(fields=("a",), span=Span(), limit=9)) == [3, 2]
    await store.drop(KEY)
    assert await seconds(store) == []


async def test_another_range_condition_page_or_field_is_another_page(store):
    others = [
        NewestQuery(fields=("a",), span=Span(end=3_000_000), limit=2),
        NewestQuery(
            fields=("a",),
            span=Span(),
            limit=2,
            conditions=(Condition(field="a", operator=Operator.LT, operands=(3.0,)),),
        ),
        NewestQuery(fields=("a",), span=Span(), limit=2, offset=1),
    ]
    assert await seconds(store) == [3, 2]
    for other in others:
        assert await seconds(store, query=other) == [2, 1]
    assert list((await store.newest([KEY], NewestQuery(fields=("b",), span=Span(), limit=2))).frame.numbers) == ["b"]


async def test_what_was_read_while_rows_came_in_is_not_handed_out_again():
    cache, read = NewestCache(), []

    async def reading():
        cache.note_written([KEY])
        read.append(None)
        return NewestRows(frame=frame_of([1], a=[1]), device_codes=["d"], total=1)

    for _ in range(2):
        await cache.get_or_read([KEY], QUERY, reading)
    assert len(read) == 2


async def test_pages_are_few_and_small():
    cache, read = NewestCache(most_pages=2), []

    def page(rows):
        async def reading():
            read.append(rows)
            return NewestRows(frame=frame_of(range(rows), a=range(rows)), device_codes=["d"] * rows, total=rows)

        return reading

    for offset in (0, 1, 2, 2, 0):
        await cache.get_or_read([KEY], NewestQuery(fields=("a",), span=Span(), offset=offset), page(1))
    assert len(read) == 4
    for _ in range(2):
        await cache.get_or_read([OTHER], QUERY, page(30_000))
    assert len(read) == 6
