"""Features whose caller has left are not computed to their end; those computed in pieces are the same to the bit."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.extraction import extract
from feature_service.domain.extraction.extract import extract_features
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.catalog import definitions
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod
from feature_service.domain.query.feature_stream import FeatureStream, MemoryMatrix
from penstock_testkit.contracts.telemetry_rows import KEY, frame_of
from penstock_testkit.waiting import HANG_SECONDS

ROWS = 400
SECOND = 1_000_000


def rows_with_gaps():
    random = np.random.default_rng(5)
    values = random.normal(size=(2, ROWS))
    values[0, random.integers(0, ROWS, 20)] = np.nan
    times = np.arange(ROWS) + 30.0 * (np.arange(ROWS) > 150) + 0.25 * random.random(ROWS)
    return frame_of(times, a=values[0], b=values[1])


def plan_of(window):
    return ExtractionPlan(
        window=window, features=tuple(definitions()), missing=MissingMethod.NONE, normalize=NormalizeMethod.NONE
    )


class CallerLeftError(Exception):
    pass


@pytest.mark.parametrize(
    "window",
    [
        WindowPlan(size=32, overlap=0.5),
        WindowPlan(size=40, overlap=0.9),
        WindowPlan(size=16, overlap=0.75, max_gap=5 * SECOND),
        TimeWindowPlan(size=20 * SECOND, step=3 * SECOND),
    ],
)
@pytest.mark.parametrize("readings", [1, 3_000])
def test_features_computed_in_pieces_are_the_same_to_the_bit(monkeypatch, window, readings):
    whole = extract_features(rows_with_gaps(), plan_of(window))
    monkeypatch.setattr(extract, "_READINGS_AT_ONCE", readings)
    calls = []
    pieces = extract_features(rows_with_gaps(), plan_of(window), lambda: calls.append(1))
    np.testing.assert_array_equal(pieces.matrix, whole.matrix)
    np.testing.assert_array_equal(pieces.starts, whole.starts)
    assert len(calls) > 2


def test_a_check_that_raises_ends_the_work_after_the_piece_that_runs(monkeypatch):
    monkeypatch.setattr(extract, "_READINGS_AT_ONCE", 1)
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 3:
            raise CallerLeftError

    with pytest.raises(CallerLeftError):
        extract_features(rows_with_gaps(), plan_of(WindowPlan(size=32)), check)
    assert len(calls) == 3


async def test_of_a_long_range_whose_caller_left_no_further_piece_is_computed(monkeypatch, tmp_path):
    loop = asyncio.get_running_loop()
    computing, left = asyncio.Event(), threading.Event()
    compute, calls = extract.window_features, []

    def computed(*given, **named):
        calls.append(1)
        loop.call_soon_threadsafe(computing.set)
        assert left.wait(HANG_SECONDS)
        return compute(*given, **named)

    monkeypatch.setattr(extract, "window_features", computed)
    monkeypatch.setattr(extract, "_READINGS_AT_ONCE", 1)
    store = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    await store.append(KEY, rows_with_gaps())
    threads = ThreadPoolExecutor()
    loop.set_default_executor(threads)
    stream = FeatureStream(store, KEY, Span(), plan_of(WindowPlan(size=32)))
    filling = asyncio.create_task(stream.fill(MemoryMatrix(), ["a", "b"], ROWS))
    async with asyncio.timeout(HANG_SECONDS):
        await computing.wait()
        filling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await filling
    left.set()
    threads.shutdown(wait=True)
    assert calls == [1]
    loop.set_default_executor(ThreadPoolExecutor())
    await store.close()
