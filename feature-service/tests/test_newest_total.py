"""The total beside a page of newest rows: counted, or of very many rows in PostgreSQL estimated, and told as such."""

import asyncpg
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.postgresql.newest_count import MOST_COUNTED
from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, NewestQuery, Operator
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, SECOND, frame_of

MANY = 2 * MOST_COUNTED
FEW = 400


def query_of(**values):
    return NewestQuery(**{"fields": ["a"], "span": Span(), "limit": 10, **values})


@pytest.fixture
async def store(telemetry_store, telemetry_url):
    await telemetry_store.append(KEY, frame_of(range(MANY), a=range(MANY)))
    await telemetry_store.append(OTHER, frame_of(range(FEW), a=range(FEW)))
    if isinstance(telemetry_store, PostgresTelemetryStore):
        connection = await asyncpg.connect(telemetry_url)
        await connection.execute("ANALYZE")
        await connection.close()
    return telemetry_store


async def test_few_rows_are_counted_and_very_many_may_be_estimated_and_say_so(store):
    few = await store.newest([OTHER], query_of())
    assert (few.total, few.total_is_estimate) == (FEW, False)
    edge = query_of(span=Span(end=MOST_COUNTED * SECOND))
    counted = await store.newest([KEY], edge)
    assert (counted.total, counted.total_is_estimate) == (MOST_COUNTED, False)
    everything = await store.newest([KEY, OTHER], query_of())
    if isinstance(store, DuckDbTelemetryStore):  # counts a column of a billion rows in a second
        assert (everything.total, everything.total_is_estimate) == (MANY + FEW, False)
        return
    assert everything.total_is_estimate
    assert MANY / 2 < everything.total < MANY * 2
    half = Condition(field="a", operator=Operator.GE, operands=(float(MANY - 150_000),))
    conditioned = await store.newest([KEY], query_of(conditions=(half,)))
    assert conditioned.total_is_estimate
    assert conditioned.total > MOST_COUNTED


async def test_the_last_page_says_how_many_rows_there_are(store):
    last = await store.newest([KEY], query_of(offset=MANY - 7))
    assert (len(last.frame), last.total, last.total_is_estimate) == (7, MANY, False)
    full = await store.newest([KEY], query_of(offset=MANY - 10))
    assert len(full.frame) == 10
    # A full page may have another behind it, as far as an estimate knows.
    assert full.total > MANY if full.total_is_estimate else full.total == MANY
    beyond = await store.newest([KEY], query_of(offset=MANY + 10))
    assert len(beyond.frame) == 0
    assert beyond.total_is_estimate or beyond.total == MANY
